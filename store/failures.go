package store

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/starburst-go/starburst/codec"
)

// FailedItem is a result item together with the tasks that count as failed
// because of it: their failures have not been made good by a retry.
type FailedItem struct {
	// Identity of the message that settled them.
	Identity codec.Identity
	// Failed tasks in index order, each with its Failure and the argument in it.
	Failed []Settled
	// All failures that the item recorded, Failed among them. Unlike Failed this never changes.
	All []Settled
	// Pending are messages below a retry of the item that have no item yet; all their
	// tasks are in All.
	Pending []Child
}

// FailedItems yields the items that hold the job's failed tasks, root by root.
// `retry --failed` sends their tasks again as children ".r1", ".r2", … of them.
func (s *Store) FailedItems(ctx context.Context, job Job) iter.Seq2[FailedItem, error] {
	return func(yield func(FailedItem, error) bool) {
		var strays int
		for r, err := range s.roots(ctx, job, rootsOptions{attrs: countAttrs}, &strays) {
			if err != nil {
				yield(FailedItem{}, fmt.Errorf("look for failed tasks: %w", err))
				return
			}
			for _, group := range r.failures() {
				item, err := s.failedItem(ctx, job, group)
				for _, c := range r.pending {
					if retried, ok := retriedBy(c.Identity); ok && retried == group.id {
						item.Pending = append(item.Pending, c)
					}
				}
				if !yield(item, err) || err != nil {
					return
				}
			}
		}
	}
}

// failures groups the root's failed tasks by the record that speaks for them.
func (r root) failures() []failureGroup {
	if r.failed == 0 {
		return nil
	}
	if r.sole != nil {
		return []failureGroup{{r.sole.id, r.sole.failed}}
	}
	var groups []failureGroup
	at := map[codec.Identity]int{}
	for i, c := range r.cells {
		if c.rec == nil || !c.failed {
			continue
		}
		n, ok := at[c.rec.id]
		if !ok {
			n = len(groups)
			at[c.rec.id] = n
			groups = append(groups, failureGroup{id: c.rec.id})
		}
		groups[n].set = addIndex(groups[n].set, r.span.From+i)
	}
	return groups
}

// retriedBy returns the message whose failures the given one runs again.
func retriedBy(id codec.Identity) (codec.Identity, bool) {
	i := strings.LastIndex(string(id), ".r")
	return id[:max(i, 0)], i >= 0
}

type failureGroup struct {
	id  codec.Identity
	set []Range
}

func (s *Store) failedItem(ctx context.Context, job Job, g failureGroup) (FailedItem, error) {
	item := FailedItem{Identity: g.id}
	res, found, err := s.Result(ctx, job, g.id)
	if err != nil || !found {
		return item, fmt.Errorf("read the failures of message %q (found: %v): %w", g.id, found, err)
	}
	for _, settled := range res.Settled {
		if settled.Failure == nil {
			continue
		}
		item.All = append(item.All, settled)
		if within([]Range{{settled.Index, settled.Index + 1}}, g.set) {
			item.Failed = append(item.Failed, settled)
		}
	}
	return item, nil
}
