package autoscale_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/autoscale"
)

func newLoop(t *testing.T, w *world, name string, c autoscale.LoopConfig) *autoscale.Loop {
	t.Helper()
	l, err := autoscale.New(c, autoscale.Parts{Observer: w, Fleet: w, Journal: w, Lease: lease{w, name}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start runs the loop until the returned function is called.
func start(t *testing.T, l *autoscale.Loop) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// queued is an observation of a job of 10,000 tasks in 100 messages.
func queued(w *world) {
	w.seen = autoscale.Observation{Visible: 100, KnownTasks: 10_000, KnownMessages: 100}
}

var laptop = autoscale.LoopConfig{
	Policy:   autoscale.Config{Max: 2, StartUp: 100 * time.Millisecond},
	Interval: 200 * time.Millisecond,
}

func TestALaptopHasTwoWorkersWithin250Milliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(40 * time.Millisecond)
		w.edit(queued)
		stop := start(t, newLoop(t, w, "a", laptop))
		defer stop()
		time.Sleep(250 * time.Millisecond)
		synctest.Wait()
		if c, _ := w.Counts(t.Context()); c.Counts != counts(2, 2, 0) {
			t.Errorf("after 250 ms: %+v, updates %v", c, w.asked())
		}
	})
}

func TestTheLoopAppliesEachCountOnceAndRecordsSparingly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30 * time.Second)
		w.edit(queued)
		stop := start(t, newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 5}}))
		time.Sleep(10 * time.Minute)
		w.edit(func(w *world) { w.seen = autoscale.Observation{} })
		time.Sleep(5 * time.Minute)
		stop()
		// A start takes 30 s and the loop looks every 10 s. The last minute before zero is for one worker.
		if diff := cmp.Diff([]int{1, 2, 4, 5, 1, 0}, w.asked()); diff != "" {
			t.Errorf("desired counts asked for (-want +got):\n%s", diff)
		}
		// 15 minutes are 90 ticks; every 30 s one is recorded, and every change.
		if n := len(w.reasons()); n < 30 || n > 45 {
			t.Errorf("%d records: %s", n, strings.Join(w.reasons(), "\n"))
		}
		if w.owner != "" {
			t.Errorf("the lease is still held by %q", w.owner)
		}
	})
}

func TestANudgeTicksAtOnceButNudgesDoNotSpin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 5}})
		stop := start(t, l)
		defer stop()
		time.Sleep(time.Second)
		w.edit(queued)
		l.Nudge()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if diff := cmp.Diff([]int{1}, w.asked()); diff != "" {
			t.Errorf("a millisecond after the nudge (-want +got):\n%s", diff)
		}
		begin := time.Now()
		for time.Since(begin) < 5*time.Second {
			l.Nudge()
			time.Sleep(time.Millisecond)
		}
		d, err := l.Once(t.Context())
		if err != nil || d.Seq > 14 { // 5 s are ten gaps of half a second
			t.Errorf("5,000 nudges in 5 s caused %d ticks (%v)", d.Seq, err)
		}
	})
}

func TestSetMaxTakesEffectAtOnceInBothDirections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(queued)
		l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1, StartUp: time.Second}})
		stop := start(t, l)
		defer stop()
		for _, n := range []int{4, 0, -1, 3} {
			time.Sleep(25 * time.Second)
			l.SetMax(n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]int{1, 2, 4, 3}, w.asked()); diff != "" {
			t.Errorf("desired counts asked for (-want +got):\n%s", diff)
		}
	})
}

func TestAPolicyIsAdjustedBetweenTicks(t *testing.T) {
	t.Parallel()
	w := newWorld(0)
	w.edit(queued)
	l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 50, FirstWave: 50}})
	if err := l.Adjust(func(c *autoscale.Config) { c.Max = 3 }); err != nil {
		t.Fatal(err)
	}
	if err := l.Adjust(func(c *autoscale.Config) { c.Max, c.Mode = 9, "cheapest" }); err == nil {
		t.Error("a mode that there is not was accepted")
	}
	if d, err := l.Once(t.Context()); err != nil || d.Want != 3 {
		t.Errorf("%s, %v", d.Reason, err)
	}
}

func TestTheIntervalIsFromTickToTick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.observe = 4 * time.Second
		l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}})
		stop := start(t, l)
		time.Sleep(95 * time.Second)
		stop()
		if d, err := l.Once(t.Context()); err != nil || d.At.IsZero() {
			t.Fatal(err)
		}
		// Ticks began at 0, 10, …, 90 s; the one after the stop is another leader's first.
		if n := len(w.records); n != 5 {
			t.Errorf("%d records, want one each 30 s of ten ticks, and the last", n)
		}
	})
}

func TestErrorsAreSurvivedWithGrowingWaits(t *testing.T) {
	t.Parallel()
	for because, set := range map[string]func(w *world, err error){
		"the queue cannot be observed":   func(w *world, err error) { w.failObserve = err },
		"the service cannot be seen":     func(w *world, err error) { w.failCounts = err },
		"the lease table is unreachable": func(w *world, err error) { w.failLease = err },
		"the service refuses the count":  func(w *world, err error) { w.failSet = err },
	} {
		t.Run(because, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(0)
				w.edit(queued)
				set(w, errBroken)
				l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}})
				stop := start(t, l)
				defer stop()
				time.Sleep(5 * time.Minute)
				w.edit(func(w *world) { set(w, nil) })
				time.Sleep(61 * time.Second) // at most DefaultMaxBackoff
				synctest.Wait()
				if diff := cmp.Diff([]int{1}, w.asked()); diff != "" {
					t.Errorf("desired counts asked for (-want +got):\n%s", diff)
				}
				if d := w.records[0]; d.Wave != 1 || d.Seq != 1 {
					t.Errorf("failed attempts were counted: decision %d, wave %d", d.Seq, d.Wave)
				}
			})
		})
	}
}

func TestAFailedRecordIsWrittenLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(func(w *world) { queued(w); w.failRecord = errBroken })
		l := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}})
		d, err := l.Once(t.Context())
		if !errors.Is(err, errBroken) || d.Want != 1 || w.desired != 1 {
			t.Errorf("the decision was not applied: %+v, %v", d, err)
		}
		w.edit(func(w *world) { w.failRecord = nil })
		time.Sleep(time.Second)
		if _, err := l.Once(t.Context()); err != nil || len(w.records) != 1 {
			t.Errorf("not recorded once it could be: %v, %v", w.reasons(), err)
		}
		if len(w.updates) != 1 {
			t.Errorf("applied again: %v", w.updates)
		}
	})
}

func TestASecondLoopStandsByAndTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(5 * time.Second)
		w.edit(queued)
		c := autoscale.LoopConfig{Policy: autoscale.Config{Max: 100, StartUp: 20 * time.Second}}
		a, b := newLoop(t, w, "a", c), newLoop(t, w, "b", c)
		stopA := start(t, a)
		time.Sleep(time.Second)
		if _, err := b.Once(t.Context()); !errors.Is(err, autoscale.ErrStandby) {
			t.Errorf("with a leading, b got %v", err)
		}
		if err := b.Drain(t.Context(), "", nil); !errors.Is(err, autoscale.ErrStandby) {
			t.Errorf("b drained another leader's fleet: %v", err)
		}
		c2 := newLoop(t, w, "c", c)
		stopC := start(t, c2)
		time.Sleep(20 * time.Second)
		stopA() // clean: the lease is given up
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if w.owner != "c" {
			t.Fatalf("the lease is held by %q", w.owner)
		}
		d, err := c2.Once(t.Context())
		stopC()
		if err != nil || d.Wave != 4 {
			t.Errorf("the new leader goes on with wave %d, %v; all: %s", d.Wave, err, strings.Join(w.reasons(), "\n"))
		}
		if diff := cmp.Diff([]int{1, 2, 4, 8}, w.asked()); diff != "" {
			t.Errorf("desired counts asked for (-want +got):\n%s", diff)
		}
	})
}

func TestADeadLeaderIsReplacedWithin30Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		c := autoscale.LoopConfig{Policy: autoscale.Config{Max: 100}}
		if _, err := newLoop(t, w, "dead", c).Once(t.Context()); err != nil { // leads, and is never heard of again
			t.Fatal(err)
		}
		w.edit(queued)
		stop := start(t, newLoop(t, w, "b", c))
		defer stop()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(w.asked()) == 0 {
			t.Error("nobody leads after 30 s")
		}
	})
}

func TestALeaderWhoseLeaseRanOutChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(queued)
		w.observe = 25 * time.Second // longer than the lease
		_, err := newLoop(t, w, "a", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}}).Once(t.Context())
		if err == nil || len(w.asked()) != 0 {
			t.Errorf("acted without a lease: %v, %v", w.asked(), err)
		}
	})
}

// slow is a fleet whose orders take as long as they may.
type slow struct{ autoscale.Fleet }

func (slow) Order(ctx context.Context, _ autoscale.Order) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAnOrderEndsWithTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(queued)
		l, err := autoscale.New(autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}}, autoscale.Parts{Observer: w, Fleet: slow{w}, Journal: w, Lease: lease{w, "a"}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := l.Once(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 20*time.Second {
			t.Errorf("the order ended after %s: %v", time.Since(began), err)
		}
	})
}

func TestDrainGoesToZeroAndSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(queued)
		l := newLoop(t, w, "a", laptop)
		stop := start(t, l)
		defer stop()
		time.Sleep(time.Second)
		begin := time.Now()
		if err := l.Drain(t.Context(), "job prices is done", nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 50*time.Millisecond {
			t.Errorf("drained in %s", took)
		}
		w.mu.Lock() // the loop still runs
		last := w.records[len(w.records)-1]
		w.mu.Unlock()
		if last.Want != 0 || last.Binding != autoscale.BindStop || last.Reason != "stop: job prices is done" {
			t.Errorf("last record: %+v", last)
		}
		time.Sleep(time.Minute) // work is still queued, and the loop still runs
		if diff := cmp.Diff([]int{1, 2, 0}, w.asked()); diff != "" {
			t.Errorf("desired counts asked for (-want +got):\n%s", diff)
		}
	})
}

func TestDrainWorksWithoutRunAndWithABrokenQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(func(w *world) { w.failObserve, w.desired = errBroken, 1 })
		if err := newLoop(t, w, "a", laptop).Drain(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"stop: the caller is done"}, w.reasons()[:1]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDrainNamesWhatIsLeftWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(0)
		w.edit(func(w *world) { w.desired, w.launched, w.failSet = 1, []time.Time{time.Now()}, errBroken })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := newLoop(t, w, "a", laptop).Drain(ctx, "", nil)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDrainDoesNotWaitLongerThanAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Hour)
		w.edit(func(w *world) { w.desired, w.launched = 1, []time.Time{time.Now()} })
		looks := 0
		err := newLoop(t, w, "a", laptop).Drain(t.Context(), "", func(autoscale.Observation) bool { looks++; return looks == 3 })
		if err != nil || looks > 3 {
			t.Errorf("%d looks, %v", looks, err)
		}
		if asked := w.asked(); len(asked) == 0 || asked[0] != 0 {
			t.Errorf("asked for %v; want zero before anything is enough", asked)
		}
	})
}

func TestADryRunLooksOnAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(0)
	w.edit(func(w *world) {
		queued(w)
		w.owner, w.until = "a living leader", time.Now().Add(time.Hour)
	})
	l, err := autoscale.New(laptop, autoscale.DryRun(autoscale.Parts{Observer: w, Fleet: w, Journal: w, Lease: lease{w, "a"}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.Once(t.Context())
	if err != nil || d.Want != 1 || len(w.asked()) != 0 || len(w.reasons()) != 0 || w.owner != "a living leader" {
		t.Errorf("decided %d, asked for %v, recorded %v, leader %q, %v", d.Want, w.asked(), w.reasons(), w.owner, err)
	}
}

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(0)
	all := autoscale.Parts{Observer: w, Fleet: w, Journal: w, Lease: lease{w, "a"}}
	for _, c := range []struct {
		because, wantError string
		config             autoscale.LoopConfig
		parts              autoscale.Parts
	}{
		{"a maximum has no default", "Max is 0", autoscale.LoopConfig{}, all},
		{"negative durations", "StartUp is -1s", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1, StartUp: -time.Second}}, all},
		{"negative interval", "Interval", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}, Interval: -1}, all},
		{"a loop without an observer", "required", autoscale.LoopConfig{Policy: autoscale.Config{Max: 1}}, autoscale.Parts{Fleet: w}},
	} {
		if _, err := autoscale.New(c.config, c.parts); err == nil || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: got %v, want an error with %q", c.because, err, c.wantError)
		}
	}
}
