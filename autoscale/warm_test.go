package autoscale_test

import (
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

func TestAWarmPoolStaysForItsTimeAndStartsNobody(t *testing.T) {
	t.Parallel()
	for _, mode := range []autoscale.Mode{autoscale.Fast, autoscale.Efficiency} {
		c := autoscale.Config{Max: 10, Policy: autoscale.Policy{Mode: mode, Warm: autoscale.Warm{Workers: 3, For: 10 * time.Minute}}}
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		var s autoscale.State
		var d autoscale.Decision
		// look decides on a fleet that has done everything, its workers idle and paid for.
		look := func(after time.Duration, desired int, edit func(*autoscale.Observation)) int {
			now = now.Add(after)
			o := autoscale.Observation{Now: now, Taken: now, Counts: autoscale.Counts{Desired: desired, Running: desired},
				Heard: desired, IdlePolls: desired, EmptySince: now.Add(-5 * time.Minute)}
			o.IdlePaid = desired
			if edit != nil {
				edit(&o)
			}
			s, d = autoscale.Decide(c, s, o)
			return d.Want
		}
		size := 6
		for range 30 { // five minutes
			size = look(10*time.Second, size, nil)
		}
		if size != 3 || d.Binding != autoscale.BindWarm || !strings.Contains(d.Reason, "kept warm for 5m") {
			t.Errorf("%q: %d after five minutes, bound by %q: %s; want 3", mode, size, d.Binding, d.Reason)
		}
		if got := look(0, 3, func(o *autoscale.Observation) { o.Stop = "the stack is taken down" }); got != 0 {
			t.Errorf("%q: a stop leaves %d", mode, got)
		}
		for range 60 {
			size = look(10*time.Second, size, nil)
		}
		if size != 0 {
			t.Errorf("%q: %d after fifteen minutes: %s; want none", mode, size, d.Reason)
		}
		if size = look(time.Hour, 0, nil); size != 0 {
			t.Errorf("%q: the pool has started %d: %s", mode, size, d.Reason)
		}
	}
	bad := autoscale.Config{Max: 1, Policy: autoscale.Policy{Warm: autoscale.Warm{Workers: -1}}}
	if err := bad.Validate(); err == nil {
		t.Error("a pool of less than nobody is accepted")
	}
}

func TestAWarmPoolDoesNotKeepACrashLoopGoing(t *testing.T) {
	t.Parallel()
	c := autoscale.Config{Max: 100, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Warm: autoscale.Warm{Workers: 5}}}
	o := autoscale.Observation{Now: noon, Taken: noon, Counts: counts(5, 0, 5), KnownTasks: 1000, KnownMessages: 1000, Visible: 1000}
	o.FailedStarts = 6
	if _, d := autoscale.Decide(c, autoscale.State{}, o); d.Want != 0 || d.Binding != autoscale.BindCrash {
		t.Errorf("want %d, bound by %q: %s", d.Want, d.Binding, d.Reason)
	}
}
