package autoscale

import (
	"fmt"
	"math"
	"time"
)

// endTick is the time between two looks when the work is nearly done: an idle worker is paid for.
const endTick = 2 * time.Second

// deadBand is the part of the fleet that a change must have to be worth a call.
const deadBand = .05

// sizing is a sizing under way.
type sizing struct {
	c *Config
	s *State
	o *Observation
	l load
	p purse

	fleet  float64 // running and asked for
	lim    bound
	up, dn wanted // sizes to grow to and to shrink to
	lo     wanted // the size that is needed even if the durations are short
}

// size decides for the modes that weigh what a worker costs.
func size(c Config, s State, o Observation, w work) (State, verdict) {
	g := sizing{c: &c, s: &s, o: &o, fleet: float64(max(o.Desired, 0))}
	g.l = weigh(&c, &s, &o, w)
	g.p = money(&c, &o)
	g.remember()
	v := g.decide(w)
	if v.want > c.Max { // an operator's word counts more than a busy worker
		v = verdict{want: max(0, c.Max), binding: BindMax, reason: fmt.Sprintf("max is %d, the fleet has %d", c.Max, o.Desired)}
	}
	v = o.Asked.floor(c.Warm.keep(v, &s, &o, c.Max), &o, g.most())
	v.next = g.next(v.want)
	v.over = over(&o)
	v.onDemand = c.Spot.onDemand(&s, &o, &g.l, v.want, g.stuck() > 0)
	return s, v
}

// remember brings the memory of guards up to date.
func (g *sizing) remember() {
	s, o := g.s, g.o
	if done := o.Done.Count(); done != s.Progress || o.Busy == 0 || s.ProgressAt.IsZero() {
		s.Progress, s.ProgressAt = done, o.Now
	}
	switch {
	case g.l.up == 0 || o.Running > 0:
		s.WaitingSince = time.Time{}
	case s.WaitingSince.IsZero():
		s.WaitingSince = o.Now
	}
}

// broke is the verdict when what is left of the money is needed to stop, or to end the tasks that run.
func (g *sizing) broke() *verdict {
	l, o := &g.l, g.o
	if g.p.spent(l, o, g.fleet) && (g.fleet > 0 || l.up+l.running > 0) {
		g.s.Draining = g.fleet > 0
		return &verdict{binding: BindBudget, stopAll: g.fleet > 0,
			reason: fmt.Sprintf("%d→0: budget, %s, the rest is what stopping costs; %s", o.Desired, g.p.why, g.figures())}
	}
	if g.s.Draining = g.p.drain(l, o, g.s.Draining); g.s.Draining {
		want := min(busy(*o), o.Desired, max(0, g.c.Max))
		return &verdict{want: want, binding: BindBudget, drain: true,
			reason: fmt.Sprintf("%d→%d: budget, %s, the rest is for the tasks that run; %s", o.Desired, want, g.p.why, g.figures())}
	}
	return nil
}

// decide goes through the rules in order of precedence.
func (g *sizing) decide(w work) verdict {
	o := g.o
	if v := g.broke(); v != nil {
		return *v
	}
	if v := finish(*g.c, *g.s, *o, w); v != nil && v.binding == BindStranded {
		return *v
	}
	unknown := g.goals()
	if v := g.guard(unknown); v != nil {
		return *v
	}
	target, shrunk := g.ceil(g.up.workers), g.ceil(g.dn.workers)
	if v := g.patient(target); v != nil {
		return *v
	}
	if v := g.wave(target); v != nil {
		return *v
	}
	if shrunk < o.Desired {
		if v := g.shrink(shrunk); v != nil {
			return *v
		}
	}
	return verdict{want: o.Desired, binding: g.up.binding, reason: fmt.Sprintf("keep %d: %s", o.Desired, g.figures())}
}

// goals computes the three sizes and bounds them. It returns the name of a limit that is not known.
func (g *sizing) goals() (unknown string) {
	l, o, c := &g.l, g.o, g.c
	g.up = goalOf(c, l, o, g.fleet, l.up, l.mean, l.high)
	g.lo = goalOf(c, l, o, g.fleet, l.up, l.low, l.low)
	g.dn = goalOf(c, l, o, g.fleet, l.down, l.mean, l.high)
	g.up.workers = max(g.up.workers, l.keep)
	g.lo.workers = max(g.lo.workers, l.keep)
	g.dn.workers = max(g.dn.workers, l.peak)
	if l.down+l.running == 0 && l.peak < 1 {
		g.dn.workers = 0
	}
	g.lim, unknown = limits(c, o, g.fleet)
	sure := g.lim
	g.lim.lower(g.p.can(l, o, g.fleet, l.mean), BindBudget)
	sure.lower(g.p.can(l, o, g.fleet, l.high), BindBudget)
	if g.p.capped && l.seen >= 30 && sure.workers < g.lim.workers {
		g.lim = bound{max(sure.workers, min(g.fleet, g.lim.workers)), BindBudget} // what a launch costs cannot be had back
	}
	for _, w := range [...]*wanted{&g.up, &g.lo, &g.dn} {
		least := 0.0
		if (l.up > 0 || w == &g.dn && l.down+l.running > 0) && g.lim.workers >= 1 {
			least = 1
		}
		w.workers = max(w.workers, least)
		if w.workers > g.lim.workers {
			w.workers, w.binding = g.lim.workers, g.lim.binding
		}
	}
	g.lo.workers = min(g.lo.workers, sure.workers)
	return unknown
}

// ceil rounds a size up, but not for a rounding error, and never over the limit.
func (g *sizing) ceil(x float64) int {
	return int(min(math.Ceil(x-1e-6), math.Floor(g.lim.workers), maxBelievedWorkers))
}

// patient lets a trickle gather when its tasks may wait.
func (g *sizing) patient(target int) *verdict {
	l, o, c := &g.l, g.o, g.c
	if c.MaxWait <= 0 || o.Desired > 0 || target == 0 {
		return nil
	}
	waited := time.Duration(0)
	if !g.s.WaitingSince.IsZero() {
		waited = o.Now.Sub(g.s.WaitingSince)
	}
	work, least := l.up*l.mean/l.slots, l.share(c.Efficiency)
	if work >= least || waited.Seconds() >= c.MaxWait.Seconds()-l.start-l.tick {
		return nil
	}
	return &verdict{binding: BindWait, reason: fmt.Sprintf("wait: %.1f s of work are too little for a worker (%.0f s) and may wait %s, %s so far",
		work, least, c.MaxWait, waited.Round(time.Second))}
}

// wave raises the fleet, or says why not now; nil when there is nothing to raise.
func (g *sizing) wave(target int) *verdict {
	s, o, c, l := g.s, g.o, g.c, &g.l
	more := float64(target - o.Desired)
	if more < 1 || more < min(deadBand*g.fleet, c.rate()*l.tick) && target < int(g.lim.workers) && float64(target) < (l.up+l.running)/l.slots {
		return nil
	}
	probe := max(s.Probe, max(c.FirstWave, firstProbe), int(math.Ceil(math.Sqrt(float64(target)))))
	sure := int(g.lo.workers * overshoot)
	if o.Desired > 0 {
		since := o.Now.Sub(s.WaveAt).Seconds()
		due := since >= l.start/2 && (missing(*o) <= o.Desired/2 || since > 1.5*l.start)
		if due {
			probe = max(probe, 2*o.Desired)
		} else {
			probe = max(s.Probe, o.Desired)
		}
	}
	want, binding := min(target, max(probe, sure)), g.up.binding
	how := "all that is wanted"
	switch {
	case want < target && want == sure:
		how, binding = "so many are certain", BindWave
	case want < target:
		how, binding = "doubling", BindWave
	}
	if most := int(g.arriving()); most < want {
		want, how, binding = most, "what can arrive", BindRate
	}
	if want <= o.Desired {
		return &verdict{want: o.Desired, binding: binding, reason: fmt.Sprintf("keep %d: wave %d is arriving; %s", o.Desired, s.Wave, g.figures())}
	}
	s.Probe = max(probe, 1)
	return &verdict{want: want, raise: true, binding: binding, reason: how + "; " + g.figures()}
}

// overshoot is by how much a jump may exceed the size that is certain: so few too many workers cost less than
// another wave takes.
const overshoot = 1.2

// firstProbe is the size of a first wave whose durations nobody knows.
const firstProbe = 8

// arriving is how many workers there can be by the time that those launched now have started.
func (g *sizing) arriving() float64 {
	return float64(g.o.Running) + g.c.LaunchBurst + g.c.rate()*(g.l.start+g.l.tick)
}

// rate is the launches per second that can be had.
func (c *Config) rate() float64 {
	return min(c.LaunchRate, float64(c.Services)*ServiceLaunchesPerMinute/60)
}

// shrink releases what is not needed: what is still starting first, then idle workers whose minimum bill is lived out. Never a busy one.
func (g *sizing) shrink(target int) *verdict {
	o, l := g.o, &g.l
	idle := 0
	if l.down == 0 || l.arrivals > .01 {
		idle = o.IdlePaid
	}
	done := !l.stock && busy(*o) == 0
	if done && (g.c.Exclusive || g.certain()) && l.peak < 1 && !g.again() {
		return &verdict{reason: fmt.Sprintf("%d→0: everything is settled; %s", o.Desired, g.figures())}
	}
	if done && o.Delayed == 0 && g.idleFor() >= max(g.c.IdleBeforeZero, time.Duration(l.minBilled*float64(time.Second))) {
		return &verdict{reason: fmt.Sprintf("%d→0: nothing queued or running for %s; %s", o.Desired, g.idleFor().Round(time.Second), g.figures())}
	}
	want := max(o.Desired-missing(*o)-idle, target, min(busy(*o), o.Desired))
	if want == 0 {
		wait := g.c.IdleBeforeZero
		if g.c.Exclusive {
			wait = time.Duration(l.billed * float64(time.Second))
		}
		if l.stock || wait > g.idleFor() {
			want = 1
		}
	}
	less := o.Desired - want
	if less < 1 || float64(less) < deadBand*g.fleet && l.arrivals >= .01 && want > 0 {
		return nil
	}
	return &verdict{want: want, reason: fmt.Sprintf("%d→%d: %d idle and paid, %d still starting; %s", o.Desired, want, idle, missing(*o), g.figures())}
}

// again says that work keeps coming: then an idle worker is worth keeping, to the end of what is paid and then for as long as
// a start would cost. Not knowing what comes, that is at most twice the best (ski rental).
func (g *sizing) again() bool { return g.l.often >= samples/3 && g.c.MaxWait <= 0 }

// idleFor is how long there has been nothing to do.
func (g *sizing) idleFor() time.Duration {
	if g.s.QuietSince.IsZero() {
		return 0
	}
	return g.o.Now.Sub(g.s.QuietSince)
}

// certain says that jobs we know of have just ended, and that a worker's own long poll and SQS agree that nothing else is there.
func (g *sizing) certain() bool {
	o := g.o
	return o.IdlePolls > 0 && o.Heard >= o.Running && o.Visible+o.InFlight+o.Delayed == 0 && g.idleFor() >= g.c.IdleBeforeShrink
}

// next is when to look again: sooner than usual when the work is about to end.
func (g *sizing) next(want int) time.Duration {
	l := &g.l
	if want == 0 || l.tick <= endTick.Seconds() {
		return 0
	}
	if l.up+l.running == 0 {
		return endTick
	}
	left := l.up * l.mean / max(1, float64(g.o.Running)*l.slots) // until the first worker finds nothing to take
	if l.up == 0 {
		left = l.rest / 4
	}
	seconds := min(max(left, endTick.Seconds()), l.tick)
	if seconds >= l.tick {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// figures are the numbers behind a decision.
func (g *sizing) figures() string {
	l := &g.l
	text := fmt.Sprintf("%.0f waiting, %.0f running, a task takes %s (%s–%s); goal %.0f", l.up, l.running,
		short(l.mean), short(l.low), short(l.high), math.Ceil(g.up.workers))
	if g.up.infeasible {
		text += ", the deadline cannot be met"
	}
	text += g.note(g.up.binding, ", bound by its limit of %s")
	return text + fmt.Sprintf("; running %d, pending %d", g.o.Running, missing(*g.o))
}

// note says where a limit comes from, in the words of its reader; "" for other bindings.
func (g *sizing) note(b Binding, format string) string {
	note := ""
	if b == BindQuota {
		note = g.o.Quota.Note
	}
	if b == BindAddresses {
		note = g.o.Addresses.Note
	}
	if note == "" {
		return ""
	}
	return fmt.Sprintf(format, note)
}

// short writes seconds with three digits: 29.1s, 4.2ms.
func short(seconds float64) string {
	switch {
	case seconds < 1:
		return fmt.Sprintf("%.3gms", seconds*1000)
	case seconds < 1000:
		return fmt.Sprintf("%.3gs", seconds)
	}
	return fmt.Sprintf("%.0fs", seconds)
}
