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
