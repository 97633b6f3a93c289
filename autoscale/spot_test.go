package autoscale_test

import (
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// Only those on Spot that do not arrive are replaced: stand-ins that are on their way are no reason for more, and busy Spot workers stay.
func TestOnDemandStandsInForWhatSpotDoesNotBring(t *testing.T) {
	t.Parallel()
	c := autoscale.Config{Max: 10, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Spot: autoscale.Spot{Price: .3}}}
	now := noon
	var s autoscale.State
	decide := func(after time.Duration, all, onDemand autoscale.Counts) autoscale.Decision {
		now = now.Add(after)
		o := autoscale.Observation{Now: now, Taken: now, Counts: all, KnownTasks: 1000, KnownMessages: 1000, Visible: 994, InFlight: 6, Heard: all.Running, Busy: all.Running}
		o.BusySlots, o.OnDemand, o.Prior.Mean = all.Running, onDemand, time.Hour
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		return d
	}
	none := autoscale.Counts{}
	if d := decide(0, counts(10, 6, 4), none); d.OnDemand != 0 {
		t.Errorf("at first: %d on demand", d.OnDemand)
	}
	if d := decide(3*time.Minute, counts(10, 6, 4), none); d.Want != 10 || d.OnDemand != 4 {
		t.Errorf("four never came: want %d, %d of them on demand: %s", d.Want, d.OnDemand, d.Reason)
	}
	for range 20 {
		if d := decide(10*time.Second, counts(10, 6, 4), counts(4, 0, 4)); d.Want != 10 || d.OnDemand != 4 {
			t.Fatalf("while they are on their way: want %d, %d of them on demand: %s", d.Want, d.OnDemand, d.Reason)
		}
	}
	if d := decide(10*time.Second, counts(10, 10, 0), counts(4, 4, 0)); d.OnDemand != 4 {
		t.Errorf("once they are there: %d on demand", d.OnDemand)
	}
}

// Stand-ins stay until the fleet is at zero: a mean or a rate of interruptions that wavers must not move busy workers to and fro, nor a change to mode Fast.
func TestStandInsStayUntilTheFleetIsAtZero(t *testing.T) {
	t.Parallel()
	for _, mode := range []autoscale.Mode{autoscale.Efficiency, autoscale.Fast} {
		c := autoscale.Config{Max: 10, Policy: autoscale.Policy{Mode: mode, Spot: autoscale.Spot{Price: .3}}}
		var s autoscale.State
		now := noon
		decide := func(interruptions float64, all, onDemand autoscale.Counts, tasks int64) (d autoscale.Decision) {
			now = now.Add(10 * time.Second)
			o := autoscale.Observation{Now: now, Taken: now, Counts: all, KnownTasks: tasks, KnownMessages: tasks, Visible: tasks, Heard: all.Running, Busy: all.Running}
			o.BusySlots, o.OnDemand, o.Prior.Mean, o.Interruptions = all.Running, onDemand, time.Hour, interruptions
			if tasks == 0 {
				o.Stop = "the end"
			}
			s, d = autoscale.Decide(c, s, o)
			return d
		}
		if d := decide(20, counts(10, 10, 0), autoscale.Counts{}, 1000); d.Want != 10 || d.OnDemand != 10 {
			t.Errorf("mode %q: interrupted 20 times an hour: want %d, %d of them on demand: %s", mode, d.Want, d.OnDemand, d.Reason)
		}
		if d := decide(0, counts(10, 10, 0), counts(10, 10, 0), 1000); d.Want != 10 || d.OnDemand != 10 {
			t.Errorf("mode %q: no longer interrupted: want %d, %d of them on demand: %s", mode, d.Want, d.OnDemand, d.Reason)
		}
		if d := decide(0, counts(0, 0, 0), autoscale.Counts{}, 0); d.OnDemand != 0 {
			t.Errorf("mode %q: at zero: %d on demand", mode, d.OnDemand)
		}
		if d := decide(0, counts(0, 0, 0), autoscale.Counts{}, 1000); d.Want == 0 || d.OnDemand != 0 {
			t.Errorf("mode %q: anew: want %d, %d of them on demand: %s", mode, d.Want, d.OnDemand, d.Reason)
		}
	}
}
