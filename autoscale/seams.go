package autoscale

import (
	"context"
	"errors"
	"time"
)

// Observer sees what there is to do and what the workers are at. It leaves Counts,
// Now and Stop to the loop. It should make a handful of requests at most: it is called at every tick.
type Observer interface {
	// Observe returns an observation as of now. Taken must be when its oldest part was
	// read, so that a cached part ages and is not believed for ever.
	Observe(ctx context.Context, now time.Time) (Observation, error)
}

// Fleet is the service whose size is controlled.
type Fleet interface {
	// Counts returns the service's present state.
	Counts(ctx context.Context) (Counts, error)
	// SetDesired asks for n workers. It must be idempotent: the loop repeats it after an error that hides whether it took effect.
	SetDesired(ctx context.Context, n int) error
}

// Journal keeps decisions.
type Journal interface {
	// Record stores a decision and tells the workers that a leader is alive. A repeated
	// call with the same decision must do no harm.
	Record(ctx context.Context, d Decision) error
	// Last returns the newest decision of the recent past, so that a new leader goes on
	// counting the same waves; false when there is none.
	Last(ctx context.Context, now time.Time) (Decision, bool, error)
}

// Lease makes one of several loops the leader.
type Lease interface {
	// Hold acquires or renews the lease. While it returns true, the caller alone may act, until the
	// time returned. It is called at every tick and need not write at each.
	Hold(ctx context.Context, now time.Time) (until time.Time, held bool, err error)
	// Release gives the lease up, so that a successor need not wait for its end. Without a lease it does nothing.
	Release(ctx context.Context) error
}

// ErrStandby says that another loop is the leader.
var ErrStandby = errors.New("standing by: another autoscaler leads this fleet")
