package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

// Store is the part of the table that a look reads; *store.Store has it.
type Store interface {
	bill.Store
	// Recount reads all of the job's results.
	Recount(ctx context.Context, job store.Job) (store.Count, error)
	// FailedItems reads all of the job's results, and the failed ones with their payloads.
	FailedItems(ctx context.Context, job store.Job) iter.Seq2[store.FailedItem, error]
}

// Looker looks at a job, once or again and again. A look reads the job, the fleet's ledgers, and the decisions since
// the last one; results only when the ledgers say that all tasks are settled, and for the failures. It is not safe for concurrent use.
type Looker struct {
	// Store and Job are required.
	Store Store
	Job   string
	// Bills prices the job; with a nil Book there is no money in the states.
	Bills bill.Config
	// FailuresEvery is the least time between two looks at failed tasks, which read all results. Default: 2 s, and with
	// more than 20,000 tasks longer: 30 s for 300,000. −1 means never.
	FailuresEvery time.Duration
	// Exact counts the results at each look, not only at the end.
	Exact bool
	// Follower says what the caller knows of the job itself, because it sends it or reads all its results; then no look counts
	// them. nil means that the caller only looks.
	Follower func() Followed

	decisions []store.Decision
	from      time.Time // since when decisions were read
	forecast  []byte
	history   []Point
	count     *store.Count
	countedAt time.Time
	settled   bool // the ledgers said that all tasks are settled when they were counted
	failures  Failures
	failed    int       // tasks that had failed when failures were read
	failedAt  time.Time // and when that was
	input     Input
}

// Followed is what somebody has sent of a job, and which of its results were read; each is at least so much.
type Followed struct{ Sent, OK, Failed int }

// DefaultFailuresEvery is the least time between two looks at the failed tasks of a small job.
const DefaultFailuresEvery = 2 * time.Second

// launchLag is how long before its worker began a launch may have been decided; as in package bill.
const launchLag = 30 * time.Minute

// Look reads the job's state. The error wraps store.ErrNotFound when there is no such job.
func (l *Looker) Look(ctx context.Context, now time.Time) (State, error) {
	in := Input{Now: now, History: l.history}
	var err error
	if in.Job, err = l.Store.Job(ctx, l.Job); err != nil {
		return State{}, err
	}
	followed := l.follow(&in)
	if in.Ledgers, err = l.Store.Ledgers(ctx, in.Job.Fleet); err != nil {
		return State{}, fmt.Errorf("look at the workers of job %s: %w", l.Job, err)
	}
	if err := l.readDecisions(ctx, in); err != nil {
		return State{}, err
	}
	in.Decisions = l.decisions
	if err := l.price(ctx, &in); err != nil {
		return State{}, err
	}
	if err := l.recount(ctx, &in, followed); err != nil {
		return State{}, err
	}
	t := tasksOf(in, lives(in))
	if in.Failures, err = l.readFailures(ctx, in, t); err != nil {
		return State{}, err
	}
	s := Of(in)
	l.remember(Point{now, s.Tasks.Done(), s.Money.Spent})
	l.input = in
	return s, nil
}

// follow takes over what the caller knows; nil when it only looks.
func (l *Looker) follow(in *Input) *store.Count {
	if l.Follower == nil {
		return nil
	}
	f := l.Follower()
	in.Job.Confirmed = max(in.Job.Confirmed, min(f.Sent, in.Job.N))
	return &store.Count{OK: f.OK, Failed: f.Failed}
}

// Input returns what the last look has read, for SeriesOf.
func (l *Looker) Input() Input { return l.input }

// remember keeps the looks of the window, oldest first.
func (l *Looker) remember(p Point) {
	l.history = append(l.history, p)
	for p.At.Sub(l.history[0].At) > Window {
		l.history = l.history[1:]
	}
}

// readDecisions reads those since the last look; at the first one, all that the bill asks for.
func (l *Looker) readDecisions(ctx context.Context, in Input) error {
	from := in.Job.Created
	for _, w := range lives(in) {
		if at := w.Cost.Launched; !at.IsZero() && at.Before(from) {
			from = at
		}
	}
	from = from.Add(-launchLag)
	if l.from.IsZero() || from.Before(l.from) {
		l.from, l.decisions = from, nil
	}
	if n := len(l.decisions); n > 0 {
		from = l.decisions[n-1].At.Add(time.Millisecond) // how finely they are told apart
	}
	for d, err := range l.Store.Decisions(ctx, in.Job.Fleet, from, in.Now.Add(time.Second)) {
		if err != nil {
			return err
		}
		d.Memory = nil // of no use here, and large
		l.decisions = append(l.decisions, d)
	}
	return nil
}

// price bills the job from what was read already.
func (l *Looker) price(ctx context.Context, in *Input) error {
	if l.Bills.Book == nil {
		return nil
	}
	if l.forecast == nil {
		raw, err := l.Store.Forecast(ctx, l.Job)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("look at the estimate of job %s: %w", l.Job, err)
		}
		l.forecast = raw
	}
	bills := l.Bills
	bills.Store, bills.Fleet, bills.Now = read{in: *in, forecast: l.forecast}, in.Job.Fleet, in.Now
	var err error
	if in.Bill, err = bills.Job(ctx, l.Job); err != nil {
		return fmt.Errorf("price job %s: %w", l.Job, err)
	}
	in.Waves, err = bills.Waves(ctx, l.Job)
	return err
}

// readTime is for how long looks stay away from all results, for each of the tasks: to read a million results of 100 bytes
// is to read 100 MB.
const readTime = 100 * time.Microsecond

// maxRecount is the longest time between two counts of a job that seems to stand still.
const maxRecount = time.Minute

// recount counts the results at the first look, when the job is over or the ledgers say so, and while nothing
// seems to happen: a worker that was killed took with it what it had not said yet. It reads all results, so the more tasks there are the rarer.
func (l *Looker) recount(ctx context.Context, in *Input, followed *store.Count) error {
	if followed != nil {
		in.Count = followed
		if followed.OK+followed.Failed >= in.Job.N {
			in.CountedAt = in.Now
		}
		return nil
	}
	fleet := lives(*in)
	t := tasksOf(*in, fleet)
	final := in.Job.State == store.Done || in.Job.State == store.Cancelled
	still := t.Left == 0 || busySlots(*in, fleet) == 0 || l.still(t.Done(), in.Now)
	due := in.Now.Sub(l.countedAt) >= min(time.Duration(in.Job.N)*readTime, maxRecount)
	if l.count == nil || l.Exact || final || t.Left == 0 && !l.settled || still && due {
		count, err := l.Store.Recount(ctx, in.Job)
		if err != nil {
			return fmt.Errorf("count the results of job %s: %w", l.Job, err)
		}
		l.count, l.countedAt, l.settled = &count, in.Now, t.Left == 0
	}
	in.Count, in.CountedAt = l.count, l.countedAt
	return nil
}

// still reports whether no task was settled for as long as the looks are remembered.
func (l *Looker) still(done int, now time.Time) bool {
	return len(l.history) > 1 && now.Sub(l.history[0].At) > Window/2 && l.history[0].Done >= done
}

// readFailures reads failed tasks when there are others than at the last time.
func (l *Looker) readFailures(ctx context.Context, in Input, t Tasks) (Failures, error) {
	if t.Failed == 0 {
		return Failures{}, nil
	}
	every := cmp.Or(l.FailuresEvery, max(DefaultFailuresEvery, time.Duration(in.Job.N)*readTime))
	early := in.Now.Sub(l.failedAt) < every && !(t.Exact && t.Left == 0)
	if every < 0 || t.Failed == l.failed || early {
		return l.failures, nil
	}
	f, err := FailuresOf(l.Store.FailedItems(ctx, in.Job))
	if err != nil {
		return f, fmt.Errorf("look at the failures of job %s: %w", l.Job, err)
	}
	l.failures, l.failed, l.failedAt = f, t.Failed, in.Now
	return f, nil
}

// read is what a look has read already, for the bill.
type read struct {
	in       Input
	forecast []byte
}

var _ bill.Store = read{}

func (r read) Job(context.Context, string) (store.Job, error) { return r.in.Job, nil }

func (r read) Jobs(context.Context, time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) { yield(r.in.Job, nil) }
}

// Ledgers are the caller's to change.
func (r read) Ledgers(context.Context, string) ([]store.Ledger, error) {
	return slices.Clone(r.in.Ledgers), nil
}

func (r read) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range r.in.Decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, nil) {
				return
			}
		}
	}
}

func (r read) Forecast(context.Context, string) ([]byte, error) {
	if r.forecast == nil {
		return nil, store.ErrNotFound
	}
	return r.forecast, nil
}
