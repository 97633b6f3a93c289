package autoscale_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// efficient is what a Lambda function runs.
var efficient = autoscale.LoopConfig{Policy: autoscale.Config{Max: 50, Policy: autoscale.Policy{Mode: autoscale.Efficiency}}}

// mortal is a lease whose holder can die: from then on it is neither renewed nor given up.
type mortal struct {
	lease
	mu   sync.Mutex
	dead bool
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *mortal) Hold(ctx context.Context, now time.Time) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return time.Time{}, false, errBroken
	}
	return m.lease.Hold(ctx, now)
}

func (m *mortal) Release(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil
	}
	return m.lease.Release(ctx)
}

// everyMinute is a function's schedule: an instance of its own for each invocation, which is the worst case.
func everyMinute(t *testing.T, w *world, first time.Duration, minutes int, l func(minute int) autoscale.Lease) {
	t.Helper()
	time.Sleep(first)
	var wg sync.WaitGroup
	defer wg.Wait()
	for minute := range minutes {
		wg.Go(func() {
			loop, err := autoscale.New(efficient, autoscale.Parts{Observer: w, Fleet: w, Journal: w, Lease: l(minute)})
			if err != nil {
				t.Error(err)
				return
			}
			begin := time.Now()
			_, _ = loop.Shift(t.Context(), 55*time.Second)
			if took := time.Since(begin); took > 55*time.Second {
				t.Errorf("a shift took %s", took)
			}
		})
		time.Sleep(time.Minute)
	}
}

func names(w *world) func(int) autoscale.Lease {
	return func(minute int) autoscale.Lease { return lease{w, "invocation " + string(rune('a'+minute))} }
}

// The function alone replaces a dead leader within 90 s, whenever in its minute that dies.
func TestTheFunctionReplacesADeadLeaderWithin90Seconds(t *testing.T) {
	t.Parallel()
	worst := time.Duration(0)
	for second := range 60 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(30 * time.Second)
			w.edit(queued)
			died := time.Now()
			w.owner, w.until = "a leader that dies now", died.Add(w.ttl) // it has just renewed, the worst case
			everyMinute(t, w, time.Duration(second)*time.Second, 2, names(w))
			if len(w.records) == 0 {
				t.Fatalf("died %d s before an invocation: nobody took over", second)
			}
			worst = max(worst, w.records[0].At.Sub(died))
		})
	}
	t.Logf("at worst after %s", worst)
	if worst > 90*time.Second || worst < 60*time.Second {
		t.Errorf("taken over after %s at worst", worst)
	}
}

// An invocation that is cut off in the middle of its shift is such a leader.
func TestTheFunctionOutlivesAnInvocationThatIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30 * time.Second)
		w.edit(queued)
		first := &mortal{lease: lease{w, "the first"}}
		died := time.Now().Add(33 * time.Second)
		time.AfterFunc(33*time.Second, first.die)
		everyMinute(t, w, 0, 3, func(minute int) autoscale.Lease {
			if minute == 0 {
				return first
			}
			return lease{w, "another"}
		})
		var last autoscale.Decision
		for _, d := range w.records {
			if !d.At.After(died) {
				last = d
			} else {
				if gap := d.At.Sub(died); gap > 90*time.Second {
					t.Errorf("no decision for %s", gap)
				}
				if d.Wave != last.Wave || d.Seq <= last.Seq || last.Wave == 0 {
					t.Errorf("the successor began anew: decision %d, wave %d, after decision %d, wave %d", d.Seq, d.Wave, last.Seq, last.Wave)
				}
				return
			}
		}
		t.Error("nobody took over")
	})
}

func TestShiftsHandOverWhatTheyRemember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(10 * time.Second)
		w.edit(queued)
		w.edit(func(w *world) { w.seen.Prior.Mean = 30 * time.Second })
		begin := time.Now()
		time.AfterFunc(90*time.Second, func() { w.edit(func(w *world) { w.seen = autoscale.Observation{} }) })
		everyMinute(t, w, 0, 6, names(w))
		zero := time.Duration(0)
		for i, d := range w.records {
			if i > 0 && d.Seq <= w.records[i-1].Seq && d.At != w.records[i-1].At {
				t.Errorf("decision %d after %d", d.Seq, w.records[i-1].Seq)
			}
			if d.Want == 0 && zero == 0 {
				zero = d.At.Sub(begin)
			}
		}
		// Quiet since 90 s, kept for a minute to be sure: nobody but a shift that knows since when can tell.
		if zero < 150*time.Second || zero > 190*time.Second {
			t.Errorf("zero after %s\n%v", zero, w.reasons())
		}
	})
}

func TestAShiftWithNothingToDoEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30 * time.Second)
		begin := time.Now()
		d, err := newLoop(t, w, "a", efficient).Shift(t.Context(), 55*time.Second)
		if err != nil || d.Want != 0 || time.Since(begin) > time.Second {
			t.Errorf("%s, %v, after %s", d.Reason, err, time.Since(begin))
		}
		if w.owner != "" || len(w.records) != 1 {
			t.Errorf("the lease is kept by %q; %d records", w.owner, len(w.records))
		}
		w.edit(func(w *world) { w.owner, w.until = "another", time.Now().Add(time.Hour) })
		if _, err := newLoop(t, w, "a", efficient).Shift(t.Context(), 55*time.Second); !errors.Is(err, autoscale.ErrStandby) || time.Since(begin) > time.Second {
			t.Errorf("beside a leader: %v after %s", err, time.Since(begin))
		}
	})
}

// Tasks that no message carries must not keep the function at work for 55 s of each minute, for as long as their job lives.
func TestStrandedTasksKeepNoShift(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30 * time.Second)
		w.edit(func(w *world) { w.seen.KnownTasks, w.seen.KnownMessages = 3, 3 })
		w.edit(func(w *world) {
			w.memory = autoscale.State{Seq: 1, EmptySince: time.Now().Add(-5 * time.Minute)}
			w.records = []autoscale.Decision{{}}
		})
		begin := time.Now()
		d, err := newLoop(t, w, "a", efficient).Shift(t.Context(), 55*time.Second)
		if err != nil || d.Want != 0 || d.Binding != autoscale.BindStranded || time.Since(begin) > time.Second {
			t.Errorf("%s, %v, after %s", d.Reason, err, time.Since(begin))
		}
	})
}

func TestAShiftSurvivesErrorsAndTellsOfTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(30 * time.Second)
		w.edit(queued)
		w.failObserve = errBroken
		time.AfterFunc(25*time.Second, func() { w.edit(func(w *world) { w.failObserve = nil }) })
		if d, err := newLoop(t, w, "a", efficient).Shift(t.Context(), 55*time.Second); err != nil || d.Want == 0 {
			t.Errorf("an outage of 25 s: %s, %v", d.Reason, err)
		}
		w.edit(func(w *world) { w.failCounts = errBroken })
		if _, err := newLoop(t, w, "a", efficient).Shift(t.Context(), 55*time.Second); !errors.Is(err, errBroken) {
			t.Errorf("an outage to the end: %v", err)
		}
	})
}
