package store_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

func idOf(first int) codec.Identity { return codec.RootIdentity(first) }

// ledgerOf returns a ledger with every field set.
func ledgerOf(worker string, seq int64) store.Ledger {
	return store.Ledger{
		Fleet: "default", Worker: worker, Seq: seq, Started: created, Updated: created.Add(time.Duration(seq) * time.Second),
		Final: seq > 9, Slots: 4, Busy: 3, Held: 11, EmptySince: created.Add(time.Minute), Protected: seq < 3, Released: seq > 2,
		Jobs: map[string]store.JobCount{"a": {OK: 10 * seq, Failed: seq, BusyMS: 1234, WastedMS: 5, FailedMS: 3, InterruptedMS: 2, RunningMS: seq}, "b": {OK: 1, Failed: -1}, "c": {FailedMS: 7}},
		Hist: map[int]int64{0: 1, 7: 100_000, 80: 3, 300: 1},
		Cost: store.CostSample{
			Provider: "FARGATE_SPOT", Arch: "ARM64", VCPUMilli: 1024, MemoryMiB: 2048, DiskGiB: 21,
			Launched: created.Add(-time.Minute), Ready: created.Add(-time.Second), IdleMS: 99, CPUMS: 100_000,
			Requests: map[string]int64{"sqs.receive": 17, "ddb.put": 300_000},
		},
	}
}

func TestLedgerIsReplacedByNewerOnesOnly(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for _, seq := range []int64{1, 3, 2} {
		if err := s.PutLedger(t.Context(), ledgerOf("w1", seq)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutLedger(t.Context(), ledgerOf("w2", 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutLedger(t.Context(), store.Ledger{Fleet: "other", Worker: "w1", Seq: 1}); err != nil {
		t.Fatal(err)
	}
	want := []store.Ledger{ledgerOf("w1", 3), ledgerOf("w2", 10)}
	got, err := s.Ledgers(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ledgers of the fleet (-want +got):\n%s", d)
	}
	got, err = s.JobLedgers(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ledgers of the job (-want +got):\n%s", d)
	}
	p, err := s.Progress(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(store.Progress{OK: 130, Failed: 13, BusyMS: 2468, WastedMS: 10, Ledgers: want}, p); d != "" {
		t.Errorf("progress (-want +got):\n%s", d)
	}
	if p, err := s.Progress(t.Context(), "nobody's"); err != nil || p.OK != 0 || len(p.Ledgers) != 0 {
		t.Errorf("progress of an unknown job = %+v, %v; want nothing", p, err)
	}
}

func TestLedgerFoldsTheLeastBusyJobs(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	l := store.Ledger{Fleet: "f", Worker: "w", Seq: 1, Jobs: map[string]store.JobCount{store.OtherJobs: {OK: 1000, BusyMS: 1e9}}}
	want := map[string]store.JobCount{store.OtherJobs: {OK: 1000 + 0 + 1, BusyMS: 1e9 + 0 + 1}}
	for i := range store.MaxLedgerJobs + 2 {
		name, c := fmt.Sprintf("job-%d", i), store.JobCount{OK: int64(i), BusyMS: int64(i)}
		l.Jobs[name] = c
		if i >= 2 {
			want[name] = c
		}
	}
	if err := s.PutLedger(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got, err := s.Ledgers(t.Context(), "f")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if d := cmp.Diff(want, got[0].Jobs); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
}

func TestControlReachesEveryReader(t *testing.T) {
	t.Parallel()
	s, c := setup(t)
	if got, err := s.Control(t.Context(), "f"); err != nil || !cmp.Equal(got, store.Control{}) {
		t.Errorf("before anything is said: %+v, %v", got, err)
	}
	want := store.Control{Cancelled: []string{"j1", "j2"}, Released: []string{"w9"}, Paused: true, Draining: true, LeaderAt: created, Scale: store.Scale{
		Hold: true, Min: 2, Max: 50, SetMax: true, Mode: "deadline", Efficiency: .85, Deadline: created.Add(time.Hour), ValuePico: 5e12, BudgetPico: 9e12,
		By: "ann", At: created, Why: "a demonstration",
	}}
	if err := s.PutControl(t.Context(), "f", want); err != nil {
		t.Fatal(err)
	}
	for replica := range 16 {
		r := store.New(c, s.Table(), store.WithRand(func() float64 { return (float64(replica) + .5) / 16 }))
		got, err := r.Control(t.Context(), "f")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("replica %d (-want +got):\n%s", replica, d)
		}
	}
	if err := s.PutControl(t.Context(), "f", store.Control{}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Control(t.Context(), "f"); err != nil || !cmp.Equal(got, store.Control{}) {
		t.Errorf("taken back: %+v, %v", got, err)
	}
}

func TestControlWritersDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			err := s.UpdateControl(t.Context(), "f", func(c *store.Control) { c.Cancelled = append(c.Cancelled, strconv.Itoa(i)) })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := s.Control(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got.Cancelled); d != "" {
		t.Errorf("cancelled (-want +got):\n%s", d)
	}
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	a := store.HandlerInfo{Name: "a", Seen: created, Language: "go", Build: "v1"}
	b := store.HandlerInfo{Name: "b", Seen: created.Add(time.Hour), Language: "r", Build: "v2"}
	for _, h := range []store.HandlerInfo{b, {Name: "a", Seen: created.Add(-time.Hour)}, a} {
		if err := s.PutHandler(t.Context(), "f", h); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Handlers(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.HandlerInfo{a, b}, got); d != "" {
		t.Errorf("handlers (-want +got):\n%s", d)
	}
}

func TestDecisionsAcrossMidnight(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	midnight := created.Truncate(24 * time.Hour)
	var all []store.Decision
	for i := range 6 {
		d := store.Decision{
			Fleet: "f", At: midnight.Add(time.Duration(i-3) * time.Minute), Seq: int64(i), Wave: 2, Visible: 10, InFlight: 3, Delayed: 1,
			Backlog: 1000, Running: 4, Pending: 1, Desired: 5, Busy: 4, SpentPico: 12e9, Want: 8, OnDemand: i, Binding: "max", Reason: "doubling",
			Memory: []byte{0, byte(i)},
		}
		if i%2 == 0 {
			d.Jobs = map[string]int64{"prices": 900, store.OtherJobs: int64(100 + i)}
		}
		all = append(all, d)
		if err := s.PutDecision(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name     string
		from, to time.Time
		want     []store.Decision
	}{
		{"all", time.Time{}, midnight.Add(time.Hour), all},
		{"from is included and to is not", all[1].At, all[4].At, all[1:4]},
		{"nothing", midnight.Add(time.Hour), midnight.Add(2 * time.Hour), nil},
	} {
		var got []store.Decision
		for d, err := range s.Decisions(t.Context(), "f", tc.from, tc.to) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func TestLeaseChangesHands(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ctx, ttl := t.Context(), 30*time.Second
	at := func(seconds int) time.Time { return created.Add(time.Duration(seconds) * time.Second) }
	lease := func(owner string, generation int64, until int) store.Lease {
		return store.Lease{Fleet: "f", Owner: owner, Generation: generation, Expires: at(until)}
	}
	type outcome struct {
		Lease store.Lease
		OK    bool
	}
	check := func(step string, want outcome, l store.Lease, ok bool, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if d := cmp.Diff(want, outcome{l, ok}); d != "" {
			t.Errorf("%s (-want +got):\n%s", step, d)
		}
	}
	l, ok, err := s.AcquireLease(ctx, "f", "a", ttl, at(0))
	check("nobody leads", outcome{lease("a", 1, 30), true}, l, ok, err)
	first := l
	l, ok, err = s.AcquireLease(ctx, "f", "b", ttl, at(10))
	check("a leads", outcome{lease("a", 1, 30), false}, l, ok, err)
	l, ok, err = s.AcquireLease(ctx, "f", "a", ttl, at(15))
	check("a asks again and keeps its generation", outcome{lease("a", 1, 45), true}, l, ok, err)
	l, ok, err = s.RenewLease(ctx, first, ttl, at(20))
	check("a renews", outcome{lease("a", 1, 50), true}, l, ok, err)
	l, ok, err = s.AcquireLease(ctx, "f", "b", ttl, at(50))
	check("a's lease has run out", outcome{lease("b", 2, 80), true}, l, ok, err)
	second := l
	l, ok, err = s.RenewLease(ctx, first, ttl, at(51))
	check("a slept and finds b", outcome{lease("b", 2, 80), false}, l, ok, err)
	if err := s.ReleaseLease(ctx, first); err != nil {
		t.Fatal(err)
	}
	l, ok, err = s.AcquireLease(ctx, "f", "a", ttl, at(52))
	check("a's release did not touch b's lease", outcome{lease("b", 2, 80), false}, l, ok, err)
	if err := s.ReleaseLease(ctx, second); err != nil {
		t.Fatal(err)
	}
	l, ok, err = s.AcquireLease(ctx, "f", "a", ttl, at(53))
	check("b has released", outcome{lease("a", 3, 83), true}, l, ok, err)
}

func TestStartsAreCountedUntilReleased(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 10, 1, 1)
	add := func(start string, want int) {
		t.Helper()
		if n, err := s.AddStart(t.Context(), j, "3.1", start); err != nil || len(n) != want || !slices.Contains(n, start) {
			t.Errorf("AddStart(%s) = %v, %v; want %d", start, n, err, want)
		}
	}
	remove := func(start string) {
		t.Helper()
		if err := s.RemoveStart(t.Context(), j, "3.1", start); err != nil {
			t.Error(err)
		}
	}
	remove("w0") // nothing is there
	add("w1", 1)
	add("w1", 1) // the same start, sent twice
	add("w2", 2)
	remove("w1")
	remove("w1")
	add("w3", 2) // w2 was left behind: a death
	remove("w2")
	remove("w3")
	add("w4", 1)
	for i, id := range []string{"task-1", "task-1", "task-2"} { // tasks without a job are told apart by their ids
		if n, err := s.AddLooseStart(t.Context(), id, "0", fmt.Sprint("w", i)); err != nil || len(n) != 1+i%2 {
			t.Errorf("AddLooseStart(%s) = %v, %v; want %d", id, n, err, 1+i%2)
		}
	}
	if err := s.RemoveLooseStart(t.Context(), "task-1", "0", "w0"); err != nil {
		t.Error(err)
	}
	if n, err := s.AddLooseStart(t.Context(), "task-1", "0", "w1"); err != nil || len(n) != 1 {
		t.Errorf("after a release: %v, %v; want 1", n, err)
	}
}

func TestBadMessageIsRecordedOnce(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	b := store.BadMessage{
		MessageID: "m1", Sent: created, Seen: created.Add(time.Second), Reason: "base64", Detail: "byte 3",
		Sender: "AIDA", Head: "%%%", ReceiveCount: 1,
	}
	again := b
	again.ReceiveCount, again.Seen = 2, created.Add(time.Minute)
	for _, b := range []store.BadMessage{b, again} {
		if err := s.PutBad(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	other := b
	other.MessageID, other.Sent = "m2", created.Add(-24*time.Hour)
	if err := s.PutBad(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	var got []store.BadMessage
	for b, err := range s.Bad(t.Context(), created) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
	if d := cmp.Diff([]store.BadMessage{b}, got); d != "" {
		t.Errorf("bad messages of the day (-want +got):\n%s", d)
	}
	if one, ok, err := s.BadMessage(t.Context(), "m1", created); !ok || err != nil || !cmp.Equal(b, one) {
		t.Errorf("the record of m1: %+v, %v, %v", one, ok, err)
	}
	if _, ok, err := s.BadMessage(t.Context(), "m2", created); ok || err != nil {
		t.Errorf("a record of another day: %v, %v", ok, err)
	}
}

func TestCreateTableTwice(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	if err := s.CreateTable(t.Context()); err != nil {
		t.Error(err)
	}
}
