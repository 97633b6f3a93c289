package consumer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/store"
)

// chunkBody is a message of job "j" with n tasks from index first, whose arguments are their indices.
func chunkBody(t testing.TB, handler string, first, n int) string {
	t.Helper()
	m := codec.Message{Handler: handler, Job: "j", First: first, Attempt: 1}
	for i := range n {
		raw, err := codec.Marshal(first + i)
		if err != nil {
			t.Fatal(err)
		}
		m.Args = append(m.Args, raw)
	}
	body, err := codec.Encode(&m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// argument decodes a test task's argument.
func argument(t Task) int {
	var i int
	if err := codec.Unmarshal(t.Arg, &i); err != nil {
		panic(err)
	}
	return i
}

// echo answers "r<argument>".
func echo(_ context.Context, t Task) ([]byte, error) {
	return codec.Marshal(fmt.Sprint("r", argument(t)))
}

type bench struct {
	queue   *virtual.Queue
	results *fakeResults
	cfg     Config
}

func setup(handlers Registry, bodies ...string) *bench {
	b := &bench{queue: virtual.NewQueue(virtual.QueueOptions{MaxReceives: 20}, bodies...), results: newFakeResults(store.Job{ID: "j", MaxAttempts: 3, Shards: 1})}
	b.cfg = Config{
		Queue: b.queue, QueueURL: "q", Results: b.results, Handlers: handlers, Name: "w1",
		Rand: rand.New(rand.NewPCG(1, 2)),
	}
	return b
}

// runUntil runs a worker until done holds (checked each virtual 100 ms) or limit passes.
func (b *bench) runUntil(t *testing.T, limit time.Duration, done func() bool) {
	t.Helper()
	w, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error, 1)
	go func() { finished <- w.Run(ctx) }()
	end := time.Now().Add(limit)
	for !done() && time.Now().Before(end) {
		time.Sleep(100 * time.Millisecond) // virtual: testing/synctest
	}
	ok := done()
	cancel()
	if err := <-finished; err != nil {
		t.Fatalf("Run: %v", err)
	}
	if !ok {
		t.Fatalf("not done after %v (virtual); %d messages left", limit, b.queue.Len())
	}
}

func (b *bench) drained() bool { return b.queue.Len() == 0 }

func TestEveryTaskIsSettledOnceAndAcked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 3), chunkBody(t, "echo", 3, 1))
		b.runUntil(t, time.Minute, b.drained)
		ok, failed, twice := b.results.settled("j")
		want := map[int]string{0: "r0", 1: "r1", 2: "r2", 3: "r3"}
		if diff := cmp.Diff(want, ok); diff != "" || len(failed) > 0 || len(twice) > 0 {
			t.Errorf("settled (-want +got):\n%s failed %v, twice %v", diff, failed, twice)
		}
		if got := b.results.ledger.Jobs["j"]; got.OK != 4 || got.Failed != 0 {
			t.Errorf("ledger counts %+v, want 4 ok", got)
		}
		if !b.results.ledger.Final {
			t.Error("the last ledger snapshot is not final")
		}
	})
}

func TestFailuresAreTriedAgainAndThenRecorded(t *testing.T) {
	t.Parallel()
	runs := map[int]*atomic.Int32{0: {}, 1: {}, 2: {}, 3: {}, 4: {}}
	handler := func(ctx context.Context, t Task) ([]byte, error) {
		i := argument(t)
		n := runs[i].Add(1)
		switch i {
		case 1: // comes good at its third attempt
			if n < 3 {
				return nil, errors.New("not yet")
			}
		case 2: // never comes good
			panic("no luck")
		case 3: // need not be tried again
			return nil, Permanent(errors.New("hopeless"))
		case 4: // ends its goroutine, as testing.FailNow does
			runtime.Goexit()
		}
		return echo(ctx, t)
	}
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 5))
		b.runUntil(t, 5*time.Minute, b.drained)
		ok, failed, twice := b.results.settled("j")
		if diff := cmp.Diff(map[int]string{0: "r0", 1: "r1"}, ok); diff != "" || len(twice) > 0 {
			t.Errorf("settled (-want +got):\n%s twice %v", diff, twice)
		}
		type short struct {
			Kind     store.FailureKind
			Attempts int
			Arg      string
		}
		got := map[int]short{}
		for i, f := range failed {
			got[i] = short{f.Kind, f.Attempts, hex.EncodeToString(f.Argument)}
		}
		want := map[int]short{2: {store.FailPanic, 3, "02"}, 3: {store.FailError, 1, "03"}, 4: {store.FailError, 3, "04"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		if !strings.Contains(failed[2].Stack, "worker_test.go") {
			t.Errorf("a panic's stack does not name its place: %q", failed[2].Stack)
		}
		for i, want := range map[int]int32{0: 1, 1: 3, 2: 3, 3: 1, 4: 3} {
			if got := runs[i].Load(); got != want {
				t.Errorf("task %d ran %d times, want %d", i, got, want)
			}
		}
	})
}

func TestBadMessagesAreRecordedAndKept(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, body, reason string }{
		{"not base64", "?!", "base64"},
		{"an unknown handler", chunkBody(t, "nobody", 0, 1), "unknown handler"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(Registry{"echo": echo}, c.body, chunkBody(t, "echo", 5, 1))
				b.runUntil(t, time.Minute, func() bool { ok, _, _ := b.results.settled("j"); return len(ok) == 1 && len(b.results.bad) == 1 })
				if got := b.results.bad[0]; got.Reason != c.reason || got.Sender != "AIDA-test" || got.Head == "" {
					t.Errorf("recorded %+v, want reason %q with sender and head", got, c.reason)
				}
				if b.queue.Len() != 1 {
					t.Errorf("%d messages left, want the bad one: it is for the redrive policy", b.queue.Len())
				}
			})
		})
	}
}

func TestOneBadChecksumLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		for i := range 10 {
			bodies = append(bodies, chunkBody(t, "echo", i, 1))
		}
		b := setup(Registry{"echo": echo}, bodies...)
		b.cfg.Slots = 10
		b.queue.Spoil("m5")
		b.runUntil(t, time.Minute, func() bool { ok, _, _ := b.results.settled("j"); return len(ok) == 9 && b.queue.Len() == 1 })
		if len(b.results.bad) != 1 || b.results.bad[0].Reason != "checksum" {
			t.Errorf("recorded %+v, want one checksum", b.results.bad)
		}
	})
}

func TestLeaseIsKeptAliveDuringALongTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		slow := func(ctx context.Context, t Task) ([]byte, error) {
			runs.Add(1)
			time.Sleep(10 * time.Minute) // virtual; 20 visibility timeouts
			return echo(ctx, t)
		}
		b := setup(Registry{"slow": slow}, chunkBody(t, "slow", 0, 1))
		b.runUntil(t, 20*time.Minute, b.drained)
		if runs.Load() != 1 {
			t.Errorf("ran %d times, want once: its lease was not kept", runs.Load())
		}
	})
}

func TestALostLeaseCancelsTheTaskAndForbidsTheAck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		cause := make(chan error, 1)
		handler := func(ctx context.Context, task Task) ([]byte, error) {
			if runs.Add(1) == 1 {
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return nil, ctx.Err()
			}
			return echo(ctx, task)
		}
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 1))
		b.queue.Fail = func(op string) error {
			if op == "visibility" && len(cause) == 0 {
				return errors.New("unreachable")
			}
			return nil
		}
		b.runUntil(t, 5*time.Minute, b.drained)
		if err := <-cause; !errors.Is(err, ErrLeaseLost) {
			t.Errorf("the handler's context ended with %v, want ErrLeaseLost", err)
		}
		if ok, _, twice := b.results.settled("j"); len(ok) != 1 || len(twice) > 0 {
			t.Errorf("settled %v, twice %v", ok, twice)
		}
	})
}

func TestStopReleasesUnstartedAfterThePollsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		for i := range 30 {
			bodies = append(bodies, chunkBody(t, "h", i, 1))
		}
		started := make(chan struct{}, 100)
		handler := func(ctx context.Context, task Task) ([]byte, error) {
			started <- struct{}{}
			time.Sleep(50 * time.Millisecond)
			return echo(ctx, task)
		}
		b := setup(Registry{"h": handler}, bodies...)
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.credits.setPrefetch(20)
		ctx, cancel := context.WithCancel(t.Context())
		finished := make(chan error, 1)
		go func() { finished <- w.Run(ctx) }()
		<-started
		<-started
		cancel()
		at := time.Now()
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(at); took > 3*time.Second {
			t.Errorf("stopping took %v, want ≤ 3 s", took)
		}
		for _, open := range b.queue.Releases() {
			if open != 0 {
				t.Fatal("a message was released while a poll was open: our own poll could take it right back")
			}
		}
		ok, _, _ := b.results.settled("j")
		if len(ok)+b.queue.Len() != 30 {
			t.Errorf("%d settled and %d left, want 30 together", len(ok), b.queue.Len())
		}
		if n := b.queue.Depth().Hidden; n > 0 {
			t.Errorf("%d messages are still hidden after the stop", n)
		}
	})
}

func TestStopRecordsWhatIsDoneAndHandsOnTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := func(ctx context.Context, task Task) ([]byte, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
			}
			return echo(ctx, task)
		}
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 100))
		b.cfg.Grace = 10 * time.Second
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		finished := make(chan error, 1)
		go func() { finished <- w.Run(ctx) }()
		time.Sleep(5500 * time.Millisecond)
		cancel()
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
		first, _, _ := b.results.settled("j")
		if len(first) < 10 || len(first) > 20 {
			t.Errorf("%d tasks settled at the stop, want about 15: 5 s of work and 10 s of grace", len(first))
		}
		b.cfg.Name = "w2"
		b.runUntil(t, 10*time.Minute, b.drained)
		ok, failed, twice := b.results.settled("j")
		if len(ok) != 100 || len(failed) > 0 || len(twice) > 0 {
			t.Errorf("settled %d, failed %v, twice %v; want each of 100 once", len(ok), failed, twice)
		}
	})
}

func TestARedeliveredMessageIsNotRunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		handler := func(ctx context.Context, task Task) ([]byte, error) { runs.Add(1); return echo(ctx, task) }
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 1))
		lost := 0
		b.queue.Fail = func(op string) error {
			if op == "delete" && lost < 40 {
				lost++
				return errors.New("the answer got lost")
			}
			return nil
		}
		b.runUntil(t, 10*time.Minute, b.drained)
		if runs.Load() != 1 || b.results.refused != 0 {
			t.Errorf("ran %d times, %d refused; want once, the redelivery only acked", runs.Load(), b.results.refused)
		}
	})
}

func TestAnAmbiguousPutIsResolvedByItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 2))
		fails := 1
		b.results.putErr = func(store.Result) (error, bool) {
			if fails > 0 {
				fails--
				return errors.New("timed out, but it was written"), true
			}
			return nil, false
		}
		b.runUntil(t, 5*time.Minute, b.drained)
		if ok, _, twice := b.results.settled("j"); len(ok) != 2 || len(twice) > 0 {
			t.Errorf("settled %v, twice %v", ok, twice)
		}
	})
}

func TestATaskWithoutAJobIsStoredUnderItsID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, `{"f":"echo","t":[7]}`, `{"f":"echo","id":"mine","t":[8]}`)
		b.runUntil(t, time.Minute, b.drained)
		for id, want := range map[string]string{"m1": "r7", "mine": "r8"} {
			res, ok := b.results.find("", id, "0")
			var got string
			if ok {
				_ = codec.Unmarshal(res.Settled[0].Value, &got)
			}
			if got != want {
				t.Errorf("task %q: %q, want %q", id, got, want)
			}
		}
	})
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := func(ctx context.Context, _ Task) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 1))
		b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 2, Shards: 1, Timeout: 5 * time.Second}
		b.runUntil(t, 5*time.Minute, b.drained)
		_, failed, _ := b.results.settled("j")
		if f := failed[0]; f == nil || f.Kind != store.FailTimeout || f.Attempts != 2 {
			t.Errorf("failure %+v, want a timeout at attempt 2", f)
		}
	})
}

func TestAnIdleWorkerPollsThreeTimesAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo})
		start := time.Now()
		b.runUntil(t, 2*time.Hour, func() bool { return time.Since(start) >= time.Hour })
		if perMinute := float64(b.queue.Receives()) / 60; perMinute > 3.05 {
			t.Errorf("%.2f receives a minute, want ≤ 3", perMinute)
		}
	})
}

func TestAWorkerGivesUpWhenItsQueueIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo})
		b.cfg.GiveUp = time.Minute
		b.queue.Fail = func(op string) error {
			if op == "attributes" {
				return nil
			}
			return errors.New("connection refused")
		}
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := w.Run(t.Context()); !errors.Is(err, ErrQueueGone) {
			t.Errorf("Run returned %v, want ErrQueueGone", err)
		}
		if took := time.Since(start); took < time.Minute || took > 2*time.Minute {
			t.Errorf("gave up after %v, want about a minute", took)
		}
	})
}

func TestAResultThatCannotBeRecordedFailsItsOwnTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 3))
		b.results.putErr = func(r store.Result) (error, bool) {
			for _, s := range r.Settled {
				if s.Index == 1 && s.Failure == nil {
					return &store.InvalidResultError{Identity: r.Identity, Index: 1, Reason: "test"}, false
				}
			}
			return nil, false
		}
		b.runUntil(t, time.Minute, b.drained)
		ok, failed, _ := b.results.settled("j")
		if len(ok) != 2 || failed[1] == nil || failed[1].Kind != store.FailResult {
			t.Errorf("settled %v, failed %v; want 0 and 2 ok, 1 failed as a result", ok, failed)
		}
	})
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := setup(Registry{"echo": echo}).cfg
	for name, change := range map[string]func(*Config){
		"Handlers":   func(c *Config) { c.Handlers = nil },
		"Name":       func(c *Config) { c.Name = "" },
		"Slots":      func(c *Config) { c.Slots = -1 },
		"IdleWait":   func(c *Config) { c.IdleWait = 21 * time.Second },
		"Visibility": func(c *Config) { c.Visibility = time.Second },
		"LedgerEdge": func(c *Config) { c.LedgerEdge = time.Hour },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v does not name the field", name, err)
		}
	}
	var _ msgpack.RawMessage // the argument type is part of Task
}
