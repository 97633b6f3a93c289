package autoscale

import (
	"context"
	"errors"
	"time"
)

// Observer sees what there is to do and what the workers are at. It leaves Counts,
// OnDemand, Now and Stop to the loop. It should make a handful of requests at most: it is called at every tick.
type Observer interface {
	// Observe returns an observation as of now, of a fleet whose services stand like that. Taken must be when its oldest part was
	// read, so that a cached part ages and is not believed for ever.
	Observe(ctx context.Context, now time.Time, s Standing) (Observation, error)
}

// Standing is the state of a fleet's services.
type Standing struct {
	// Counts of all services together.
	Counts
	// OnDemand is the part of the services that Spot falls back to.
	OnDemand Counts
	// Trouble is the platform's last word on why it cannot start workers, "" when it has none. It is told when launches do not arrive.
	Trouble string
}

// Order is what a decision asks of a fleet.
type Order struct {
	// Workers is how many there should be, OnDemand how many of them should not be on Spot.
	Workers, OnDemand int
	// Now means that workers too many are stopped whatever they are at; otherwise those end that are idle, by name where
	// the fleet can, and the order may be carried out over several ticks.
	Now bool
}

// Fleet is the service, or the services, whose size is controlled.
type Fleet interface {
	// Counts returns the services' present state.
	Counts(ctx context.Context) (Standing, error)
	// Order asks for a size. It must be idempotent: the loop repeats it while the fleet differs, and after an error that hides
	// whether it took effect.
	Order(ctx context.Context, o Order) error
}

// Journal keeps decisions.
type Journal interface {
	// Record stores a decision with what the loop remembers after it, and tells the workers that a leader is alive. A repeated
	// call with the same decision must do no harm.
	Record(ctx context.Context, d Decision, after State) error
	// Last returns the newest decision of the recent past and what was remembered after it, so that a new leader goes on
	// from there; false when there is none. A zero State is one that could not be read.
	Last(ctx context.Context, now time.Time) (Decision, State, bool, error)
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
