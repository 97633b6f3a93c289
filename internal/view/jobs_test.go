package view

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// shelf is a table with several jobs.
type shelf struct {
	*table
	jobs  []store.Job
	reads int // of ledgers
}

func (s *shelf) Jobs(context.Context, time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) {
		for _, j := range s.jobs {
			if !yield(j, nil) {
				return
			}
		}
	}
}

func (s *shelf) Ledgers(ctx context.Context, fleet string) ([]store.Ledger, error) {
	s.reads++
	return s.table.Ledgers(ctx, fleet)
}

func TestJobs(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	running, done, cancelled := tab.job, tab.job, tab.job
	done.ID, done.State, done.N, done.Finished, done.Label = "d", store.Done, 5, at(50), "a\x1b[31m.csv"
	cancelled.ID, cancelled.State, cancelled.Why, cancelled.Fleet, cancelled.MaxCostPico = "c", store.Cancelled, "too dear", "g", 0
	tab.ledgers[1].Jobs["d"] = store.JobCount{OK: 3, Failed: 1, BusyMS: 1000} // one task's count died with its worker
	s := &shelf{table: tab, jobs: []store.Job{running, done, cancelled}}

	var rows []JobRow
	for r, err := range Jobs(t.Context(), s, look.Bills, noon.Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	want := []JobRow{
		{Job: "j", State: store.Sealed, Handler: "price", Fleet: "f", Tasks: 200, Enqueued: 200, OK: 98, Failed: 2, Missing: 100, Created: noon, Cap: cost.USD},
		{Job: "d", State: store.Done, Handler: "price", Fleet: "f", Tasks: 5, Enqueued: 200, OK: 4, Failed: 1, Created: noon, Finished: at(50), Label: rows[1].Label, Cap: cost.USD},
		{Job: "c", State: store.Cancelled, Why: "too dear", Handler: "price", Fleet: "g", Tasks: 200, Enqueued: 200, OK: 98, Failed: 2, Missing: 100, Created: noon},
	}
	want[2].OK, want[2].Failed, want[2].Missing = 0, 0, 200
	spent := map[string]*cost.PicoUSD{}
	for i, r := range rows {
		spent[r.Job], rows[i].Spent = r.Spent, nil
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if s.reads != 2 {
		t.Errorf("the ledgers of two fleets were read %d times", s.reads)
	}
	for _, r := range rows[1].Label {
		if r < ' ' {
			t.Errorf("the label has a control character: %q", rows[1].Label)
		}
	}

	// What a list says that a job has cost is what its own bill says.
	bills := look.Bills
	bills.Store, bills.Now = s.table, at(100)
	for r, err := range Jobs(t.Context(), s, bills, noon.Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		spent[r.Job] = r.Spent
	}
	b, err := bills.Job(t.Context(), "j")
	if err != nil || spent["j"] == nil || *spent["j"] != b.Statement.Total {
		t.Errorf("the list says %v, the bill %v (%v)", spent["j"], b.Statement.Total, err)
	}
	if spent["d"] == nil || *spent["d"] <= 0 || spent["c"] != nil {
		t.Errorf("another job of the fleet has cost %v, one whose workers nobody knows %v", spent["d"], spent["c"])
	}
}

func TestJobsPassesErrorsOn(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	tab.err = errors.New("no table")
	s := &shelf{table: tab, jobs: []store.Job{tab.job}}
	n := 0
	for _, err := range Jobs(t.Context(), s, look.Bills, noon) {
		if n++; !errors.Is(err, tab.err) {
			t.Errorf("err = %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d rows, want the error alone", n)
	}
}
