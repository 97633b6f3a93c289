package view

import (
	"context"
	"errors"
	"time"

	"github.com/starburst-go/starburst/store"
)

// patience is how many looks in a row may fail before Watch gives up.
const patience = 5

// Watch looks every interval until the job is over, and hands each state to show. It returns the last state. The error is
// the cause of ctx's end, show's, or that of a look: the first one's, one that finds no job, or the fifth in a row.
func Watch(ctx context.Context, look func(ctx context.Context, now time.Time) (State, error), interval time.Duration, show func(State) error) (State, error) {
	var last State
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for failed := 0; ; {
		s, err := look(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return last, context.Cause(ctx)
		case err != nil:
			failed++
			if last.Job == "" || failed == patience || errors.Is(err, store.ErrNotFound) {
				return last, err
			}
		default:
			failed, last = 0, s
			if err := show(s); err != nil || s.Over() {
				return s, err
			}
		}
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
