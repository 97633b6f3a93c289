package view

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// table is a store in memory.
type table struct {
	job       store.Job
	ledgers   []store.Ledger
	decisions []store.Decision
	forecast  []byte
	count     store.Count
	failed    []store.FailedItem
	err       error
	recounts  int
	asked     []time.Time // from when decisions were read
}

func (t *table) Job(_ context.Context, id string) (store.Job, error) {
	if id != t.job.ID {
		return store.Job{}, store.ErrNotFound
	}
	return t.job, nil
}

func (t *table) Jobs(context.Context, time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) { yield(t.job, nil) }
}

func (t *table) Ledgers(context.Context, string) ([]store.Ledger, error) { return t.ledgers, t.err }

func (t *table) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	t.asked = append(t.asked, from)
	return func(yield func(store.Decision, error) bool) {
		for _, d := range t.decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, nil) {
				return
			}
		}
	}
}

func (t *table) Forecast(context.Context, string) ([]byte, error) {
	if t.forecast == nil {
		return nil, store.ErrNotFound
	}
	return t.forecast, nil
}

func (t *table) Recount(context.Context, store.Job) (store.Count, error) {
	t.recounts++
	return t.count, nil
}

func (t *table) FailedItems(context.Context, store.Job) iter.Seq2[store.FailedItem, error] {
	return func(yield func(store.FailedItem, error) bool) {
		for _, f := range t.failed {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func ledger(worker string, launched, updated int, final bool, jobs map[string]store.JobCount) store.Ledger {
	return store.Ledger{Fleet: "f", Worker: worker, Seq: 1, Slots: 1, Final: final, Updated: at(updated), Jobs: jobs,
		Hist: map[int]int64{80: 90, 88: 10}, Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048,
			Launched: at(launched), Ready: at(launched + 20)}}
}

// setup is a job of 200 tasks 100 s after it was sent: w1 is busy, w2 waits, w3 starts, w4 was killed; "old" ended before.
func setup(t testing.TB) (*table, Looker) {
	t.Helper()
	busy, starting := ledger("w1", 5, 95, false, map[string]store.JobCount{"j": {OK: 60, Failed: 2, BusyMS: 62_000}}), ledger("w3", 90, 96, false, nil)
	busy.Busy, starting.Cost.Ready, starting.Hist = 1, time.Time{}, nil
	tab := &table{
		job: store.Job{ID: "j", Fleet: "f", Handler: "price", N: 200, Confirmed: 200, State: store.Sealed, Created: noon, MaxCostPico: int64(cost.USD),
			Plan: store.Plan{Chunk: 10}},
		ledgers: []store.Ledger{busy, ledger("w2", 6, 95, false, map[string]store.JobCount{"j": {OK: 28, BusyMS: 28_000}}), starting,
			ledger("w4", -30, 8, false, map[string]store.JobCount{"j": {OK: 10, BusyMS: 10_000}}), ledger("old", -900, -500, true, nil)},
		decisions: []store.Decision{
			{Fleet: "f", At: at(-3000), Want: 9},
			{Fleet: "f", At: at(1), Seq: 1, Wave: 1, Visible: 20, Want: 2, Jobs: map[string]int64{"j": 200}, Binding: "wave", Reason: "two first"},
			{Fleet: "f", At: at(80), Seq: 2, Wave: 2, Visible: 9, InFlight: 2, Desired: 2, Running: 2, Busy: 2, Want: 4, Jobs: map[string]int64{"j": 100}},
		},
		count: store.Count{OK: 90, Failed: 2},
	}
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	estimate, err := cost.EstimateJob(book, cost.JobShape{Tasks: 200, Messages: 20, TaskTime: bill.Around(time.Second)}, cost.Fleet{Max: 4})
	if err != nil {
		t.Fatal(err)
	}
	if tab.forecast, err = (bill.Forecast{Shape: cost.JobShape{Tasks: 200}, Estimate: estimate}).Encode(); err != nil {
		t.Fatal(err)
	}
	return tab, Looker{Store: tab, Job: "j", Bills: bill.Config{Book: book}}
}

// about allows for what floating point loses.
var about = cmp.Options{cmpopts.EquateApprox(1e-9, 0), cmpopts.EquateEmpty(), cmp.AllowUnexported(Tails{}),
	cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() < time.Millisecond })}

func TestAJobUnderWay(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	got, err := look.Look(t.Context(), at(100))
	if err != nil {
		t.Fatal(err)
	}
	money, spans, tails := got.Money, got.Workers.Spans, got.Tails
	got.Money, got.Workers.Spans, got.Tails = Money{}, nil, Tails{}
	want := State{
		At: at(100), Job: "j", Handler: "price", Fleet: "f", State: store.Sealed, Created: noon,
		Tasks: Tasks{Total: 200, Enqueued: 200, OK: 90, Failed: 2, Left: 108, Exact: true},
		// One slot is busy, and a task takes a second; 300 tasks in messages of 10 were seen.
		Pace:    Pace{PerSecond: 1, ETA: &ETA{Low: 78_895 * time.Millisecond, Likely: 108 * time.Second, High: 171_130 * time.Millisecond}},
		Workers: Workers{Desired: 4, Starting: 2, Busy: 1, Idle: 1, Gone: 1, Silent: 1},
		Queue:   Queue{At: at(80), Visible: 9, InFlight: 2},
		Waves: []Wave{
			{Name: "2026-11-24T12:00:01.000Z #1", At: at(1), To: 2, Asked: 2, Came: 2, Tasks: 90, Binding: "wave", Complete: at(26)},
			{Name: "2026-11-24T12:01:20.000Z #2", At: at(80), From: 2, To: 4, Asked: 2, Came: 1},
		},
	}
	for i := range got.Waves {
		if got.Waves[i].Cost <= 0 {
			t.Errorf("wave %s costs %s", got.Waves[i].Name, got.Waves[i].Cost)
		}
		got.Waves[i].Cost = 0
	}
	if diff := cmp.Diff(want, got, about); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if !money.Known || money.Spent <= 0 || money.Estimate == nil || money.Cap != cost.USD || money.Expected <= money.Spent || money.Local {
		t.Errorf("money %+v", money)
	}
	if tails.Count != 300 || tails.P50 != 1024*time.Millisecond || tails.P95 != 2048*time.Millisecond || tails.Mean != time.Second || len(tails.Buckets) != 9 {
		t.Errorf("durations %+v", tails)
	}
	var names []string
	for _, s := range spans {
		names = append(names, fmt.Sprintf("%s %v alive %v lost %v", s.Worker, s.Share(), s.Alive, s.Lost))
	}
	if diff := cmp.Diff([]string{"w4 0.20833333333333334 alive false lost true", "w1 0.8266666666666667 alive true lost false", "w2 0.3783783783783784 alive true lost false"}, names); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}
	if tab.recounts != 1 {
		t.Errorf("%d counts of the results; want one, at the first look", tab.recounts)
	}
}

func TestTheRateIsThatOfTheLooks(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	if _, err := look.Look(t.Context(), at(100)); err != nil {
		t.Fatal(err)
	}
	tab.ledgers[0].Jobs["j"] = store.JobCount{OK: 102, Failed: 2, BusyMS: 104_000}
	tab.ledgers[0].Seq, tab.ledgers[0].Updated = 2, at(119)
	s, err := look.Look(t.Context(), at(120))
	if err != nil {
		t.Fatal(err)
	}
	// 142 by the ledgers, 92 before.
	if s.Pace.PerSecond != 2.5 || s.Pace.Over != 20*time.Second || s.Tasks.Exact || s.Tasks.Left != 58 || tab.recounts != 1 {
		t.Errorf("pace %+v of %+v, %d counts", s.Pace, s.Tasks, tab.recounts)
	}
	if e := s.Pace.ETA; e == nil || e.Low >= e.Likely || e.Likely >= e.High || e.Likely != 23200*time.Millisecond {
		t.Errorf("ETA %+v", e)
	}
	if last := tab.asked[1]; !last.Equal(at(80).Add(time.Millisecond)) {
		t.Errorf("the second look reads decisions from %v on; it has all until %v", last, at(80))
	}
}

func TestAJobThatIsOver(t *testing.T) {
	t.Parallel()
	failure := func(i int, kind store.FailureKind, message string) store.Settled {
		return store.Settled{Index: i, Failure: &store.Failure{Kind: kind, Message: message, Attempts: 3, Stack: "at \x1b[31mline 1\n"}}
	}
	for _, c := range []struct {
		because string
		change  func(tab *table)
		ended   time.Time
		over    bool
	}{
		{"all tasks are counted", func(tab *table) { tab.count = store.Count{OK: 197, Failed: 3} }, at(95), true},
		{"the results are complete, but some are run again", func(tab *table) { tab.count = store.Count{OK: 197, Failed: 3, Retrying: 1} }, time.Time{}, false},
		{"somebody has marked it", func(tab *table) {
			tab.count, tab.job.State, tab.job.Finished = store.Count{OK: 197, Failed: 3}, store.Done, at(99)
		}, at(99), true},
		{"it was cancelled", func(tab *table) { tab.job.State, tab.job.Finished, tab.job.Why = store.Cancelled, at(50), "the cap" }, at(50), true},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			tab, look := setup(t)
			tab.failed = []store.FailedItem{{Failed: []store.Settled{failure(3, store.FailError, "task 3 has no price"), failure(7, store.FailTimeout, "after 1m0s")}},
				{Failed: []store.Settled{failure(14, store.FailError, "task 14 has no price")}}}
			c.change(tab)
			s, err := look.Look(t.Context(), at(200))
			if err != nil {
				t.Fatal(err)
			}
			if s.Over() != c.over || !s.Ended.Equal(c.ended) {
				t.Errorf("over %v at %v; want %v at %v", s.Over(), s.Ended, c.over, c.ended)
			}
			want := Failures{Seen: 3, Groups: []Failure{
				{Kind: "error", Pattern: "task # has no price", Count: 2, Index: 3, Message: "task 3 has no price", Stack: "at [31mline 1\n", Attempts: 3},
				{Kind: "timeout", Pattern: "after #m#s", Count: 1, Index: 7, Message: "after 1m0s", Stack: "at [31mline 1\n", Attempts: 3},
			}}
			if diff := cmp.Diff(want, s.Failures); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
			if c.over && s.Pace.ETA != nil {
				t.Errorf("ETA %+v of a job that is over", s.Pace.ETA)
			}
		})
	}
}

func TestWorkDoneByTheKilledIsFound(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	tab.ledgers = tab.ledgers[:2]
	tab.ledgers[0].Busy = 0
	tab.count = store.Count{OK: 92, Failed: 2}
	if _, err := look.Look(t.Context(), at(100)); err != nil {
		t.Fatal(err)
	}
	// The ledgers will never say more than 90; nobody is busy, and so the results are counted again.
	tab.count = store.Count{OK: 198, Failed: 2}
	s, err := look.Look(t.Context(), at(102))
	if err != nil || !s.Over() || s.Tasks.OK != 198 {
		t.Errorf("%+v, %v; want all settled", s.Tasks, err)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	look.Job = "nosuch"
	if _, err := look.Look(t.Context(), at(1)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such job: %v", err)
	}
	look.Job, tab.err = "j", errors.New("broken")
	if _, err := look.Look(t.Context(), at(1)); !errors.Is(err, tab.err) {
		t.Errorf("broken table: %v", err)
	}
}

// Whatever the ledgers say, the figures keep their laws.
func TestStatesKeepTheirLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		any64 := rapid.Int64Range(-1<<40, 1<<40)
		in := Input{Now: at(rapid.IntRange(0, 5000).Draw(r, "now")), Job: store.Job{ID: "j", N: rapid.IntRange(1, 1_000_000).Draw(r, "n"), Created: noon, State: store.Sealed}}
		for i := range rapid.IntRange(0, 8).Draw(r, "workers") {
			l := ledger(fmt.Sprint("w", i), rapid.IntRange(-100, 5000).Draw(r, "launched"), rapid.IntRange(-100, 6000).Draw(r, "updated"), rapid.Bool().Draw(r, "final"),
				map[string]store.JobCount{"j": {OK: any64.Draw(r, "ok"), Failed: any64.Draw(r, "failed"), BusyMS: any64.Draw(r, "busy")}})
			l.Busy, l.Hist = rapid.IntRange(0, 3).Draw(r, "slots"), map[int]int64{rapid.IntRange(-10, 1e6).Draw(r, "bucket"): any64.Draw(r, "count")}
			in.Ledgers = append(in.Ledgers, l)
		}
		if rapid.Bool().Draw(r, "looked before") {
			in.History = []Point{{in.Now.Add(-20 * time.Second), rapid.IntRange(0, in.Job.N).Draw(r, "then"), 0}}
		}
		s := Of(in)
		if s.Tasks.OK+s.Tasks.Failed+s.Tasks.Left != s.Tasks.Total || min(s.Tasks.OK, s.Tasks.Failed, s.Tasks.Left) < 0 {
			r.Fatalf("tasks %+v", s.Tasks)
		}
		if e := s.Pace.ETA; e != nil && (e.Low < 0 || e.Low > e.Likely || e.High > 0 && e.Likely > e.High) {
			r.Fatalf("ETA %+v", e)
		}
		if s.Tails.P50 > s.Tails.P95 || s.Tails.P95 > s.Tails.P99 {
			r.Fatalf("percentiles %+v", s.Tails)
		}
		series := SeriesOf(in, s)
		width := series.To.Sub(series.From).Seconds() / bins
		var ok, want float64
		for _, p := range series.Rates {
			ok += p.OK * width
		}
		for _, w := range s.Workers.Spans {
			want += float64(max(0, w.OK))
		}
		if ok < want*(1-1e-6)-1e-6 || ok > want*(1+1e-6)+1e-6 {
			r.Fatalf("the curve adds up to %v tasks; the workers did %v", ok, want)
		}
	})
}

func TestSeries(t *testing.T) {
	t.Parallel()
	_, look := setup(t)
	s, err := look.Look(t.Context(), at(100))
	if err != nil {
		t.Fatal(err)
	}
	series := SeriesOf(look.Input(), s)
	if !series.From.Equal(noon) || !series.To.Equal(at(100)) {
		t.Errorf("from %v to %v", series.From, series.To)
	}
	want := []FleetPoint{{At: at(1), Visible: 20, Want: 2}, {At: at(80), Visible: 9, InFlight: 2, Want: 4, Running: 2, Busy: 2}}
	if diff := cmp.Diff(want, series.Fleet); diff != "" {
		t.Errorf("fleet (-want +got):\n%s", diff)
	}
	last := cost.PicoUSD(0)
	for _, p := range series.Cost {
		if p.Spent < last {
			t.Fatalf("the cost falls: %v", series.Cost)
		}
		last = p.Spent
	}
	if last != s.Money.Spent {
		t.Errorf("the curve ends at %s; the bill is %s", last, s.Money.Spent)
	}
}

func TestALongHistoryIsThinnedButKeepsItsRaises(t *testing.T) {
	t.Parallel()
	var all []store.Decision
	for i := range 10_000 {
		d := store.Decision{At: at(i), Want: 5, Desired: 5, Visible: int64(i)}
		if i%2500 == 1 {
			d.Desired = 4
		}
		all = append(all, d)
	}
	got := fleetPoints(all, at(-1), at(10_000))
	raises := 0
	for _, p := range got {
		if p.Visible%2500 == 1 {
			raises++
		}
	}
	if len(got) > MaxPoints+5 || raises != 4 || got[len(got)-1].Visible != 9999 {
		t.Errorf("%d points, %d raises", len(got), raises)
	}
}

func TestWhatTheWorkersWereGoesBeforeThePlan(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	tab.forecast = nil
	for i := range tab.ledgers {
		tab.ledgers[i].Cost.Provider = cost.Local
	}
	s, err := look.Look(t.Context(), at(100))
	if err != nil || !s.Money.Local || s.Money.Estimate != nil {
		t.Errorf("money %+v, %v; want it as if on Fargate", s.Money, err)
	}
}

func TestWhatAJobWillCostIsSaidByThePriceOfTheLastTasks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		done    int
		age     int // seconds
		history []Point
		want    cost.PicoUSD
	}{
		{"nothing is settled", 0, 100, nil, 0},
		{"the first minute is billed as a whole", 40, 59, nil, 0},
		{"without another look all so far counts", 40, 60, nil, 100},
		{"the last tasks count", 40, 100, []Point{{at(50), 30, 30}}, 100},
		{"what is billed anyway is not for more tasks", 40, 100, []Point{{at(50), 30, 40}}, 40},
		{"a look just before says nothing", 40, 100, []Point{{at(98), 30, 30}}, 100},
		{"nothing is left", 100, 2, nil, 40},
	} {
		in := Input{Now: at(c.age), History: c.history}
		if got := expected(in, State{Created: noon, Tasks: Tasks{Total: 100, OK: c.done, Left: 100 - c.done}}, 40); got != c.want {
			t.Errorf("%s: %d, want %d", c.because, got, c.want)
		}
	}
}

func TestWhoeverFollowsAJobNeedsNoCount(t *testing.T) {
	t.Parallel()
	f := Followed{Sent: 8, OK: 3, Failed: 1}
	tb := &table{job: store.Job{ID: "j", Fleet: "f", N: 10, Confirmed: 4, State: store.Open, Created: noon, Plan: store.Plan{Chunk: 1}}}
	look := &Looker{Store: tb, Job: "j", Follower: func() Followed { return f }, FailuresEvery: -1}
	var got []Tasks
	for i := range 2 {
		s, err := look.Look(t.Context(), at(i))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Tasks)
		if over := i == 1; s.Over() != over {
			t.Errorf("look %d: over is %v", i, s.Over())
		}
		f = Followed{Sent: 10, OK: 8, Failed: 2}
	}
	want := []Tasks{{Total: 10, Enqueued: 8, OK: 3, Failed: 1, Left: 6}, {Total: 10, Enqueued: 10, OK: 8, Failed: 2, Exact: true}}
	if diff := cmp.Diff(want, got); diff != "" || tb.recounts > 0 {
		t.Errorf("%d counts, tasks (-want +got):\n%s", tb.recounts, diff)
	}
}
