package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

// fakeGuard is a platform that notes what it is asked, with the virtual seconds since it was made.
type fakeGuard struct {
	begun time.Time
	took  time.Duration // how long a call takes

	mu    sync.Mutex // protects the fields below
	calls []string
	err   error // of calls; nil: they succeed
}

func (g *fakeGuard) call(ctx context.Context, what string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, fmt.Sprintf("%s at %v", what, time.Since(g.begun).Round(time.Second)))
	if g.took > 0 {
		sleep(ctx, g.took)
	}
	return g.err
}

func (g *fakeGuard) Protect(ctx context.Context, lasting time.Duration) error {
	return g.call(ctx, "protect for "+lasting.String())
}

func (g *fakeGuard) Unprotect(ctx context.Context) error { return g.call(ctx, "unprotect") }

func (g *fakeGuard) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

func (g *fakeGuard) noted() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.calls)
}

// finalError says that asking again is of no use.
type finalError struct{ error }

func (finalError) Final() bool { return true }

// dutyBench is a worker with a guard, on virtual time.
type dutyBench struct {
	*bench
	guard  *fakeGuard
	finish func() // stops the worker and waits for its end
}

// onDuty starts a worker; it must be called in a bubble of synctest.
func onDuty(t *testing.T, handler Handler, change func(*dutyBench)) *dutyBench {
	t.Helper()
	b := &dutyBench{bench: setup(Registry{"h": handler}), guard: &fakeGuard{begun: time.Now()}}
	b.cfg.Guard = b.guard
	if change != nil {
		change(b)
	}
	w, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error, 1)
	go func() { finished <- w.Run(ctx) }()
	b.finish = sync.OnceFunc(func() {
		cancel()
		if err := <-finished; err != nil {
			t.Error(err)
		}
	})
	return b
}

// ledger is the worker's last one.
func (b *dutyBench) ledger() store.Ledger {
	b.results.mu.Lock()
	defer b.results.mu.Unlock()
	return b.results.ledger
}

func (b *dutyBench) expect(t *testing.T, when string, protected, released bool, settled int) {
	t.Helper()
	l := b.ledger()
	ok, _, twice := b.results.settled("j")
	if l.Protected != protected || l.Released != released || len(ok) != settled || len(twice) > 0 {
		t.Errorf("%s: protected %v, released %v, %d settled, twice %v; want %v, %v, %d", when, l.Protected, l.Released, len(ok), twice, protected, released, settled)
	}
}

func TestAReleasedWorkerStopsPollingBeforeItGivesItsProtectionUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		b := onDuty(t, func(ctx context.Context, task Task) ([]byte, error) {
			running.Add(1)
			defer running.Add(-1)
			sleep(ctx, 10*time.Second)
			return echo(ctx, task)
		}, nil)
		defer b.finish()
		time.Sleep(time.Minute)
		b.expect(t, "idle", true, false, 0)

		for i := range 3 { // one runs, the others wait
			b.queue.Add(chunkBody(t, "h", i, 1), 0)
		}
		time.Sleep(2 * time.Second)
		b.lead("another", "w1")
		time.Sleep(7 * time.Second)
		b.expect(t, "released at work", true, false, 0)
		if running.Load() != 1 {
			t.Errorf("%d tasks run, want the one that it was released at", running.Load())
		}
		time.Sleep(4 * time.Second)
		b.expect(t, "released", false, true, 1)
		if n := b.queue.Len(); n != 2 {
			t.Errorf("%d messages left; those that it had not started are others' now", n)
		}
		time.Sleep(10 * time.Minute)
		b.expect(t, "still released", false, true, 1)

		b.lead()
		time.Sleep(time.Minute)
		b.expect(t, "called back", true, false, 3)
		// The release was heard of at 65 s, while a task ran until 70 s.
		want := []string{"protect for 1h0m0s at 0s", "unprotect at 1m10s", "protect for 1h0m0s at 11m15s"}
		if diff := cmp.Diff(want, b.guard.noted()); diff != "" {
			t.Errorf("the guard (-want +got):\n%s", diff)
		}
	})
}

func TestProtectionIsRenewedWhenHalfOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := onDuty(t, echo, func(b *dutyBench) { b.cfg.ProtectFor = 10 * time.Minute })
		time.Sleep(11 * time.Minute)
		b.finish()
		want := []string{"protect for 10m0s at 0s", "protect for 10m0s at 5m0s", "protect for 10m0s at 10m0s"}
		if diff := cmp.Diff(want, b.guard.noted()); diff != "" {
			t.Errorf("the guard (-want +got):\n%s", diff)
		}
	})
}

func TestWorkDoesNotWaitForProtection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       error
		took      time.Duration
		most      int // calls in ten minutes
		protected bool
	}{
		"the agent is down":            {err: errors.New("connection refused"), most: 12},
		"the agent hangs":              {err: context.DeadlineExceeded, took: 5 * time.Second, most: 12},
		"a task of no service":         {err: finalError{errors.New("TASK_NOT_VALID")}, most: 1},
		"the agent is slow":            {took: 5 * time.Second, most: 1, protected: true},
		"the role lacks the right yet": {err: errors.New("AccessDeniedException"), most: 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := onDuty(t, echo, func(b *dutyBench) { b.guard.err, b.guard.took = c.err, c.took })
				b.queue.Add(chunkBody(t, "h", 0, 1), 0)
				time.Sleep(6 * time.Second) // the agent is left after 5 s
				if ok, _, _ := b.results.settled("j"); len(ok) != 1 {
					t.Error("the first task waits for protection")
				}
				time.Sleep(10 * time.Minute)
				b.expect(t, "after ten minutes", c.protected, false, 1)
				calls := len(b.guard.noted())
				if calls > c.most {
					t.Errorf("%d calls in ten minutes, want at most %d: their rate is limited", calls, c.most)
				}
				b.guard.fail(nil)
				time.Sleep(10 * time.Minute)
				b.finish()
				if _, final := errors.AsType[finalError](c.err); !final && !b.ledger().Protected {
					t.Error("it is not protected ten minutes after the agent is back")
				}
			})
		})
	}
}

func TestAProtectionThatCannotBeEndedIsNotDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := onDuty(t, echo, nil)
		defer b.finish()
		time.Sleep(time.Minute)
		b.guard.fail(errors.New("no answer"))
		b.lead("w1")
		time.Sleep(10 * time.Minute)
		b.expect(t, "while the agent does not answer", true, false, 0) // the leader must not count on it
		time.Sleep(time.Hour)
		b.expect(t, "when the protection is over", false, true, 0)
	})
}

func TestAWorkerThatIsCalledBackWhileItStopsWaitsALittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := onDuty(t, echo, nil)
		defer b.finish()
		b.lead("w1")
		time.Sleep(time.Minute)
		b.expect(t, "released", false, true, 0)
		b.guard.fail(finalError{errors.New("TASK_NOT_VALID: the task is stopping")})
		b.queue.Add(chunkBody(t, "h", 0, 1), 0)
		b.lead()
		time.Sleep(7 * time.Second)
		b.expect(t, "called back, not protected", false, true, 0) // SIGTERM should come now
		time.Sleep(15 * time.Second)
		b.expect(t, "it does not come", false, false, 1)
	})
}

func TestAWorkerThatStartsReleasedNeverPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := onDuty(t, echo, func(b *dutyBench) {
			b.lead("w1")
			b.queue.Add(chunkBody(t, "h", 0, 1), 0)
		})
		defer b.finish()
		time.Sleep(time.Minute)
		b.expect(t, "released from the start", false, true, 0)
		if calls := b.guard.noted(); len(calls) > 0 {
			t.Errorf("the guard was asked to %q", calls)
		}
	})
}

// A worker without a guard, as outside of ECS, can be released by name all the same.
func TestWithoutAGuardTheLeadersWordHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := onDuty(t, echo, func(b *dutyBench) { b.cfg.Guard = nil })
		defer b.finish()
		b.lead("w1")
		time.Sleep(40 * time.Second) // an open poll ends within 20 s
		b.queue.Add(chunkBody(t, "h", 0, 1), 0)
		time.Sleep(time.Minute)
		b.expect(t, "released", false, true, 0)
		b.lead()
		time.Sleep(time.Minute)
		b.expect(t, "called back", false, false, 1)
	})
}

// fadingResults is a table whose ledgers, or whose control item, are out of reach for a while.
type fadingResults struct {
	*fakeResults
	mu         sync.Mutex // protects the fields below
	mute, deaf bool
}

func (r *fadingResults) set(mute, deaf bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute, r.deaf = mute, deaf
}

func (r *fadingResults) PutLedger(ctx context.Context, l store.Ledger) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mute {
		return errors.New("throttled")
	}
	return r.fakeResults.PutLedger(ctx, l)
}

func (r *fadingResults) Control(ctx context.Context, fleet string) (store.Control, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deaf {
		return store.Control{}, errors.New("throttled")
	}
	return r.fakeResults.Control(ctx, fleet)
}

// A worker that cannot be released by name must not be one that nobody can stop.
func TestAWorkerOutOfReachGivesItsProtectionUpAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ mute, deaf bool }{"it is not heard": {mute: true}, "it does not hear": {deaf: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var results *fadingResults
				b := onDuty(t, echo, func(b *dutyBench) {
					results = &fadingResults{fakeResults: b.results}
					b.cfg.Results = results
				})
				defer b.finish()
				time.Sleep(10 * time.Minute)
				results.set(c.mute, c.deaf)
				time.Sleep(time.Minute)
				if calls := b.guard.noted(); len(calls) != 1 {
					t.Errorf("after a minute out of reach: %q; a table may be slow for as long", calls)
				}
				time.Sleep(2 * time.Minute)
				b.queue.Add(chunkBody(t, "h", 0, 1), 0)
				time.Sleep(time.Minute)
				if calls := b.guard.noted(); len(calls) != 2 || !strings.HasPrefix(calls[1], "unprotect at 1") {
					t.Errorf("out of reach: %q; want the protection given up", calls)
				}
				if ok, _, _ := b.results.settled("j"); len(ok) != 1 {
					t.Error("out of reach, it does no work")
				}
				results.set(false, false)
				time.Sleep(2 * time.Minute)
				b.expect(t, "back", true, false, 1)
			})
		})
	}
}

func TestAWorkerThatIsStoppedBeforeItHasBegunEndsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": echo})
		b.cfg.Queue = slowQueue{b.queue}
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Run(ctx); err != nil {
			t.Errorf("%v; want no error from a stop in order", err)
		}
	})
}

// slowQueue does not tell of itself before the caller gives up.
type slowQueue struct{ Queue }

func (slowQueue) GetQueueAttributes(ctx context.Context, _ *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// deafResults is a table that cannot be read.
type deafResults struct{ *fakeResults }

func (deafResults) Control(context.Context, string) (store.Control, error) {
	return store.Control{}, errors.New("connection refused")
}

func TestAPausedWorkerWithoutAnEndpointGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": echo})
		b.lead("w1")
		b.cfg.GiveUp = time.Minute
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.duty.told(store.Control{Released: []string{"w1"}}, "w1")
		w.cfg.Results = deafResults{b.results}
		if err := w.Run(t.Context()); !errors.Is(err, ErrQueueGone) {
			t.Errorf("%v; want %v, because it polls no queue that could be gone", err, ErrQueueGone)
		}
	})
}

// lead sets what the leader says.
func (b *bench) lead(released ...string) {
	b.results.mu.Lock()
	defer b.results.mu.Unlock()
	b.results.control = store.Control{Released: released}
}
