package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// Job is what is to be planned.
type Job struct {
	// Tasks and their mean duration are required; CV is the coefficient of variation, 0 for constant ones.
	Tasks int
	Mean  time.Duration
	CV    float64
	// Workers is the room for workers: what is left of the quota; required. Slots is tasks at once per worker. Default: 1.
	Workers, Slots int
	// Seen is how many tasks Mean and CV were measured on; 0 means that somebody said so. The fewer, the wider the plan: the
	// true mean is drawn anew for each run.
	Seen int
	// Durations, if not nil, are those that were measured, from which the runs draw; with fewer than 30 they draw from a log-normal
	// distribution of Mean and CV.
	Durations *autoscale.Histogram
	// Size of a worker. Default: 1 vCPU and 2 GiB. Fargate is its price. Default: as in Scenario.
	Size    cost.Size
	Fargate cost.Rate
	// Deadline is how long it may take, Budget what the workers may cost; 0 is any.
	Deadline time.Duration
	Budget   cost.PicoUSD
	// Cores of the machine at hand, to compare with. 0 does not.
	Cores int
}

// planRuns is the number of simulated runs behind each line; fewer where a run is long.
const (
	planRuns    = 20
	planRunsBig = 5
	bigJob      = 200_000
)

// Line is a mode's outcome: the tenth, fiftieth and ninetieth percentile of the runs.
type Line struct {
	Mode string `json:"mode"`
	// Seconds and Dollars are P10, P50 and P90.
	Seconds [3]float64 `json:"seconds"`
	Dollars [3]float64 `json:"dollars"`
	Peak    int        `json:"peak"`
	Waves   int64      `json:"waves"`
	// Time and Money are over what nobody can do better with the same tasks: the P50.
	Time  float64 `json:"time_over_bound"`
	Money float64 `json:"cost_over_bound"`
	// Fits is in how many of Runs everything was done within the deadline and the budget.
	Fits int `json:"fits"`
	Runs int `json:"runs"`
}

// Remedy is what removing a limit would buy.
type Remedy struct {
	Limit string `json:"limit"`
	// Workers is how many the lifted limit has room for; 0 when that was not lifted.
	Workers int     `json:"workers,omitempty"`
	Seconds float64 `json:"seconds"`
	Dollars float64 `json:"dollars"`
}

// The limits whose removal a plan prices.
const (
	LimitRoom    = "twice the room for workers"
	LimitRate    = "twice the launch rate"
	LimitStartUp = "a start-up of half the time"
)

// PlannedWave is a raise of the fleet in the first run of the first mode.
type PlannedWave struct {
	Seconds float64 `json:"seconds"`
	From    int     `json:"from"`
	To      int     `json:"to"`
	// Binding is what kept it from being larger; "" for nothing.
	Binding string `json:"binding,omitempty"`
}

// Plan is what a job would take and cost in each mode.
type Plan struct {
	Tasks int `json:"tasks"`
	// Mean seconds of a task and its CV, and how many tasks they were measured on; 0 for none.
	Mean float64 `json:"task_s"`
	CV   float64 `json:"cv"`
	Seen int     `json:"measured_on,omitempty"`
	// Workers is the room that was planned with.
	Workers int    `json:"room"`
	Lines   []Line `json:"lines"`
	// Waits are what waiting longer would save: the cheapest fleet that is done within twice, four and eight times the best possible time,
	// where no deadline was given. Their Fits are for these deadlines.
	Waits []Line `json:"waits,omitempty"`
	// WorkSeconds is all tasks' durations, BoundSeconds and BoundDollars what nobody can do better, each for itself: the P50.
	WorkSeconds  float64 `json:"work_s"`
	BoundSeconds float64 `json:"bound_s"`
	BoundDollars float64 `json:"bound_usd"`
	// LocalSeconds is what the machine at hand would take; 0 when not asked.
	LocalSeconds float64 `json:"local_s,omitempty"`
	// Waves are how the fleet grows in the first mode.
	Waves []PlannedWave `json:"waves"`
	// PerMinute is what the workers cost a minute while the first mode is at its peak.
	PerMinute float64 `json:"usd_per_minute_at_peak"`
	// Remedies are for the first line, the one whose limits were lifted. Binding is the one that helps most, "" when none helps much.
	Remedies []Remedy `json:"remedies"`
	Binding  string   `json:"binding,omitempty"`
	// Fits says that the last line of those asked for fits; Why not, when it does not.
	Fits bool   `json:"fits"`
	Why  string `json:"why,omitempty"`
	// Local says that the machine at hand would be done before, or that there is less work than the minute that one worker bills at least.
	Local bool `json:"run_it_locally"`

	least, cheapest float64 // the bounds of the luckiest run
}

func (j Job) validate() error {
	switch {
	case j.Tasks < 1 || j.Tasks > 10_000_000:
		return fmt.Errorf("%d tasks cannot be planned, want 1 to 10,000,000", j.Tasks)
	case j.Mean <= 0 || j.Mean > 30*24*time.Hour:
		return fmt.Errorf("a task of %s cannot be planned, want up to 30 days", j.Mean)
	case !(j.CV >= 0 && j.CV <= 10):
		return fmt.Errorf("a coefficient of variation of %v cannot be planned, want 0 to 10", j.CV)
	case j.Workers < 1 || j.Workers > 100_000:
		return fmt.Errorf("%d workers cannot be planned, want 1 to 100,000", j.Workers)
	case j.Slots < 0 || j.Deadline < 0 || j.Budget < 0 || j.Cores < 0:
		return errors.New("slots, deadline, budget and cores must not be negative")
	}
	return nil
}

// MakePlan simulates the job under the autoscaler's modes, with procs runs at a time. It fails on a job that makes no sense, or when ctx ends.
func MakePlan(ctx context.Context, j Job, procs int) (*Plan, error) {
	if err := j.validate(); err != nil {
		return nil, err
	}
	p := &Plan{Tasks: j.Tasks, Mean: j.Mean.Seconds(), CV: j.CV, Seen: j.Seen, Workers: j.Workers, Fits: true}
	mode := func(name string, edit func(*Ours)) error {
		results, err := j.runs(ctx, nil, edit, procs)
		if err != nil {
			return err
		}
		p.Lines = append(p.Lines, j.line(name, results))
		p.bounds(j, results)
		return nil
	}
	for _, m := range []struct {
		name       string
		efficiency float64
	}{{"balanced", .7}, {"fast", .5}, {"cheap", .9}} {
		if err := mode(m.name, func(o *Ours) { o.Config.Efficiency = m.efficiency }); err != nil {
			return nil, err
		}
	}
	if j.Deadline > 0 {
		if err := mode("deadline", func(o *Ours) { o.Config.Mode, o.Config.Deadline = autoscale.Deadline, epoch.Add(j.Deadline) }); err != nil {
			return nil, err
		}
	}
	if j.Budget > 0 {
		if err := mode("budget", func(o *Ours) { o.Config.Mode, o.Config.Budget.Total = autoscale.Budget, j.Budget }); err != nil {
			return nil, err
		}
	}
	p.judge(j)
	p.ascent(j)
	if err := p.wait(ctx, j, procs); err != nil {
		return nil, err
	}
	return p, p.remedy(ctx, j, procs)
}

// line sums a mode's runs up.
func (j Job) line(name string, results []*Result) Line {
	l := Line{Mode: name, Runs: len(results)}
	var seconds, dollars, peaks, times, money []float64
	for _, r := range results {
		seconds = append(seconds, r.Makespan)
		dollars = append(dollars, float64(r.Cost)/1e12)
		peaks = append(peaks, float64(r.Peak))
		times, money = append(times, r.TimeRatio()), append(money, r.CostRatio())
		l.Waves = max(l.Waves, r.Waves)
		if r.Left == 0 && (j.Deadline == 0 || r.Makespan <= j.Deadline.Seconds()) && (j.Budget == 0 || r.Cost <= j.Budget) {
			l.Fits++
		}
	}
	l.Seconds, l.Dollars, l.Peak = deciles(seconds), deciles(dollars), int(deciles(peaks)[1])
	l.Time, l.Money = deciles(times)[1], deciles(money)[1]
	return l
}

// bounds fills in the bounds of the runs: the same tasks under each mode.
func (p *Plan) bounds(j Job, results []*Result) {
	var seconds, dollars, work []float64
	for _, r := range results {
		seconds = append(seconds, r.Bound.Makespan)
		dollars = append(dollars, r.Bound.Billed*float64(r.Price)/1e12)
		work = append(work, r.Bound.work*float64(max(1, j.Slots)))
	}
	p.BoundSeconds, p.BoundDollars, p.WorkSeconds = deciles(seconds)[1], deciles(dollars)[1], deciles(work)[1]
	p.least, p.cheapest = slices.Min(seconds), slices.Min(dollars)
}

// deciles are the tenth, fiftieth and ninetieth percentile.
func deciles(x []float64) (d [3]float64) {
	slices.Sort(x)
	for i, q := range [...]float64{.1, .5, .9} {
		d[i] = x[int(math.Round(q*float64(len(x)-1)))]
	}
	return d
}

// paidMinute is the least that a worker is billed for: less work than that is not worth one.
const paidMinute = 60

// judge says whether what was asked for fits, and whether it is worth the trouble.
func (p *Plan) judge(j Job) {
	if j.Cores > 0 {
		p.LocalSeconds = p.WorkSeconds / float64(min(j.Cores, j.Tasks))
		p.Local = p.LocalSeconds <= p.Lines[0].Seconds[1] || p.WorkSeconds < paidMinute
	}
	best := slices.MaxFunc(p.Lines, func(a, b Line) int { return a.Fits - b.Fits })
	const enough = .9
	if float64(best.Fits) >= enough*float64(best.Runs) {
		return
	}
	p.Fits = false
	p.Why = fmt.Sprintf("at best %d of %d runs (%s) fit", best.Fits, best.Runs, best.Mode)
	if j.Deadline > 0 && j.Deadline.Seconds() < p.least {
		p.Why += "; nobody can be done before " + Clock(p.least)
	}
	if j.Budget > 0 && float64(j.Budget)/1e12 < p.cheapest {
		p.Why += fmt.Sprintf("; nobody can do it for less than $%.4g", p.cheapest)
	}
}

// remedy finds out what removing a limit would buy.
func (p *Plan) remedy(ctx context.Context, j Job, procs int) error {
	for _, r := range []struct {
		limit string
		lift  func(*Scenario)
	}{
		{LimitRoom, func(s *Scenario) { s.Quota *= 2 }},
		{LimitRate, func(s *Scenario) { s.Rate, s.Burst, s.Services = 40, 200, 6 }},
		{LimitStartUp, func(s *Scenario) { s.Provisioning, s.Pull = 7.5, 12.5 }},
	} {
		results, err := j.runs(ctx, r.lift, func(*Ours) {}, procs)
		if err != nil {
			return err
		}
		l := j.line(r.limit, results)
		p.Remedies = append(p.Remedies, Remedy{Limit: r.limit, Seconds: l.Seconds[1], Dollars: l.Dollars[1]})
	}
	best := slices.MinFunc(p.Remedies, func(a, b Remedy) int { return cmp.Compare(a.Seconds, b.Seconds) })
	if best.Seconds < muchFaster*p.Lines[0].Seconds[1] {
		p.Binding = best.Limit
	}
	return nil
}

// muchFaster is from which part of the time on a lifted limit is worth a word.
const muchFaster = .97
