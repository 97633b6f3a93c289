package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Depth is the number of messages in a queue by their state.
type Depth struct{ Visible, InFlight, Delayed int }

// Total is all of them.
func (d Depth) Total() int { return d.Visible + d.InFlight + d.Delayed }

// State is what is left of a finished job, see Read.
type State struct {
	Job store.Job
	// Items are the job's result items as they are in the table.
	Items []store.Result
	// Count is the store's exact recount, CountErr the error it ended with.
	Count    store.Count
	CountErr error
	// Ledgers of the workers that worked for the job.
	Ledgers []store.Ledger
	// Queue and DLQ are the queues' contents.
	Queue, DLQ Depth
}

// Want is what a State should show.
type Want struct {
	// Failed is how many tasks should have failed for good; the others succeeded. −1: any number.
	Failed int
	// DLQ is how many messages the dead-letter queue should hold.
	DLQ int
	// Counted is the least share of the settled tasks that the ledgers should
	// count, 0 to 1. Ledgers may lag, but when every worker has stopped in order and
	// few leases were lost they should not lag by much.
	Counted float64
	// FirstAttempt demands that no item counts more than one attempt.
	FirstAttempt bool
}

// Violation is one rule that a State breaks.
type Violation struct {
	// Rule is one of the constants below.
	Rule   string
	Detail string
}

func (v Violation) String() string { return v.Rule + ": " + v.Detail }

// The rules.
const (
	OneResult  = "one result a task"
	FewResults = "every task has a result"
	Complete   = "the recount is exact"
	Ledgers    = "ledgers do not exceed the truth"
	Lagging    = "ledgers keep up with the truth"
	Drained    = "the queue is empty"
	DeadLetter = "the dead-letter queue is as expected"
	Failures   = "tasks fail as expected"
	Attempts   = "no attempt count is raised"
)

// Table judges the state of a job that is over. Items of `retry --failed` settle
// tasks again and have no place here.
func Table(s State, w Want) []Violation {
	var all []Violation
	broken := func(rule, format string, args ...any) {
		all = append(all, Violation{rule, fmt.Sprintf(format, args...)})
	}
	t := settle(s, broken)
	if n := len(t.by); n < s.Job.N {
		broken(FewResults, "%d of %d tasks have one; the first without is %d", n, s.Job.N, t.firstMissing(s.Job.N))
	}
	if w.Failed >= 0 && t.failed != w.Failed {
		broken(Failures, "%d failed, want %d", t.failed, w.Failed)
	}
	c := s.Count
	switch {
	case s.CountErr != nil:
		broken(Complete, "%v", s.CountErr)
	case c.OK != t.ok || c.Failed != t.failed || len(c.Missing) > 0 || c.Strays > 0:
		broken(Complete, "it says %+v; the items hold %d ok and %d failed", c, t.ok, t.failed)
	}
	sum := checkLedgers(s, t, broken)
	if truth := t.ok + t.failed; float64(sum.OK+sum.Failed) < w.Counted*float64(truth) {
		broken(Lagging, "they count %d of %d tasks", sum.OK+sum.Failed, truth)
	}
	if s.Queue.Total() != 0 {
		broken(Drained, "%+v", s.Queue)
	}
	if s.DLQ.Total() != w.DLQ {
		broken(DeadLetter, "%+v, want %d in all", s.DLQ, w.DLQ)
	}
	if w.FirstAttempt {
		for _, r := range s.Items {
			if r.Attempt > 1 {
				broken(Attempts, "message %s has attempt %d", r.Identity, r.Attempt)
			}
		}
	}
	return all
}

// settled is the truth that the items tell.
type settled struct {
	by         map[int]codec.Identity // the message that settled each task last
	failing    map[int]bool           // its tasks that ended in a failure
	ok, failed int
	perWorker  map[string]store.JobCount
}

func settle(s State, broken func(rule, format string, args ...any)) settled {
	t := settled{by: map[int]codec.Identity{}, failing: map[int]bool{}, perWorker: map[string]store.JobCount{}}
	// A descendant's identity is longer than its ancestor's and ".r2" follows ".r1",
	// so that a retry comes after what it retries.
	items := slices.SortedFunc(slices.Values(s.Items), func(a, b store.Result) int {
		return cmp.Or(len(a.Identity)-len(b.Identity), cmp.Compare(a.Identity, b.Identity))
	})
	for _, r := range items {
		own := t.perWorker[r.Worker]
		for _, o := range r.Settled {
			first, twice := t.by[o.Index]
			switch {
			case twice && r.Identity.IsRetry() && t.failing[o.Index]:
				t.failed--
				own.Failed--
			case twice:
				broken(OneResult, "task %d is settled by message %s and by message %s", o.Index, first, r.Identity)
			}
			if o.Index < 0 || o.Index >= s.Job.N {
				broken(OneResult, "message %s settles task %d of %d", r.Identity, o.Index, s.Job.N)
			} else {
				t.by[o.Index] = r.Identity
			}
			t.failing[o.Index] = o.Failure != nil
			if o.Failure != nil {
				t.failed++
				own.Failed++
			} else {
				t.ok++
				own.OK++
			}
		}
		t.perWorker[r.Worker] = own
	}
	return t
}

func (t settled) firstMissing(n int) int {
	for i := range n {
		if _, ok := t.by[i]; !ok {
			return i
		}
	}
	return n
}

// checkLedgers compares each worker's ledger with the items that it wrote, and
// the sum, which it returns, with all of them.
func checkLedgers(s State, t settled, broken func(rule, format string, args ...any)) (sum store.JobCount) {
	var names []string
	for _, l := range s.Ledgers {
		c := l.Jobs[s.Job.ID]
		sum.OK += c.OK
		sum.Failed += c.Failed
		if own := t.perWorker[l.Worker]; c.OK > own.OK || c.Failed > own.Failed {
			broken(Ledgers, "%s counts %d ok and %d failed; its items hold %d and %d", l.Worker, c.OK, c.Failed, own.OK, own.Failed)
		}
		if slices.Contains(names, l.Worker) {
			broken(Ledgers, "%s has two", l.Worker)
		}
		names = append(names, l.Worker)
	}
	if sum.OK > int64(t.ok) || sum.Failed > int64(t.failed) {
		broken(Ledgers, "together they count %d ok and %d failed; the items hold %d and %d", sum.OK, sum.Failed, t.ok, t.failed)
	}
	return sum
}
