package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/starburst-go/starburst/codec"
)

// LooseOutcomes reads what has become of the tasks without a job that were sent
// under the id, in their order. pending counts those that a recorded item has handed
// on (to a retry, or another worker) and that are not settled yet. Of a message that no worker has recorded
// nothing is known, not even how many tasks it had: when there is none, the error wraps ErrNotFound.
func (s *Store) LooseOutcomes(ctx context.Context, id string) (settled []Settled, pending int, err error) {
	handedOn := map[codec.Identity]int{}
	found := map[codec.Identity]bool{}
	for it, err := range s.items(ctx, query{pk: looseKey(id, "").pk}) {
		if err != nil {
			return nil, 0, fmt.Errorf("read the results of id %q: %w", id, err)
		}
		m := codec.Identity(it.key().sk)
		r, ok, err := s.LooseResult(ctx, id, m)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			continue // it has expired
		}
		found[m] = true
		settled = append(settled, r.Settled...)
		for _, c := range r.Children {
			handedOn[c.Identity] = len(c.Indices)
		}
	}
	if len(found) == 0 {
		return nil, 0, fmt.Errorf("results of the message with id %q: %w: no worker has recorded any yet", id, ErrNotFound)
	}
	for child, tasks := range handedOn {
		if !found[child] {
			pending += tasks
		}
	}
	slices.SortFunc(settled, func(a, b Settled) int { return a.Index - b.Index })
	return settled, pending, nil
}
