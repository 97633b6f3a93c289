package simulate

import (
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// Ours is the real autoscale.Decide, with what the loop would show it.
type Ours struct {
	// Config's Max, Slots, StartUp, launch limits and Price are filled in from the scenario where they are zero.
	Config autoscale.Config
	// Known tasks' mean durations are remembered from earlier runs; PriorScale makes the memory wrong by a factor (default 1).
	Known      bool
	PriorScale float64
	// Ledger has the jobs' ledgers as well as SQS's counts; Exclusive ignores the counts.
	Ledger, Exclusive bool
	// DeadlineTimes sets the deadline to so many times the bound on the makespan.
	DeadlineTimes float64
	// BudgetTimes sets the budget to so many times the bound on the cost.
	BudgetTimes float64
	// Watch, if not nil, is called with each decision.
	Watch func(autoscale.Decision)

	state autoscale.State
	prior autoscale.Prior
	seen  autoscale.Observation
	kinds []autoscale.Kind
}

// Prepare fills in what a policy takes from the scenario; Run calls it when a policy has it.
func (p *Ours) Prepare(s *Scenario, b Bound, mean float64) {
	c := &p.Config
	if c.Max == 0 {
		c.Max = 1_000_000 // the quota is what bounds
	}
	c.Slots = s.Slots
	c.StartUp, c.Billed = seconds(s.Provisioning+s.Pull), seconds(s.Pull)
	c.LaunchRate, c.LaunchBurst, c.Services = s.Rate, s.Burst, s.Services
	if c.Price == 0 {
		c.Price = s.perSecond()
	}
	c.Exclusive = c.Exclusive || p.Exclusive
	if p.DeadlineTimes > 0 {
		c.Mode = autoscale.Deadline
		c.Deadline = epoch.Add(seconds(p.DeadlineTimes * b.Makespan))
	}
	if p.BudgetTimes > 0 {
		c.Mode = autoscale.Budget
		c.Budget.Total = cost.PicoUSD(p.BudgetTimes * b.Billed * float64(c.Price))
	}
	if p.Known {
		if p.PriorScale == 0 {
			p.PriorScale = 1
		}
		p.prior = autoscale.Prior{Mean: seconds(mean * p.PriorScale), CV: s.CV}
	}
}

// Traits of our workers: protected, and released by name once idle and paid for.
func (p *Ours) Traits() Traits { return Traits{Protected: true, PaidOnly: true, Ages: true} }

// Look decides.
func (p *Ours) Look(v *View) Order {
	o := p.observe(v)
	p.Config.Price = v.Price
	state, d := autoscale.Decide(p.Config, p.state, *o)
	p.state = state
	if p.Watch != nil {
		p.Watch(d)
	}
	after := p.Config.Tick
	if after == 0 {
		after = autoscale.DefaultTick
	}
	if d.Next > 0 {
		after = min(after, d.Next)
	}
	return Order{Desired: d.Want, After: after.Seconds(), Now: d.Want == 0, Drain: d.Drain, Stop: d.StopAll, Keep: d.Hold, Wave: d.Wave}
}

// observe is what the loop's observer would say.
func (p *Ours) observe(v *View) *autoscale.Observation {
	now := epoch.Add(seconds(v.Time))
	o := &p.seen
	*o = autoscale.Observation{
		Now: now, Taken: now, Visible: v.Visible, InFlight: v.InFlight, Delayed: v.Delayed,
		Counts: autoscale.Counts{Desired: v.Desired, Running: v.Running, Pending: v.Pending},
		Heard:  v.Busy + v.Idle, Busy: v.Busy, Silent: v.Mute, IdlePolls: v.Polled, Spent: v.Spent,
	}
	if v.EmptyFor > 0 {
		o.EmptySince = now.Add(-seconds(v.EmptyFor))
	}
	e := &o.Evidence
	e.Done, e.Ages, e.DoneTime = *v.Done, *v.Ages, seconds(v.CompletedSeconds)
	e.Prior = p.prior
	e.BusySlots, e.IdlePaid = v.BusySlots, v.Paid
	if v.Starts > 0 {
		e.Starts, e.StartUp, e.Billed = v.Starts, seconds(v.StartSum/float64(v.Starts)), seconds(v.BilledSum/float64(v.Starts))
	}
	e.RecentStarts, e.FailedStarts = v.RecentStarts, v.Failures
	e.Quota = autoscale.RoomFor(v.Quota - max(v.Desired, v.Running+v.Pending))
	if over := max(v.Desired, v.Running+v.Pending) - v.Quota; over > 0 {
		e.Quota = autoscale.RoomFor(0)
	}
	e.Prepaid, e.Provisioning = seconds(v.Prepaid), v.Provisioning+max(0, v.Desired-v.Running-v.Pending)
	if p.Ledger || p.Exclusive {
		p.jobs(v, o)
	}
	return o
}

// jobs adds what the ledgers say.
func (p *Ours) jobs(v *View, o *autoscale.Observation) {
	p.kinds = p.kinds[:0]
	for i := range v.Batches {
		b := &v.Batches[i]
		if b.Foreign {
			continue
		}
		left := max(0, b.Submitted-b.Done)
		o.KnownTasks += left
		k := autoscale.Kind{Tasks: left, Done: b.Done, DoneTime: time.Duration(b.Seconds * float64(time.Second))}
		if p.Known && b.Mean > 0 {
			k.Prior = seconds(b.Mean * p.PriorScale)
		}
		p.kinds = append(p.kinds, k)
	}
	o.KnownTasks = max(0, o.KnownTasks+int64(v.LedgerError))
	o.KnownMessages = o.KnownTasks
	o.Kinds = p.kinds
}
