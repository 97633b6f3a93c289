package autoscale

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Warm is a pool of workers that stay for a while when there is nothing to do, so that the next job need not wait for their
// start. It starts nobody: a fleet at zero stays there until there is work.
type Warm struct {
	// Workers is how many stay, if there are so many. Default: 0, none.
	Workers int
	// For is how long they stay after the last task. Default: 15 min, which costs as much as 15 starts.
	For time.Duration
}

// DefaultWarmFor is Warm.For's.
const DefaultWarmFor = 15 * time.Minute

// BindWarm is the binding of a fleet that is kept for Policy.Warm.
const BindWarm Binding = "warm"

func (w Warm) validate() error {
	if w.Workers < 0 || w.For < 0 {
		return errors.New("autoscale: Warm.Workers and Warm.For must not be negative")
	}
	return nil
}

// keep raises what a verdict leaves of the fleet to the pool. Money that ends, a stop and an operator's maximum go before it, and
// so does a fleet whose workers fail to start: ECS would try those that are kept again and again, at a paid minute each.
func (w Warm) keep(v verdict, s *State, o *Observation, most int) verdict {
	least := min(w.Workers, o.Desired, most)
	if least <= v.want || v.drain || v.stopAll || v.binding == BindCrash {
		return v
	}
	left := cmp.Or(w.For, DefaultWarmFor)
	if !s.QuietSince.IsZero() {
		left -= o.Now.Sub(s.QuietSince)
	}
	if left <= 0 {
		return v
	}
	v.want, v.binding, v.raise = least, BindWarm, false
	v.reason = fmt.Sprintf("%d→%d: kept warm for %v more; else %s", o.Desired, least, left.Round(time.Second), v.reason)
	return v
}
