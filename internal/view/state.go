package view

import (
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

// Input is what the table knows of a job at one moment.
type Input struct {
	// Now is when it was read.
	Now time.Time
	Job store.Job
	// Count is the last exact count, CountedAt when it was made; nil when only the ledgers were asked.
	Count     *store.Count
	CountedAt time.Time
	// Ledgers of the job's fleet, in any order; those that ended before the job are left out.
	Ledgers []store.Ledger
	// Decisions of the fleet's autoscaler, oldest first.
	Decisions []store.Decision
	// History are earlier looks at the job, oldest first; the rate is taken over the last of them. It may be empty.
	History []Point
	// Failures are what FailuresOf found; the zero value when nobody has looked.
	Failures Failures
	// Bill and Waves are the job's; nil when they cannot be made.
	Bill  *bill.Bill
	Waves *bill.WaveReport
}

// Point is how many tasks were settled at a time, and what had been spent.
type Point struct {
	At    time.Time
	Done  int
	Spent cost.PicoUSD
}

// State is a job as people see it. In JSON durations are in nanoseconds, amounts in pico-dollars.
type State struct {
	// At is when it was looked at.
	At      time.Time `json:"at"`
	Job     string    `json:"job"`
	Handler string    `json:"handler"`
	Label   string    `json:"label,omitempty"`
	Fleet   string    `json:"fleet"`
	// State is the job's, Why the reason when the fleet itself stopped it.
	State store.State `json:"state"`
	Why   string      `json:"why,omitempty"`
	// Created, and Ended when nothing is left to do: when the state changed, or the last worker's last word.
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended,omitzero"`

	Tasks    Tasks    `json:"tasks"`
	Pace     Pace     `json:"pace"`
	Workers  Workers  `json:"workers"`
	Queue    Queue    `json:"queue"`
	Waves    []Wave   `json:"waves"`
	Failures Failures `json:"failures"`
	Money    Money    `json:"money"`
	Tails    Tails    `json:"durations"`
}

// Tasks counts a job's tasks. OK, Failed and Left add up to Total.
type Tasks struct {
	Total    int `json:"total"`
	Enqueued int `json:"enqueued"`
	OK       int `json:"ok"`
	Failed   int `json:"failed"`
	Left     int `json:"left"`
	// Retrying of the failed are being run again.
	Retrying int `json:"retrying,omitempty"`
	// Exact says that the results were counted; otherwise it is what the workers said last.
	Exact bool `json:"exact"`
}

// Done is the number of settled tasks.
func (t Tasks) Done() int { return t.OK + t.Failed }

// Percent is the part of the tasks that is settled, 0 to 100, rounded down so that 100 means all.
func (t Tasks) Percent() int {
	if t.Total == 0 {
		return 0
	}
	return t.Done() * 100 / t.Total
}

// Queue is what the autoscaler last saw on the fleet's queue. Its messages are of all jobs.
type Queue struct {
	At       time.Time `json:"at,omitzero"`
	Visible  int64     `json:"visible"`
	InFlight int64     `json:"in_flight"`
	Delayed  int64     `json:"delayed"`
}

// Wave is one raise of the fleet, planned and come.
type Wave struct {
	Name    string    `json:"wave"`
	At      time.Time `json:"at"`
	From    int       `json:"from"`
	To      int       `json:"to"`
	Asked   int       `json:"workers_asked"`
	Came    int       `json:"workers_came"`
	Tasks   int64     `json:"tasks"`
	Binding string    `json:"binding,omitempty"`
	// Complete is when the last of those that came took work; zero when none did.
	Complete time.Time    `json:"complete,omitzero"`
	Cost     cost.PicoUSD `json:"cost_pico_usd"`
}

// Money is what a job has cost, was expected to cost and may cost.
type Money struct {
	// Known says that there is a bill; without, the rest is zero.
	Known bool         `json:"known"`
	Spent cost.PicoUSD `json:"spent_pico_usd"`
	// Estimate is the forecast's; nil when none was kept. When the tasks' duration was not known it is of requests alone, and Partial is set.
	Estimate *cost.Range `json:"estimate_pico_usd,omitempty"`
	Partial  bool        `json:"estimate_of_requests_only,omitempty"`
	// Cap is the job's; 0 means none.
	Cap cost.PicoUSD `json:"cap_pico_usd,omitempty"`
	// Expected at the end: what was spent, and for the tasks that are left the price of those of the last minute; of all so
	// far where there was no look before. 0 when that cannot be said: the first minute of a worker is billed as a whole.
	Expected cost.PicoUSD `json:"expected_pico_usd,omitempty"`
	Wasted   cost.PicoUSD `json:"wasted_pico_usd,omitempty"`
	// Local says that the workers ran on the user's machine: nobody is billed, it is what Fargate would have cost.
	Local bool `json:"as_if_on_fargate,omitempty"`
}

// Of makes the state of a job.
func Of(in Input) State {
	fleet := lives(in)
	s := State{
		At: in.Now, Job: in.Job.ID, Handler: clean(in.Job.Handler, maxMessage), Label: clean(in.Job.Label, maxMessage), Fleet: in.Job.Fleet,
		State: in.Job.State, Why: clean(in.Job.Why, maxMessage),
		Created: in.Job.Created, Tasks: tasksOf(in, fleet), Failures: in.Failures, Tails: tailsOf(fleet, in.Job.ID), Waves: wavesOf(in.Waves),
	}
	s.Ended = ended(in, s.Tasks, fleet)
	s.Workers = workersOf(in, fleet)
	if n := len(in.Decisions); n > 0 {
		d := in.Decisions[n-1]
		s.Queue = Queue{At: d.At, Visible: d.Visible, InFlight: d.InFlight, Delayed: d.Delayed}
	}
	s.Pace = paceOf(in, s, fleet)
	s.Money = moneyOf(in, s)
	return s
}

// Over reports whether nothing of the job will be run any more.
func (s State) Over() bool { return !s.Ended.IsZero() }

// Told reports whether the workers have told of all settled tasks. Right after a job's end some have not yet; those that were
// killed never do.
func (s State) Told() bool { return s.Workers.settled() >= int64(s.Tasks.Done()) }

func tasksOf(in Input, fleet []store.Ledger) Tasks {
	t := Tasks{Total: in.Job.N, Enqueued: in.Job.Confirmed}
	var ok, failed int64
	for _, l := range fleet {
		c := l.Jobs[in.Job.ID]
		ok += c.OK
		failed += c.Failed
	}
	// A task that was run again is in two ledgers, or twice in one; who had counted a failure may be gone.
	t.Failed = int(min(max(failed, 0), int64(t.Total)))
	t.OK = int(min(max(ok, 0), int64(t.Total-t.Failed)))
	// Ledgers lag, and that of a worker that was killed has not all that it did.
	if c := in.Count; c != nil && (in.CountedAt.Equal(in.Now) || c.OK+c.Failed > t.OK+t.Failed) {
		t.OK, t.Failed, t.Retrying, t.Exact = c.OK, c.Failed, c.Retrying, in.CountedAt.Equal(in.Now)
	}
	t.Left = t.Total - t.OK - t.Failed
	return t
}

// ended is when the job came to its end; zero while something is left to do.
func ended(in Input, t Tasks, fleet []store.Ledger) time.Time {
	if in.Job.State == store.Cancelled || in.Job.State == store.Done {
		return in.Job.Finished
	}
	if !t.Exact || t.Left > 0 || t.Retrying > 0 {
		return time.Time{} // ledgers may count a task twice while another one is missing
	}
	last := in.Job.Created
	for _, l := range fleet {
		if _, did := l.Jobs[in.Job.ID]; did && l.Updated.After(last) {
			last = l.Updated
		}
	}
	return last
}

func wavesOf(r *bill.WaveReport) []Wave {
	waves := []Wave{}
	if r == nil {
		return waves
	}
	for _, l := range r.Waves {
		w := Wave{Name: l.Name, At: l.At, From: l.From, To: l.To, Asked: l.Planned.Workers, Came: l.Actual.Workers, Tasks: l.Actual.Tasks,
			Binding: l.Binding, Cost: l.Actual.Cost}
		if l.Actual.Last > 0 {
			w.Complete = l.At.Add(l.Actual.Last)
		}
		waves = append(waves, w)
	}
	return waves
}

func moneyOf(in Input, s State) Money {
	m := Money{Cap: cost.PicoUSD(max(0, in.Job.MaxCostPico))}
	b := in.Bill
	if b == nil || b.Statement == nil {
		return m
	}
	m.Known, m.Spent, m.Wasted = true, b.Statement.Total, b.Statement.Wasted
	if f := b.Forecast; f != nil && f.Estimate != nil {
		estimate := f.Estimate.Cost
		m.Estimate, m.Partial = &estimate, f.Estimate.ComputeUnknown
		m.Local = f.Fleet.Provider == cost.Local
	}
	if len(s.Workers.Spans) > 0 { // what they were goes before what was expected
		m.Local = !slices.ContainsFunc(s.Workers.Spans, func(w Span) bool { return w.Provider != cost.Local })
	}
	m.Expected = expected(in, s, m.Spent)
	return m
}

func expected(in Input, s State, spent cost.PicoUSD) cost.PicoUSD {
	done, left := s.Tasks.Done(), float64(s.Tasks.Left)
	if past, ok := before(in, done); ok {
		return spent + cost.PicoUSD(float64(max(0, spent-past.Spent))/float64(done-past.Done)*left)
	}
	switch {
	case done > 0 && left == 0:
		return spent
	case done > 0 && in.Now.Sub(s.Created) >= time.Minute:
		return spent + cost.PicoUSD(float64(spent)/float64(done)*left)
	}
	return 0
}
