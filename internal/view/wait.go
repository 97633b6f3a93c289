package view

import (
	"context"
	"iter"
	"time"
)

// Wait looks at several jobs again and again, and yields each when it is over or enough says so of its state; the
// iteration ends with the last, the context, or the first error. between, unless nil, is called after each round of
// looks, and its error ends the wait, too.
func Wait(ctx context.Context, looks []*Looker, every time.Duration, enough func(State) bool, between func(context.Context) error) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for waiting := looks; ; {
			var left []*Looker
			for _, l := range waiting {
				s, err := l.Look(ctx, time.Now())
				if cause := context.Cause(ctx); cause != nil {
					err = cause // whatever the look made of it
				}
				if err == nil && !s.Over() && !enough(s) {
					left = append(left, l)
					continue
				}
				if !yield(s, err) || err != nil {
					return
				}
			}
			if waiting = left; len(waiting) == 0 {
				return
			}
			if err := pause(ctx, tick.C, between); err != nil {
				yield(State{}, err)
				return
			}
		}
	}
}

// pause is what lies between two rounds of looks.
func pause(ctx context.Context, tick <-chan time.Time, between func(context.Context) error) error {
	if between != nil {
		if err := between(ctx); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-tick:
		return nil
	}
}
