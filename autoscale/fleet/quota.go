package fleet

import (
	"context"
	"time"
)

// Quotas tells how many vCPUs the account's workers may have together. Reading may ask AWS: implementations
// keep an answer for as long as it is good, so that it can be asked at every tick.
type Quotas interface {
	// Read returns the quota. An error is a quota that is not known: nothing is launched until it is.
	Read(ctx context.Context) (Quota, error)
}

// Quota is a limit on vCPUs and what is used of it, by anybody in the account and Region.
type Quota struct {
	// Known says that Limit and Used are. A quota that is not known lets nothing grow.
	Known bool
	// Limit and Used are in vCPU.
	Limit, Used float64
	// UsedAt is the time that Used tells of: CloudWatch is minutes late. The workers that the fleet had then are taken off,
	// those that it has now are counted instead. Zero means that Used counts nobody of this fleet, as in a quota that an operator set.
	UsedAt time.Time
	// Lag is how exactly that time is known. The least that the fleet had around it is taken off: who is not known to be ours counts
	// as another's. Default: 1 min.
	Lag time.Duration
	// Source says who knows: "Service Quotas", or "set by you". It is shown with decisions that the quota bound.
	Source string
}

// Subnets tells how many addresses are left in the workers' subnets: each task takes one.
type Subnets interface {
	// Free returns the number of free addresses. An error is a number that is not known: nothing is launched until it is.
	Free(ctx context.Context) (int, error)
}
