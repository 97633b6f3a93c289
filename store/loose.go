package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/starburst-go/starburst/codec"
)

// LooseOutcomes reads what has become of the tasks without a job that were sent in
// one message under the id, in their order. pending counts those that a recorded
// item has handed on (to a retry, or another worker) and that are not settled yet. Before
// the message's own item is recorded nothing is known of it, not even how many tasks it
// had: the error then wraps ErrNotFound.
func (s *Store) LooseOutcomes(ctx context.Context, id string) (settled []Settled, pending int, err error) {
	root := Child{Identity: codec.RootIdentity(0)}
	for open := []Child{root}; len(open) > 0; {
		c := open[0]
		open = open[1:]
		r, found, err := s.LooseResult(ctx, id, c.Identity)
		switch {
		case err != nil:
			return nil, 0, err
		case !found && c.Identity == root.Identity:
			return nil, 0, fmt.Errorf("results of the message with id %q: %w: no worker has recorded any yet", id, ErrNotFound)
		case !found:
			pending += len(c.Indices)
			continue
		}
		settled = append(settled, r.Settled...)
		open = append(open, r.Children...)
	}
	slices.SortFunc(settled, func(a, b Settled) int { return a.Index - b.Index })
	return settled, pending, nil
}
