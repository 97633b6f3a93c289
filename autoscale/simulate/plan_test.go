package simulate_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
)

func makePlan(t *testing.T, j simulate.Job) *simulate.Plan {
	t.Helper()
	p, err := simulate.MakePlan(t.Context(), j, 2)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlansSayWhatFits(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	job := simulate.Job{Tasks: 600, Mean: time.Minute, CV: .2, Workers: 50}
	for _, c := range []struct {
		because  string
		edit     func(*simulate.Job)
		fits     bool
		why      string
		locally  bool
		lastLine string
	}{
		{"nothing is asked for", func(*simulate.Job) {}, true, "", false, "cheap"},
		{"an hour is ample", func(j *simulate.Job) { j.Deadline = time.Hour }, true, "", false, "deadline"},
		{"nobody does ten hours of work on 50 workers in 5 min", func(j *simulate.Job) { j.Deadline = 5 * time.Minute }, false, "nobody can be done before", false, "deadline"},
		{"nor for a cent", func(j *simulate.Job) { j.Budget = cost.Cent }, false, "nobody can do it for less", false, "budget"},
		{"two dollars are enough", func(j *simulate.Job) { j.Budget = 2 * cost.USD }, true, "", false, "budget"},
		{"600 cores at hand are sooner", func(j *simulate.Job) { j.Cores = 600 }, true, "", true, "cheap"},
		{"one core is not", func(j *simulate.Job) { j.Cores = 1 }, true, "", false, "cheap"},
	} {
		j := job
		c.edit(&j)
		p := makePlan(t, j)
		if p.Fits != c.fits || !strings.Contains(p.Why, c.why) || p.Local != c.locally || p.Lines[len(p.Lines)-1].Mode != c.lastLine {
			t.Errorf("%s: %+v", c.because, p)
		}
		for _, l := range p.Lines {
			if l.Seconds[0] > l.Seconds[1] || l.Seconds[1] > l.Seconds[2] || l.Dollars[0] > l.Dollars[2] || l.Peak > 50 || l.Mode != "budget" && l.Time < .8 {
				t.Errorf("%s: %+v", c.because, l)
			}
		}
	}
}

// What binds this job is the room for workers; only lifting that helps much.
func TestPlansSayWhatALimitCosts(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	p := makePlan(t, simulate.Job{Tasks: 600, Mean: time.Minute, CV: .2, Workers: 10})
	now := p.Lines[0].Seconds[1]
	if room, rate := p.Remedies[0].Seconds, p.Remedies[1].Seconds; room > .6*now || rate < .9*now {
		t.Errorf("%.0f s, with twice the room %.0f s, with twice the launch rate %.0f s", now, room, rate)
	}
	var out bytes.Buffer
	if err := p.Print(&out); err != nil || !strings.Contains(out.String(), "with twice the room for workers") {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestEqualJobsHaveEqualPlans(t *testing.T) {
	t.Parallel()
	j := simulate.Job{Tasks: 300, Mean: 20 * time.Second, CV: 1, Workers: 30}
	if diff := cmp.Diff(makePlan(t, j), makePlan(t, j), cmpopts.IgnoreUnexported(simulate.Plan{})); diff != "" {
		t.Error(diff)
	}
}

func TestJobsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for says, j := range map[string]simulate.Job{
		"0 tasks": {Mean: time.Second, Workers: 1}, "a task of 0s": {Tasks: 1, Workers: 1}, "0 workers": {Tasks: 1, Mean: 1},
		"variation": {Tasks: 1, Mean: 1, Workers: 1, CV: -1}, "negative": {Tasks: 1, Mean: 1, Workers: 1, Deadline: -1},
	} {
		if _, err := simulate.MakePlan(t.Context(), j, 1); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", j, err, says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := simulate.MakePlan(ctx, simulate.Job{Tasks: 1, Mean: 1, Workers: 1}, 1); err == nil {
		t.Error("a plan in spite of the end of its context")
	}
}

// Few measurements make a plan wide; many, or a duration that somebody vouches for, do not.
func TestWhatWasMeasuredOnLittleIsUncertain(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	job := simulate.Job{Tasks: 400, Mean: 30 * time.Second, CV: .5, Workers: 20}
	spread := func(seen int) float64 {
		t.Helper()
		j := job
		j.Seen = seen
		l := makePlan(t, j).Lines[0]
		return l.Seconds[2] / l.Seconds[0]
	}
	given, few, many := spread(0), spread(3), spread(1000)
	if few < 1.3*given || many > 1.15*given {
		t.Errorf("P90/P10 is %.2f as given, %.2f on 3 tasks, %.2f on 1,000", given, few, many)
	}
}

// Two kinds of durations, 1 s and 100 s, have a mean that no task has.
func TestMeasuredDurationsAreDrawnFrom(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	var h autoscale.Histogram
	h.Add(time.Second, 90)
	h.Add(100*time.Second, 10)
	j := simulate.Job{Tasks: 1000, Mean: 11 * time.Second, CV: 2.7, Seen: 1000, Workers: 1000, Durations: &h}
	p := makePlan(t, j)
	if p.BoundSeconds < 120 || p.BoundSeconds > 170 || p.WorkSeconds < 9_000 || p.WorkSeconds > 13_000 {
		t.Errorf("the longest of them takes about 100 s and 40 s of start-up: bound %.0f s, work %.0f s", p.BoundSeconds, p.WorkSeconds)
	}
}

func TestPlansTellHowTheFleetGrowsAndWhatBinds(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	p := makePlan(t, simulate.Job{Tasks: 200, Mean: time.Minute, CV: .2, Workers: 10, Fargate: cost.Rate{VCPU: 1e9, MinSeconds: 60}})
	last := p.Waves[len(p.Waves)-1]
	if p.Waves[0].From != 0 || last.To != 10 || last.Binding != "quota" || p.Binding != simulate.LimitRoom {
		t.Errorf("%+v, bound by %q", p.Waves, p.Binding)
	}
	if p.PerMinute != 10*60*1e9/1e12 || p.BoundDollars < 10 {
		t.Errorf("with a price of a tenth of a cent a second: %v a minute, %v in all", p.PerMinute, p.BoundDollars)
	}
	free := makePlan(t, simulate.Job{Tasks: 10, Mean: 20 * time.Minute, CV: 0, Workers: 1000})
	if free.Binding != "" {
		t.Errorf("10 tasks of twenty minutes with room for 1,000 are bound by %q", free.Binding)
	}
	var out bytes.Buffer
	if err := p.Print(&out); err != nil || !strings.Contains(out.String(), "this is what binds") || !strings.Contains(out.String(), "→10 at") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// Whoever can wait pays less, down to what the work itself costs.
func TestWaitingSavesMoney(t *testing.T) {
	if raced {
		t.Skip("hundreds of simulations of one goroutine each, which take minutes under the race detector")
	}
	t.Parallel()
	job := simulate.Job{Tasks: 800, Mean: 20 * time.Second, CV: .5, Workers: 400}
	p := makePlan(t, job)
	fast := p.Lines[1]
	for i, w := range p.Waits {
		if w.Fits < w.Runs*9/10 || w.Peak > fast.Peak || w.Dollars[1] > fast.Dollars[1] || i > 0 && w.Peak > p.Waits[i-1].Peak {
			t.Errorf("%+v, beside %+v", w, fast)
		}
	}
	if len(p.Waits) != 3 || p.Waits[2].Dollars[1] > .95*fast.Dollars[1] {
		t.Errorf("eight times the time: %+v, beside %+v", p.Waits, fast)
	}
	job.Deadline = time.Hour
	if p := makePlan(t, job); p.Waits != nil {
		t.Errorf("a deadline was given, and %+v besides", p.Waits)
	}
}
