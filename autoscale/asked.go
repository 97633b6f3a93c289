package autoscale

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Asked is what somebody has asked of a fleet while it runs. It goes before the configuration; the zero value asks for nothing.
type Asked struct {
	// Hold leaves the fleet as it is: no worker is started and none is stopped. Only a stop, and money that runs out, go before it.
	Hold bool
	// Min workers are kept when there is nothing to do, as far as the limits allow.
	Min int
	// Max goes before Config.Max if SetMax says so.
	Max    int
	SetMax bool
	// Mode goes before Policy.Mode: one of the modes, "fast" for Fast, "" for the configured one. Efficiency, Deadline, Value and
	// Budget go before the fields of their names where they are not zero. What makes no sense together is ignored.
	Mode       string
	Efficiency float64
	Deadline   time.Time
	Value      cost.PicoUSD
	Budget     cost.PicoUSD
	// By says who asked, and why; it is in the reason of a fleet that is held.
	By string
}

// The bindings of what somebody has asked for.
const (
	BindPaused Binding = "paused" // Asked.Hold
	BindMin    Binding = "min"    // Asked.Min
)

// FastName is how a person writes the mode Fast.
const FastName = "fast"

// over is the configuration with what was asked for in force.
func (a *Asked) over(c Config) Config {
	if a.SetMax {
		c.Max = a.Max
	}
	p := c.Policy
	switch {
	case a.Mode == FastName:
		p.Mode = Fast
	case a.Mode != "":
		p.Mode = Mode(a.Mode)
	}
	if a.Efficiency != 0 {
		p.Efficiency = a.Efficiency
	}
	if !a.Deadline.IsZero() {
		p.Deadline = a.Deadline
	}
	if a.Value != 0 {
		p.Value = a.Value
	}
	if a.Budget != 0 {
		p.Budget.Total = a.Budget
	}
	if p.validate() == nil {
		c.Policy = p
	}
	return c
}

// hold keeps the fleet at its size. Money that runs out is not asked.
func (a *Asked) hold(v verdict, o *Observation) verdict {
	if !a.Hold || v.drain || v.stopAll {
		return v
	}
	who := a.By
	if who != "" {
		who = " by " + who
	}
	return verdict{want: max(0, o.Desired), binding: BindPaused, next: v.next, over: v.over, onDemand: o.OnDemand.Desired,
		reason: fmt.Sprintf("keep %d: paused%s, else %d: %s", o.Desired, who, v.want, v.reason)}
}

// floor keeps the least number of workers, as far as most allows. A fleet whose workers do not arrive is not raised for it.
func (a *Asked) floor(v verdict, o *Observation, most int) verdict {
	least := min(a.Min, most)
	if least <= v.want || v.drain || v.stopAll || v.binding == BindCrash || v.binding == BindStuck {
		return v
	}
	if least <= o.Desired {
		return verdict{want: least, binding: BindMin, reason: fmt.Sprintf("%d→%d: min is %d; else %s", o.Desired, least, a.Min, v.reason)}
	}
	return verdict{want: least, raise: true, binding: BindMin, reason: fmt.Sprintf("min is %d; else %s", a.Min, v.reason)}
}

// most is up to how many workers the least number may go: the limits, and what can arrive. A limit that is not known lets nothing grow.
func (g *sizing) most() int {
	most := int(min(g.lim.workers, g.arriving(), maxBelievedWorkers))
	if _, unknown := limits(g.c, g.o, g.fleet); unknown != "" {
		most = min(most, g.o.Desired)
	}
	return most
}
