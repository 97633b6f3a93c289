package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Count is the exact state of a job's tasks.
type Count struct {
	// OK and Failed count the tasks that are settled.
	OK, Failed int
	// Retrying counts the failed ones that are being run again: they were sent again
	// after they had failed, and no later outcome is known. The clocks of the workers
	// and of whoever sent them decide what was first.
	Retrying int
	// Missing are the tasks that are not, in order.
	Missing []Range
	// Strays counts result items that no walk from a root meets. They are
	// ignored everywhere; other programs that send messages of this job make them.
	Strays int
}

// Complete reports whether every task is settled.
func (c Count) Complete() bool { return len(c.Missing) == 0 }

// Recount walks every root message to its leaves and counts what is settled,
// from consistent reads. That the count is exact rests on the rule that each
// index is settled by exactly one item, which it verifies: an
// *InconsistentError tells where it does not hold.
//
// It reads all the job's items: 1 read unit for each 4 KB, payloads included.
func (s *Store) Recount(ctx context.Context, job Job) (Count, error) {
	var c Count
	for r, err := range s.roots(ctx, job, rootsOptions{attrs: countAttrs}, &c.Strays) {
		if err != nil {
			return Count{}, fmt.Errorf("recount: %w", err)
		}
		c.OK += r.ok
		c.Failed += r.failed
		c.Retrying += r.retrying(job.Retried)
		for i, cell := range r.cells {
			if cell.rec == nil {
				c.Missing = addIndex(c.Missing, r.span.From+i)
			}
		}
	}
	return c, nil
}

// retrying counts the root's failed tasks that failed before the time.
func (r root) retrying(since time.Time) int {
	if since.IsZero() || r.failed == 0 {
		return 0
	}
	if r.sole != nil {
		if r.sole.finished.After(since) {
			return 0
		}
		return r.failed
	}
	n := 0
	for _, c := range r.cells {
		if c.rec != nil && c.failed && !c.rec.finished.After(since) {
			n++
		}
	}
	return n
}

// Pending yields the messages of the job that have no result item, in order:
// the roots that are not there and the children that an item names but that
// are not there. To send these again is always safe and completes the job,
// whatever became of the first copies.
func (s *Store) Pending(ctx context.Context, job Job) iter.Seq2[Child, error] {
	return func(yield func(Child, error) bool) {
		var strays int
		for r, err := range s.roots(ctx, job, rootsOptions{attrs: countAttrs}, &strays) {
			if err != nil {
				yield(Child{}, fmt.Errorf("look for missing messages: %w", err))
				return
			}
			for _, c := range r.pending {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}
