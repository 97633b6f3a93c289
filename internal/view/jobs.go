package view

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

// JobRow is a job in a list. Its counts are what the workers said last: exact for a job that is over, late by seconds for one that runs.
type JobRow struct {
	Job      string      `json:"job"`
	State    store.State `json:"state"`
	Why      string      `json:"why,omitempty"`
	Handler  string      `json:"handler"`
	Fleet    string      `json:"fleet"`
	Tasks    int         `json:"tasks"`
	Enqueued int         `json:"enqueued"`
	OK       int         `json:"ok"`
	Failed   int         `json:"failed"`
	Missing  int         `json:"missing"`
	Created  time.Time   `json:"created"`
	// Finished is when it was found done, or cancelled; zero before.
	Finished time.Time `json:"finished,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	Label    string    `json:"label,omitempty"`
	// Spent is the job's part of its workers' bill; nil when nothing is known of its workers.
	Spent *cost.PicoUSD `json:"cost_pico_usd,omitempty"`
	// Cap is the most it may cost; 0 means none.
	Cap cost.PicoUSD `json:"cap_pico_usd,omitempty"`
}

// Done is the number of settled tasks.
func (r JobRow) Done() int { return r.OK + r.Failed }

// Jobs yields the jobs created at or after since, newest first, with what they have done and cost. It reads each
// fleet's ledgers and decisions once. Without a book in bills there is no money. The first error ends it.
func Jobs(ctx context.Context, s bill.Store, bills bill.Config, since time.Time) iter.Seq2[JobRow, error] {
	return func(yield func(JobRow, error) bool) {
		fleets := map[string]*fleetOf{}
		for j, err := range s.Jobs(ctx, since) {
			if err != nil {
				yield(JobRow{}, err)
				return
			}
			f := fleets[j.Fleet]
			if f == nil {
				if f, err = readFleet(ctx, s, bills, j.Fleet, since); err != nil {
					yield(JobRow{}, err)
					return
				}
				fleets[j.Fleet] = f
			}
			if !yield(f.row(j), nil) {
				return
			}
		}
	}
}

// fleetOf is what a list needs to know of a fleet.
type fleetOf struct {
	counts map[string]store.JobCount // by job
	spent  map[string]cost.PicoUSD   // by job; nil without prices
}

func readFleet(ctx context.Context, s bill.Store, bills bill.Config, fleet string, since time.Time) (*fleetOf, error) {
	ledgers, err := s.Ledgers(ctx, fleet)
	if err != nil {
		return nil, fmt.Errorf("look at the workers of fleet %s: %w", fleet, err)
	}
	f := &fleetOf{counts: map[string]store.JobCount{}}
	for _, l := range sample.Latest(slices.Clone(ledgers)) {
		for id, n := range l.Jobs {
			sum := f.counts[id]
			sum.OK, sum.Failed = sum.OK+n.OK, sum.Failed+n.Failed
			f.counts[id] = sum
		}
	}
	if bills.Book == nil {
		return f, nil
	}
	bills.Store, bills.Fleet = oneRead{s, ledgers}, fleet
	b, err := bills.Since(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("price the jobs of fleet %s: %w", fleet, err)
	}
	f.spent = map[string]cost.PicoUSD{}
	for _, j := range b.Statement.Jobs {
		f.spent[j.Job] = j.Total()
	}
	return f, nil
}

// oneRead is the store with ledgers that were read already.
type oneRead struct {
	bill.Store
	ledgers []store.Ledger
}

func (r oneRead) Ledgers(context.Context, string) ([]store.Ledger, error) {
	return slices.Clone(r.ledgers), nil
}

func (f *fleetOf) row(j store.Job) JobRow {
	// As in tasksOf: a task that was run again counts twice, and who had counted a failure may be gone.
	n := int64(j.N)
	failed := min(max(f.counts[j.ID].Failed, 0), n)
	ok := min(max(f.counts[j.ID].OK, 0), n-failed)
	if j.State == store.Done { // somebody has counted: what the ledgers lack died with a worker
		ok = n - failed
	}
	r := JobRow{
		Job: j.ID, State: j.State, Why: clean(j.Why, maxMessage), Handler: clean(j.Handler, maxMessage), Fleet: j.Fleet,
		Tasks: j.N, Enqueued: j.Confirmed, OK: int(ok), Failed: int(failed), Missing: int(n - ok - failed),
		Created: j.Created.UTC(), Expires: utc(j.Expires), Finished: utc(j.Finished), Label: clean(j.Label, maxMessage),
		Cap: cost.PicoUSD(max(0, j.MaxCostPico)),
	}
	if spent, known := f.spent[j.ID]; known {
		r.Spent = &spent
	}
	return r
}

// utc keeps a time that is not set what it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
