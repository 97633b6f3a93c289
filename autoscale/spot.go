package autoscale

import (
	"fmt"
	"math"
	"time"
)

// Spot is how Fargate Spot is used: a second service, with an On-Demand one to fall back to. A capacity provider
// strategy is no fallback: its weights spread tasks and wait for ever for capacity.
type Spot struct {
	// Price is Spot's price as a part of On-Demand's, such as 0.3. 0 uses no Spot.
	Price float64
}

func (s Spot) validate() error {
	if !(s.Price >= 0 && s.Price <= 1) {
		return fmt.Errorf("autoscale: Spot.Price is %v, must be a part of On-Demand's price", s.Price)
	}
	return nil
}

// Repeats is how many times its length a task of x seconds is billed for when workers are interrupted at the given rate
// per second and the task starts from zero: (e^(hx) − 1) / hx.
func Repeats(perSecond, x float64) float64 {
	hx := perSecond * x
	if !(hx > 1e-9) {
		return 1
	}
	return math.Expm1(min(hx, 500)) / hx
}

// Wins says whether Spot is the cheaper one for tasks of that mean, at so many interruptions per worker and hour.
// At 0.3 of the price it is until a task is interrupted about twice.
func (s Spot) Wins(perHour float64, mean time.Duration) bool {
	return s.Price > 0 && s.Price*Repeats(perHour/3600, mean.Seconds()) < 1
}

// inflate is the factor on the work that interruptions cause.
func (s Spot) inflate(o *Observation, x float64) float64 {
	if s.Price <= 0 {
		return 1
	}
	return min(Repeats(o.Interruptions/3600, x), 10)
}

// onDemand is how many of the wanted workers should be On-Demand.
func (s Spot) onDemand(mem *State, o *Observation, l *load, want int, stuck bool) int {
	switch {
	case s.Price <= 0:
		return 0
	case !s.Wins(o.Interruptions, time.Duration(l.mean*float64(time.Second))):
		mem.Fallback = max(mem.Fallback, want) // for good: a mean that wavers must not move busy workers to and fro
	}
	if stuck { // those on Spot, not their stand-ins that are on their way
		spot := Observation{Counts: Counts{
			Desired: o.Desired - o.OnDemand.Desired, Running: o.Running - o.OnDemand.Running, Pending: o.Pending - o.OnDemand.Pending}}
		mem.Fallback = max(mem.Fallback, o.OnDemand.Desired+missing(spot))
	}
	return min(want, mem.Fallback)
}
