package autoscale_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// situation is a sized fleet with work for about thirty workers.
func situation(desired int) (autoscale.Config, autoscale.State, autoscale.Observation) {
	c := autoscale.Config{Max: 100, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Exclusive: true, Price: 1e7}}
	o := autoscale.Observation{
		Now: noon, Taken: noon, Visible: 200, KnownTasks: 200, KnownMessages: 200, Counts: counts(desired, desired, 0), Heard: desired,
		Evidence: autoscale.Evidence{Prior: autoscale.Prior{Mean: 10 * time.Second, CV: .2}},
	}
	return c, autoscale.State{}, o
}

func TestWhatSomebodyAskedForGoesFirst(t *testing.T) {
	t.Parallel()
	idle := func(o *autoscale.Observation) {
		o.Visible, o.KnownTasks, o.KnownMessages = 0, 0, 0
		o.IdlePaid, o.IdlePolls, o.EmptySince = o.Running, o.Running, noon.Add(-time.Hour)
	}
	for _, c := range []struct {
		because string
		desired int
		edit    func(*autoscale.Config, *autoscale.Observation)
		want    int
		binding autoscale.Binding
		reason  string
	}{
		{"without a word it grows", 0, func(*autoscale.Config, *autoscale.Observation) {}, 31, autoscale.BindGoal, ""},
		{"paused, it does not", 3, func(_ *autoscale.Config, o *autoscale.Observation) {
			o.Asked = autoscale.Asked{Hold: true, By: "ann (lunch)"}
		},
			3, autoscale.BindPaused, "keep 3: paused by ann (lunch), else"},
		{"paused, it does not shrink either", 7, func(_ *autoscale.Config, o *autoscale.Observation) { idle(o); o.Asked.Hold = true }, 7, autoscale.BindPaused, "else 0"},
		{"nor in the simplest mode", 7, func(c *autoscale.Config, o *autoscale.Observation) { c.Mode = autoscale.Fast; o.Asked.Hold = true }, 7, autoscale.BindPaused, ""},
		{"a pause does not keep workers that cannot be paid", 7, func(c *autoscale.Config, o *autoscale.Observation) {
			c.Budget.Total, o.Spent, o.Asked.Hold = cost.Cent, cost.USD, true
		}, 0, autoscale.BindBudget, "budget"},
		{"a stop goes before a pause", 7, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Hold, o.Stop = true, "the end" }, 0, autoscale.BindStop, ""},
		{"a new maximum lowers", 7, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Max, o.Asked.SetMax = 4, true }, 4, autoscale.BindMax, "the max limit is 4"},
		{"a maximum of none ends the fleet", 7, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.SetMax = true }, 0, autoscale.BindMax, ""},
		{"a maximum that nobody set is none", 0, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Max = 4 }, 31, autoscale.BindGoal, ""},
		{"a new maximum raises", 8, func(c *autoscale.Config, o *autoscale.Observation) { c.Max = 8; o.Asked.Max, o.Asked.SetMax = 12, true }, 12, autoscale.BindMax, ""},
		{"a least number is there with nothing to do", 0, func(_ *autoscale.Config, o *autoscale.Observation) { idle(o); o.Asked.Min = 2 }, 2, autoscale.BindMin, "min is 2"},
		{"and stays", 7, func(_ *autoscale.Config, o *autoscale.Observation) { idle(o); o.Asked.Min = 2 }, 2, autoscale.BindMin, "7→2"},
		{"but not above the maximum", 0, func(c *autoscale.Config, o *autoscale.Observation) { idle(o); c.Max, o.Asked.Min = 3, 5 }, 3, autoscale.BindMin, ""},
		{"nor above the quota", 0, func(_ *autoscale.Config, o *autoscale.Observation) {
			idle(o)
			o.Asked.Min, o.Quota = 5, autoscale.RoomFor(1)
		}, 1, autoscale.BindMin, ""},
		{"nor into one that nobody knows", 1, func(_ *autoscale.Config, o *autoscale.Observation) {
			idle(o)
			o.Asked.Min, o.Quota = 5, autoscale.UnknownRoom()
		}, 1, autoscale.BindMin, ""},
		{"nor in the simplest mode above the maximum", 0, func(c *autoscale.Config, o *autoscale.Observation) {
			idle(o)
			c.Mode, c.Max, o.Asked.Min = autoscale.Fast, 2, 5
		}, 2, autoscale.BindMin, ""},
		{"another mode", 0, func(_ *autoscale.Config, o *autoscale.Observation) {
			o.Asked.Mode, o.Asked.Deadline = "deadline", noon.Add(4*time.Hour)
		}, 1, "", "goal 1"},
		{"the mode of a laptop", 0, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Mode = "fast" }, 1, autoscale.BindWave, "doubling"},
		{"a mode that is none is ignored", 0, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Mode = "nonsense" }, 31, autoscale.BindGoal, ""},
		{"a mode without what it needs is ignored", 0, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Mode = "budget" }, 31, autoscale.BindGoal, ""},
		{"another efficiency", 0, func(_ *autoscale.Config, o *autoscale.Observation) { o.Asked.Efficiency = .9 }, 8, autoscale.BindGoal, ""},
	} {
		config, state, o := situation(c.desired)
		c.edit(&config, &o)
		_, d := autoscale.Decide(config, state, o)
		if d.Want != c.want || c.binding != "" && d.Binding != c.binding || !strings.Contains(d.Reason, c.reason) {
			t.Errorf("%s: want %d (%s): %s", c.because, d.Want, d.Binding, d.Reason)
		}
	}
}

// Whatever the situation: a paused fleet is neither raised nor lowered but for money or a stop, and a least number never goes above the maximum.
func TestAskedKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := draw(t)
		c.Mode = rapid.SampledFrom([]autoscale.Mode{autoscale.Fast, autoscale.Efficiency}).Draw(t, "mode")
		held := o
		held.Asked.Hold = true
		if _, d := autoscale.Decide(c, s, held); d.Want != o.Desired {
			t.Fatalf("paused, and %d→%d: %s", o.Desired, d.Want, d.Reason)
		}
		_, plain := autoscale.Decide(c, s, o)
		o.Asked.Min = rapid.IntRange(0, 200).Draw(t, "min")
		_, d := autoscale.Decide(c, s, o)
		if d.Want > max(c.Max, plain.Want) || d.Want < plain.Want {
			t.Fatalf("min %d, max %d, else %d: %d (%s)", o.Asked.Min, c.Max, plain.Want, d.Want, d.Reason)
		}
		left := rapid.IntRange(-1, 50).Draw(t, "quota left")
		if o.Quota = autoscale.RoomFor(left); left < 0 {
			o.Quota = autoscale.UnknownRoom()
		}
		if _, d := autoscale.Decide(c, s, o); d.Want > o.Desired+max(0, left) {
			t.Fatalf("min %d, %d more by the quota, and %d→%d: %s", o.Asked.Min, left, o.Desired, d.Want, d.Reason)
		}
	})
}
