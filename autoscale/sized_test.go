package autoscale_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// sizedCase is a situation that differs from a plain one, and the decision for it.
type sizedCase struct {
	because string
	edit    func(c *autoscale.Config, s *autoscale.State, o *autoscale.Observation)
	want    int
	binding autoscale.Binding
	says    string // part of the reason
	check   func(d autoscale.Decision) bool
}

// The plain situation: 10,000 tasks of 30 s that are known to the ledgers, and 100 busy workers a minute into it.
func plain() (autoscale.Config, autoscale.State, autoscale.Observation) {
	c, o := sized(autoscale.Efficiency, 30*time.Second)
	o.KnownTasks, o.KnownMessages = 10_000, 10_000
	run(&o, 100, 10*time.Second)
	return c, autoscale.State{Wave: 2, WaveAt: before(time.Minute), Running: 100, ArrivedAt: noon, Memory: autoscale.Memory{Probe: 100, ProgressAt: noon}}, o
}

var sizedCases = []sizedCase{
	{
		because: "a wave, or as many at once as are certain to be of use and can arrive",
		edit: func(c *autoscale.Config, _ *autoscale.State, _ *autoscale.Observation) {
			c.Max = 500
		},
		want: 500, binding: autoscale.BindMax, says: "wave 3: 100→500, all that is wanted; 9900 waiting, 100 running, a task takes 30s",
	},
	{
		because: "from zero, what is certain starts at once when durations are known",
		edit: func(_ *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			*s, o.KnownTasks, o.KnownMessages = autoscale.State{}, 200, 200
			o.Prior.Mean = 10 * time.Second
			run(o, 0, 0)
		},
		want: 31, binding: autoscale.BindGoal, says: "wave 1: 0→31, all that is wanted",
	},
	{
		because: "of unknown tasks a few are tried first",
		edit: func(_ *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			*s, o.Prior = autoscale.State{}, autoscale.Prior{}
			run(o, 0, 0)
		},
		want: 55, says: "so many are certain",
	},
	{
		because: "three short tasks are one worker's",
		edit: func(_ *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			*s, o.KnownTasks, o.KnownMessages, o.Prior.Mean = autoscale.State{}, 3, 3, 5*time.Second
			run(o, 0, 0)
		},
		want: 1, says: "wave 1: 0→1",
	},
	{
		because: "the quota that is left, not the quota",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Quota = autoscale.RoomFor(50)
		},
		want: 150, binding: autoscale.BindQuota, says: "100→150",
	},
	{
		because: "a quota that nobody could read lets nothing grow",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Quota = autoscale.UnknownRoom()
		},
		want: 100, binding: autoscale.BindQuota, says: "the quota left is not known, and is never assumed",
	},
	{
		because: "each Fargate worker takes an address of its subnet",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Addresses = autoscale.RoomFor(7)
		},
		want: 107, binding: autoscale.BindAddresses, says: "100→107",
	},
	{
		because: "a quota that fell stops no worker that runs",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Quota = autoscale.RoomFor(0)
		},
		want: 100, binding: autoscale.BindQuota, says: "keep 100",
	},
	{
		because: "no more are asked for than can arrive within a start-up",
		edit: func(c *autoscale.Config, _ *autoscale.State, _ *autoscale.Observation) {
			c.LaunchRate, c.LaunchBurst = 1, 10
		},
		want: 160, binding: autoscale.BindRate, says: "what can arrive",
	},
	{
		because: "one service launches 500 a minute, so 40 s + a tick bring 416 beside the burst",
		edit: func(c *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			c.Max, o.KnownTasks, o.KnownMessages = 5000, 1e6, 1e6
		},
		want: 616, binding: autoscale.BindRate, says: "what can arrive",
	},
	{
		because: "launches that do not arrive stop further ones, and Spot's shortfall goes to On-Demand",
		edit: func(c *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			c.Spot.Price, s.ArrivedAt = .3, before(3*time.Minute)
			o.Desired, o.Pending = 130, 30
		},
		want: 130, binding: autoscale.BindStuck, says: "30 workers launched but not arrived for 3m0s",
		check: func(d autoscale.Decision) bool { return d.OnDemand == 30 },
	},
	{
		because: "Spot that interrupts every task twice is no bargain",
		edit: func(c *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			c.Spot.Price, o.Interruptions = .3, 360
		},
		want: 616, check: func(d autoscale.Decision) bool { return d.OnDemand == 616 },
	},
	{
		because: "workers that crash as they start are paid a minute each: one is tried, after a minute",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Desired, o.Pending, o.FailedStarts, o.RecentStarts = 300, 200, 20, 3
		},
		want: 100, binding: autoscale.BindCrash, says: "20 of the last 23 starts failed",
	},
	{
		because: "busy workers that complete nothing for long need a look, not more of them",
		edit: func(_ *autoscale.Config, s *autoscale.State, _ *autoscale.Observation) {
			s.ProgressAt = before(11 * time.Minute)
		},
		want: 100, binding: autoscale.BindProgress, says: "no task completed for 11m0s",
	},
	{
		because: "idle workers whose minute is paid go, when nothing waits; busy ones stay",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.KnownTasks, o.KnownMessages, o.Busy, o.BusySlots, o.IdlePaid, o.IdlePolls = 40, 40, 40, 40, 35, 60
			o.Ages = autoscale.Histogram{}
			o.Ages.Add(10*time.Second, 40)
		},
		want: 65, says: "100→65: 35 idle and paid",
	},
	{
		because: "when the ledgers say that all is settled, all go at once",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.KnownTasks, o.KnownMessages, o.Busy, o.BusySlots, o.Ages = 0, 0, 0, 0, autoscale.Histogram{}
		},
		want: 0, says: "everything is settled",
	},
	{
		because: "a trickle may wait until it is worth a worker",
		edit: func(c *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			c.MaxWait, *s = 10*time.Minute, autoscale.State{}
			s.WaitingSince = noon.Add(-3 * time.Minute)
			o.KnownTasks, o.KnownMessages, o.Prior.Mean = 5, 5, time.Second/2
			run(o, 0, 0)
		},
		want: 0, binding: autoscale.BindWait, says: "may wait 10m0s, 3m0s so far",
	},
	{
		because: "and no longer than it may",
		edit: func(c *autoscale.Config, s *autoscale.State, o *autoscale.Observation) {
			c.MaxWait, *s = 10*time.Minute, autoscale.State{}
			s.WaitingSince = noon.Add(-571 * time.Second)
			o.KnownTasks, o.KnownMessages, o.Prior.Mean = 5, 5, time.Second/2
			run(o, 0, 0)
		},
		want: 1, says: "wave 1: 0→1",
	},
	{
		because: "a deadline takes the fewest workers that meet it",
		edit: func(c *autoscale.Config, _ *autoscale.State, _ *autoscale.Observation) {
			c.Mode, c.Deadline = autoscale.Deadline, noon.Add(time.Hour)
		},
		want: 100, says: "keep 100",
	},
	{
		because: "one that cannot be met is said so",
		edit: func(c *autoscale.Config, _ *autoscale.State, _ *autoscale.Observation) {
			c.Mode, c.Deadline = autoscale.Deadline, noon.Add(time.Minute)
		},
		want: 616, says: "the deadline cannot be met",
	},
	{
		because: "money for the tasks that run and for nothing else",
		edit: func(c *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			c.Budget.Total, o.Spent = 10_000*pico, 7_000*pico
		},
		want: 100, binding: autoscale.BindBudget, says: "the rest is for the tasks that run",
		check: func(d autoscale.Decision) bool { return d.Drain && !d.StopAll },
	},
	{
		because: "the last money is what stopping costs",
		edit: func(c *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			c.Budget.Total, o.Spent = 10_000*pico, 8_900*pico
		},
		want: 0, binding: autoscale.BindBudget, says: "the rest is what stopping costs",
		check: func(d autoscale.Decision) bool { return d.StopAll },
	},
	{
		because: "a cap for an hour is held like one for all",
		edit: func(c *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			c.Budget.PerHour, o.SpentHour = 10_000*pico, 8_900*pico
		},
		want: 0, binding: autoscale.BindBudget, says: "an hour spent",
		check: func(d autoscale.Decision) bool { return d.StopAll },
	},
	{
		because: "a job's own cap stops the fleet when no other job has work, and is named when reached",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.Caps = []autoscale.JobCap{{Job: "a", Cap: cost.USD, Spent: cost.USD, Tasks: 10_000}, {Job: "b", Cap: cost.USD}}
		},
		want: 0, binding: autoscale.BindBudget, says: "the caps of 1 job nearly reached",
		check: func(d autoscale.Decision) bool { return cmp.Equal(d.Over, []string{"a"}) },
	},
	{
		because: "the work of kinds with different durations is added up kind by kind",
		edit: func(_ *autoscale.Config, _ *autoscale.State, o *autoscale.Observation) {
			o.KnownTasks, o.KnownMessages = 300, 300
			o.Kinds = []autoscale.Kind{
				{Name: "short", Tasks: 50, Done: 10_000, DoneTime: 1000 * time.Second},
				{Name: "long", Tasks: 250, Done: 100, DoneTime: 60_000 * time.Second},
			}
		},
		want: 300, binding: autoscale.BindTasks, says: "all that is wanted",
	},
	{
		because: "an hour of waiting that is worth a dollar is worth some workers more",
		edit: func(c *autoscale.Config, _ *autoscale.State, _ *autoscale.Observation) {
			c.Mode, c.Value = autoscale.Value, cost.USD
		},
		want: 461, binding: autoscale.BindGoal, says: "100→461",
	},
}

func TestSizedDecisions(t *testing.T) {
	t.Parallel()
	for _, k := range sizedCases {
		c, s, o := plain()
		if k.edit != nil {
			k.edit(&c, &s, &o)
		}
		_, d := autoscale.Decide(c, s, o)
		if d.Want != k.want || (k.binding != "" && d.Binding != k.binding) || !strings.Contains(d.Reason, k.says) || k.check != nil && !k.check(d) {
			t.Errorf("%s:\n got %d, %q: %s (drain %v, stop %v, on demand %d, over %v)\nwant %d, %q: … %s …", k.because, d.Want, d.Binding, d.Reason,
				d.Drain, d.StopAll, d.OnDemand, d.Over, k.want, k.binding, k.says)
		}
	}
}

// A crash loop costs a worker a minute, then every two, four and at last fifteen, until a start succeeds.
func TestACrashLoopIsProbedAtGrowingIntervals(t *testing.T) {
	t.Parallel()
	c, s, o := plain()
	run(&o, 0, 0)
	o.Desired, o.Pending, o.FailedStarts, o.Visible = 50, 50, 50, 10_000
	var probes []time.Duration
	for o.Now.Before(noon.Add(time.Hour)) {
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		if d.Want > 1 {
			t.Fatalf("%d workers wanted that all crash: %s", d.Want, d.Reason)
		}
		if d.Want == 1 && o.Desired == 0 {
			probes = append(probes, o.Now.Sub(noon))
		}
		o.Counts, o.FailedStarts = counts(d.Want, 0, d.Want), d.Want
		later(&o, 10*time.Second)
	}
	if len(probes) < 4 || len(probes) > 8 {
		t.Errorf("probes at %v", probes)
	}
	o.RecentStarts, o.FailedStarts = 1, 0
	run(&o, 1, time.Second)
	if _, d := autoscale.Decide(c, s, o); d.Want < 100 {
		t.Errorf("a start succeeded, and still: %s", d.Reason)
	}
}

func TestShareIsFairAndWastesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		total   int
		claims  []autoscale.Claim
		want    []int
	}{
		{"enough for all", 100, []autoscale.Claim{{Want: 10}, {Want: 20}}, []int{10, 20}},
		{"the small one gets all, the large ones the rest", 100, []autoscale.Claim{{Want: 10}, {Want: 500}, {Want: 50}}, []int{10, 45, 45}},
		{"by weight", 90, []autoscale.Claim{{Want: 500, Weight: 2}, {Want: 500}}, []int{60, 30}},
		{"what one does not want goes to the others by weight", 100, []autoscale.Claim{{Want: 5, Weight: 9}, {Want: 500, Weight: 2}, {Want: 500}}, []int{5, 63, 32}},
		{"nothing left over", 10, []autoscale.Claim{{Want: 9}, {Want: 9}, {Want: 9}}, []int{4, 3, 3}},
		{"nothing to share", 0, []autoscale.Claim{{Want: 9}}, []int{0}},
		{"odd claims", 5, []autoscale.Claim{{Want: -3}, {Want: 3, Weight: math.NaN()}, {Want: 3, Weight: -1}}, []int{0, 3, 2}},
	} {
		if diff := cmp.Diff(c.want, autoscale.Share(c.total, c.claims)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestServicesShareTheLaunches(t *testing.T) {
	t.Parallel()
	for workers, want := range map[int]int{0: 1, 500: 1, 501: 2, 1001: 3, 10_000: 3, 15_001: 4} {
		if got := autoscale.Services(workers); got != want {
			t.Errorf("%d workers need %d services, want %d", workers, got, want)
		}
	}
	for _, c := range []struct {
		want       int
		now, after []int
	}{
		{10, []int{0, 0, 0}, []int{4, 3, 3}},
		{11, []int{4, 3, 3}, []int{4, 4, 3}},
		{5, []int{4, 3, 3}, []int{4, 1, 0}},
		{0, []int{4, 3, 3}, []int{0, 0, 0}},
		{12_000, []int{0, 0}, []int{5000, 5000}},
	} {
		if diff := cmp.Diff(c.after, autoscale.Spread(c.want, c.now)); diff != "" {
			t.Errorf("%d over %v (-want +got):\n%s", c.want, c.now, diff)
		}
	}
}

func TestSpotIsUsedWhileItIsCheaper(t *testing.T) {
	t.Parallel()
	spot := autoscale.Spot{Price: .3}
	if !spot.Wins(.5, 5*time.Minute) || spot.Wins(60, 10*time.Minute) || (autoscale.Spot{}).Wins(0, time.Second) {
		t.Error("wrong about Spot")
	}
	// At 0.3 of the price Spot wins until a task is interrupted about twice.
	if r := autoscale.Repeats(1, 2.06); r < 3.25 || r > 3.4 || autoscale.Repeats(0, 100) != 1 || autoscale.Repeats(math.NaN(), 1) != 1 {
		t.Errorf("repeats %v", r)
	}
}

func TestPoliciesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for says, p := range map[string]autoscale.Policy{
		"Efficiency": {Efficiency: 1}, "needs a Deadline": {Mode: autoscale.Deadline}, "needs Budget": {Mode: autoscale.Budget, Price: 1},
		"needs a Value": {Mode: autoscale.Value, Price: 1}, "no mode": {Mode: "best"}, "need the Price": {Budget: autoscale.Caps{Total: 1}},
		"must not be negative": {MaxWait: -1}, "a Budget must not": {Price: 1, Budget: autoscale.Caps{PerDay: -1}}, "Spot.Price": {Spot: autoscale.Spot{Price: math.NaN()}},
	} {
		if err := (autoscale.Config{Max: 1, Policy: p}).Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: got %v, want %q", p, err, says)
		}
	}
}
