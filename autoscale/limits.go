package autoscale

import (
	"fmt"
	"math"
)

// bound is an upper limit on the size of the fleet.
type bound struct {
	workers float64
	binding Binding
}

func (b *bound) lower(workers float64, binding Binding) {
	if workers < b.workers {
		b.workers, b.binding = max(0, workers), binding
	}
}

// limits are the hard ones: none is ever exceeded, whatever the mode wants. unknown names one that could not be found out.
func limits(c *Config, o *Observation, fleet float64) (b bound, unknown string) {
	b = bound{float64(max(0, c.Max)), BindMax}
	for _, r := range [...]struct {
		room    Room
		binding Binding
	}{{o.Quota, BindQuota}, {o.Addresses, BindAddresses}} {
		if !r.room.Limited {
			continue
		}
		if !r.room.Known {
			unknown = string(r.binding)
			continue
		}
		b.lower(fleet+float64(r.room.Left), r.binding)
	}
	b.lower(float64(c.Services*ServiceTasks), BindRate)
	return b, unknown
}

// purse is what is left of the money, in worker-seconds.
type purse struct {
	capped bool
	left   float64
	why    string
}

// money finds the cap that leaves least.
func money(c *Config, o *Observation) purse {
	p := purse{left: math.Inf(1)}
	if c.Price <= 0 {
		return p
	}
	price := float64(c.Price)
	tighten := func(left float64, why string) {
		if !p.capped || left < p.left {
			p = purse{capped: true, left: left, why: why}
		}
	}
	b := c.Budget
	if b.Total > 0 {
		tighten(float64(b.Total-o.Spent)/price, fmt.Sprintf("%s of %s spent", o.Spent.Short(), b.Total.Short()))
	}
	if b.PerHour > 0 {
		tighten(float64(b.PerHour-o.SpentHour)/price, fmt.Sprintf("%s of %s an hour spent", o.SpentHour.Short(), b.PerHour.Short()))
	}
	if b.PerDay > 0 {
		tighten(float64(b.PerDay-o.SpentDay)/price, fmt.Sprintf("%s of %s a day spent", o.SpentDay.Short(), b.PerDay.Short()))
	}
	// The jobs' own caps bind together only when every job that has work has one.
	var jobs, tasks float64
	capped := 0
	for _, j := range o.Caps {
		if j.Tasks > 0 && j.Cap > 0 {
			jobs += max(0, float64(j.Cap-j.Spent)) / price
			tasks += float64(j.Tasks)
			capped++
		}
	}
	if capped > 0 && tasks >= float64(o.KnownTasks) && o.Visible+o.InFlight <= max(o.KnownMessages, o.KnownTasks) {
		tighten(jobs, fmt.Sprintf("the caps of %s nearly reached", count(int64(capped), "job")))
	}
	return p
}

// over names the jobs that have reached their caps.
func over(o *Observation) []string {
	var names []string
	for _, j := range o.Caps {
		if j.Cap > 0 && j.Spent >= j.Cap {
			names = append(names, j.Job)
		}
	}
	return names
}

// can is how many workers the money allows when a task takes mean seconds. Two conditions: the whole work must be paid
// for, and whatever is launched must still be stoppable within the money that is left.
func (p purse) can(l *load, o *Observation, fleet, mean float64) float64 {
	if !p.capped {
		return math.Inf(1)
	}
	work := (l.up*mean + l.running*l.rest) / l.slots
	lag := l.tick + l.stop
	prepaid := o.Prepaid.Seconds()
	starting := float64(missing(*o)) * l.billed
	whole := fleet + math.Floor((.985*p.left+prepaid-work-starting-fleet*(l.tick+2))/(l.billed+l.tick+2))
	if work > p.left { // it cannot pay for everything, so the fewest workers get the most done
		whole = max(whole, 1)
	}
	minimum := max(l.minBilled, l.billed)
	stoppable := fleet + math.Floor((p.left-fleet*lag-minimum*float64(o.Provisioning))/(minimum+lag))
	return max(0, min(whole, stoppable))
}

// spent says that everything must stop now: what is left is what stopping costs.
func (p purse) spent(l *load, o *Observation, fleet float64) bool {
	minimum := max(l.minBilled, l.billed)
	return p.capped && p.left <= fleet*(l.tick+l.stop)+minimum*float64(o.Provisioning)
}

// drain says that the workers must take no new task, so that those running can end within the money. Once draining, it takes half as much again
// to go on: an estimate that came and went must not end a run.
func (p purse) drain(l *load, o *Observation, already bool) bool {
	if !p.capped || l.up == 0 && !already {
		return false
	}
	lag := l.tick + l.stop
	busy := float64(busy(*o))
	deviation := l.rest
	need := busy*(l.rest+lag) + deviation*math.Sqrt(busy) + max(0, float64(o.Running)-busy)*lag
	if already {
		need *= 1.5
	}
	return p.left <= need
}
