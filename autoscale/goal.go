package autoscale

import (
	"math"
)

// wanted is a size before limits, and what bounds it.
type wanted struct {
	workers    float64
	binding    Binding
	infeasible bool // the deadline cannot be met
}

// share is the least work in seconds that a worker must have, so that the efficient part of its bill is work.
func (l *load) share(efficiency float64) float64 {
	return max(l.minBilled*efficiency, efficiency/(1-efficiency)*l.overhead())
}

// tail is about how much longer than a mean one the longest of so many tasks takes.
func (l *load) tail(tasks, mean float64) float64 {
	return mean * l.cv * math.Sqrt(2*math.Log(max(1, tasks)))
}

// goalOf is the size that the mode wants for so many waiting tasks of so many seconds each;
// high is the duration to plan a promise with.
func goalOf(c *Config, l *load, o *Observation, fleet, waiting, mean, high float64) wanted {
	free := max(0, fleet-l.arrivals) // arrivals keep the others busy
	work := (waiting*mean + l.running*l.rest) / l.slots
	efficient := func() float64 {
		// The end comes no sooner than that of the longest task: workers with much less to do than that cost more and gain little.
		theta := max(l.share(c.Efficiency), c.Efficiency*min(l.tail(waiting, mean), work))
		// A new worker only sees what the present ones leave after its start-up.
		g := (work - free*l.start) / theta
		if g < free {
			g = min(free, work/theta)
		}
		return g
	}
	g := wanted{binding: BindGoal}
	switch c.Mode {
	case Deadline:
		g.workers, g.infeasible = punctual(c, l, o, free, (waiting*high*c.Spot.inflate(o, high)+l.running*l.rest)/l.slots, efficient)
	case Budget:
		g.workers = math.Inf(1) // as many as the limit allows: time falls with every worker
		if most := (work - free*l.start) / max(1, l.minBilled-l.billed); most < free || most < 1 {
			g.workers = max(min(free, most), min(free, efficient()))
		}
	case Value:
		g.workers = math.Sqrt(work * float64(c.Value) / 3600 / (float64(c.Price) * l.overhead()))
		g.workers = min(g.workers, max(free, (work-free*l.start)/max(1, l.minBilled-l.billed)))
	default:
		g.workers = efficient()
	}
	// What the busy workers will have taken before a new one is ready is no reason for it. The −1: a worker in
	// the middle of a long task takes nothing.
	absorbed := l.running * max(0, l.start/max(mean, 1e-9)-1)
	if most := (l.running + max(0, waiting-absorbed)) / l.slots; most < g.workers {
		g.workers, g.binding = most, BindTasks
	}
	g.workers += l.arrivals
	if l.messages < g.workers {
		g.workers, g.binding = l.messages, BindMessages
	}
	return g
}

// punctual is the smallest size that is done by the deadline.
func punctual(c *Config, l *load, o *Observation, free, work float64, efficient func() float64) (workers float64, infeasible bool) {
	left := c.Deadline.Sub(o.Now).Seconds()
	left -= l.longest + l.tick + .03*left
	switch {
	case left <= l.start+1:
		if work <= free*left {
			return work / max(left, 1), false
		}
		return efficient(), true
	case work <= free*left:
		return work / left, false
	}
	return free + (work-free*left)/(left-l.start), false
}
