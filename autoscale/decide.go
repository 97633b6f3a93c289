package autoscale

import (
	"fmt"
	"math"
	"time"
)

// Decide returns how many workers there should be, and why. It is pure: neither the
// arguments nor anything else is changed, and equal arguments give equal results.
//
// The order of precedence: stop; hold what cannot be believed; money that runs out; hold what somebody has paused; the
// maximum; finish (shrink to one, then to zero, or to the least number that somebody asked for) when nothing is left; else grow in waves.
func Decide(c Config, s State, o Observation) (State, Decision) {
	c = o.Asked.over(c.withDefaults())
	s.Seq++
	if o.Stop != "" {
		return settle(s, o, work{}, verdict{binding: BindStop, reason: "stop: " + o.Stop})
	}
	if why := unbelievable(c, s, o); why != "" {
		d := Decision{At: o.Now, Seq: s.Seq, Wave: s.Wave, From: o.Desired, Want: max(0, o.Desired), Hold: true,
			Binding: BindHold, Reason: "hold: " + why, Observation: o, Drain: s.Draining}
		return s, d
	}
	w := workload(o)
	s = s.remember(o, w)
	if c.Mode != Fast {
		s, v := size(c, s, o, w)
		return settle(s, o, w, o.Asked.hold(v, &o))
	}
	s, v := fast(c, s, o, w)
	return settle(s, o, w, o.Asked.hold(v, &o))
}

// fast decides for the mode that weighs no costs; what bounds the others bounds it all the same.
func fast(c Config, s State, o Observation, w work) (State, verdict) {
	g := sizing{c: &c, s: &s, o: &o, fleet: float64(max(o.Desired, 0))}
	if c.Budget != (Caps{}) || c.Spot != (Spot{}) {
		g.l, g.p = weigh(&c, &s, &o, w), money(&c, &o)
	} else {
		g.l.start, g.l.billed = startUp(&c, &o)
		g.l.tick = c.Tick.Seconds()
	}
	g.lim, _ = limits(&c, &o, g.fleet)
	g.lim.lower(g.p.can(&g.l, &o, g.fleet, g.l.mean), BindBudget)
	v := g.quick(w)
	if v.want > c.Max {
		v = &verdict{want: max(0, c.Max), binding: BindMax, reason: fmt.Sprintf("max is %d, the fleet has %d", c.Max, o.Desired)}
	}
	*v = o.Asked.floor(c.Warm.keep(*v, &s, &o, c.Max), &o, g.most())
	v.over = over(&o)
	v.onDemand = c.Spot.onDemand(&s, &o, &g.l, v.want, g.stuck() > 0)
	return s, *v
}

// quick goes through the rules of mode Fast in order of precedence.
func (g *sizing) quick(w work) *verdict {
	if v := g.broke(); v != nil {
		return v
	}
	v := finish(*g.c, *g.s, *g.o, w)
	if v == nil {
		v = grow(*g.c, *g.s, *g.o, w)
	}
	if v.raise && g.p.capped {
		if most := int(g.p.can(&g.l, g.o, g.fleet, g.l.mean)); v.want > most {
			want := max(most, g.o.Desired)
			v = &verdict{want: want, raise: want > g.o.Desired, binding: BindBudget, reason: "budget, " + g.p.why}
		}
	}
	return g.within(v)
}

// within holds a raise against the limits that no mode passes.
func (g *sizing) within(v *verdict) *verdict {
	lim, unknown := limits(g.c, g.o, g.fleet)
	lim.lower(max(g.arriving(), g.fleet), BindRate)
	switch most := max(int(lim.workers), g.o.Desired); {
	case !v.raise:
	case unknown != "":
		return &verdict{want: g.o.Desired, binding: Binding(unknown),
			reason: fmt.Sprintf("keep %d: the %s left is not known, and is never assumed%s", g.o.Desired, unknown, g.note(Binding(unknown), " (%s)"))}
	case v.want > most && lim.binding != BindMax:
		return &verdict{want: most, raise: most > g.o.Desired, binding: lim.binding,
			reason: fmt.Sprintf("the %s allows %d%s; %s", lim.binding, most, g.note(lim.binding, " (%s)"), v.reason)}
	}
	return v
}

// verdict is the outcome of one rule.
type verdict struct {
	want    int
	raise   bool
	binding Binding
	reason  string

	next           time.Duration
	drain, stopAll bool
	over           []string
	onDemand       int
}

// settle turns a verdict into a decision and the state after it.
func settle(s State, o Observation, w work, v verdict) (State, Decision) {
	s.At, s.Want = o.Now, v.want
	switch {
	case v.want == 0:
		s.Wave, s.WaveAt, s.Probe, s.Fallback = 0, time.Time{}, 0, 0
	case v.raise && o.Desired <= 0:
		s.Wave, s.WaveAt = 1, o.Now
	case v.raise:
		s.Wave, s.WaveAt = s.Wave+1, o.Now
	}
	if v.raise {
		v.reason = fmt.Sprintf("wave %d: %d→%d, %s", s.Wave, o.Desired, v.want, v.reason)
	}
	return s, Decision{At: o.Now, Seq: s.Seq, Wave: s.Wave, Backlog: w.backlog, Foreign: w.foreign,
		From: o.Desired, Want: v.want, Binding: v.binding, Reason: v.reason, Observation: o,
		Next: v.next, Drain: v.drain, StopAll: v.stopAll, Over: v.over, OnDemand: v.onDemand}
}

// Beyond these a figure is a fault, not a load: SQS holds no 10¹² messages that
// anybody could pay for, and a message carries at most 10,000 tasks (codec.MaxTasks).
const (
	maxBelievedCount   = 1_000_000_000_000
	maxBelievedWorkers = 1_000_000
	maxBelievedMean    = 10_000
)

// unbelievable says what makes an observation useless, or "".
func unbelievable(c Config, s State, o Observation) string {
	for _, n := range [...]struct {
		what       string
		value, max int64
	}{
		{"visible messages", o.Visible, maxBelievedCount}, {"messages in flight", o.InFlight, maxBelievedCount},
		{"delayed messages", o.Delayed, maxBelievedCount}, {"known tasks", o.KnownTasks, maxBelievedCount},
		{"known messages", o.KnownMessages, maxBelievedCount}, {"desired count", int64(o.Desired), maxBelievedWorkers},
		{"running count", int64(o.Running), maxBelievedWorkers}, {"pending count", int64(o.Pending), maxBelievedWorkers},
		{"busy workers", int64(o.Busy), maxBelievedWorkers}, {"silent workers", int64(o.Silent), maxBelievedWorkers},
	} {
		if n.value < 0 || n.value > n.max {
			return fmt.Sprintf("%d %s cannot be", n.value, n.what)
		}
	}
	if why := o.absurd(); why != "" {
		return why
	}
	switch mean := o.TasksPerMessage; {
	case math.IsNaN(mean) || mean < 0 || mean > maxBelievedMean:
		return fmt.Sprintf("%v tasks a message cannot be", mean)
	case o.Now.Before(s.At):
		return fmt.Sprintf("the clock went back by %s", s.At.Sub(o.Now).Round(time.Millisecond))
	case o.Now.Sub(o.Taken) > c.StaleAfter:
		return fmt.Sprintf("the observation is %s old", o.Now.Sub(o.Taken).Round(time.Second))
	}
	return ""
}

// work is what there is to do.
type work struct {
	// backlog is the number of tasks waiting or running, foreign the part of no known job.
	backlog, foreign int64
	// messages is how many messages there are to share among the workers.
	messages int64
}

func workload(o Observation) work {
	var w work
	// A visible message that an idle worker cannot receive is a count that has not
	// settled yet. Tasks of known jobs need no such proof: their count is exact.
	visible := o.Visible
	if o.IdlePolls > 0 {
		visible = 0
	}
	// Known tasks that neither a visible message nor one in flight can account for
	// are in delayed ones (retries): no worker can do anything about those now.
	delayed := min(o.Delayed, max(0, o.KnownTasks-o.Visible-o.InFlight))
	foreignMessages := max(0, visible+o.InFlight-o.KnownMessages)
	w.foreign = int64(math.Ceil(float64(foreignMessages) * max(1, o.TasksPerMessage)))
	w.backlog = o.KnownTasks - delayed + w.foreign
	w.messages = max(o.Visible+o.InFlight, o.KnownMessages)
	return w
}

// remember brings the state's times up to date with what is seen.
func (s State) remember(o Observation, w work) State {
	since := func(t time.Time, holds bool) time.Time {
		switch {
		case !holds:
			return time.Time{}
		case t.IsZero():
			return o.Now
		}
		return t
	}
	s.QuietSince = since(s.QuietSince, w.backlog == 0 && o.Visible+o.InFlight == 0)
	s.EmptySince = since(s.EmptySince, o.Visible+o.InFlight+o.Delayed == 0)
	if missing(o) == 0 || o.Running > s.Running || s.ArrivedAt.IsZero() {
		s.ArrivedAt = o.Now
	}
	s.Running = o.Running
	return s
}

// busy is the number of workers that must be taken to hold messages. Of the running
// ones, those that have fallen silent count: nobody knows what they are at.
func busy(o Observation) int { return o.Busy + min(o.Silent, max(0, o.Running-o.Heard)) }

// missing is the number of workers asked for that do not run yet. Right after a raise
// ECS has not even made them pending.
func missing(o Observation) int { return max(o.Pending, o.Desired-o.Running, 0) }

// finish decides when nothing is left to do; nil when something is, or may be.
func finish(c Config, s State, o Observation, w work) *verdict {
	empty := o.Visible+o.InFlight+o.Delayed == 0
	stranded := w.backlog > 0 && empty && o.Now.Sub(s.EmptySince) >= c.StrandedAfter
	if w.backlog > 0 && !stranded || o.Visible+o.InFlight > 0 || busy(o) > 0 {
		return nil
	}
	quiet := o.Now.Sub(s.QuietSince)
	polled := o.Heard > 0 && o.Heard >= o.Running && !o.EmptySince.IsZero()
	idle := quiet
	if polled {
		idle = o.Now.Sub(o.EmptySince)
	}
	switch {
	case stranded:
		return &verdict{binding: BindStranded, reason: fmt.Sprintf("stranded: ledgers name %s unsettled, the queue has been empty for %s; recount",
			count(w.backlog, "task"), ago(o.Now, s.EmptySince))}
	case o.Desired == 0 && empty:
		return &verdict{reason: "nothing queued"}
	case o.Desired == 0:
		return &verdict{reason: count(o.Delayed, "message") + " delayed, none to receive now"}
	case empty && idle >= c.IdleBeforeZero:
		return &verdict{reason: fmt.Sprintf("%d→0: nothing queued or running, idle for %s", o.Desired, idle.Round(time.Second))}
	case quiet >= c.IdleBeforeShrink && o.Desired > 1:
		return &verdict{want: 1, binding: BindIdle, reason: fmt.Sprintf("%d→1: nothing waiting or running for %s, %d delayed",
			o.Desired, quiet.Round(time.Second), o.Delayed)}
	}
	return &verdict{want: o.Desired, binding: BindIdle, reason: fmt.Sprintf("keep %d: nothing waiting or running for %s, %d delayed; zero after %s",
		o.Desired, quiet.Round(time.Second), o.Delayed, c.IdleBeforeZero)}
}

// count is "1 task" or "5 tasks".
func count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func ago(now, since time.Time) time.Duration { return now.Sub(since).Round(time.Second) }

// limit is an upper bound on the number of workers. Quota left, free addresses and
// budget become further limits here.
type limit struct {
	binding Binding
	workers int64
}

// goal is the number of workers the work could use, and what bounds it.
func goal(c Config, o Observation, w work) (int, Binding) {
	slots := int64(max(1, c.Slots))
	g := limit{BindTasks, (w.backlog + slots - 1) / slots}
	if o.Visible > 0 {
		g.workers = max(g.workers, 1) // whatever the other figures say, a visible message needs a worker
	}
	for _, l := range [...]limit{{BindMessages, w.messages}, {BindMax, int64(max(0, c.Max))}} {
		if l.workers < g.workers {
			g = l
		}
	}
	return int(g.workers), g.binding
}

// grow raises the fleet towards the goal, a wave at a time. It never lowers it: ECS
// picks the victims of a lower count, and it may pick a busy one.
func grow(c Config, s State, o Observation, w work) *verdict {
	target, binding := goal(c, o, w)
	figures := fmt.Sprintf("%s waiting or running in %s want %d; running %d, pending %d",
		count(w.backlog, "task"), count(w.messages, "message"), target, o.Running, missing(o))
	if target <= o.Desired {
		if target < o.Desired {
			binding = "" // nothing stands in the way of more; there is no use for more
		}
		return &verdict{want: o.Desired, binding: binding, reason: fmt.Sprintf("keep %d: %s", o.Desired, figures)}
	}
	if stuck := o.Now.Sub(s.ArrivedAt); o.Desired > 0 && missing(o) > 0 && stuck >= c.StuckAfter {
		return &verdict{want: o.Desired, binding: BindStuck, reason: fmt.Sprintf("keep %d: %s launched but not arrived for %s, %s; %s",
			o.Desired, count(int64(missing(o)), "worker"), stuck.Round(time.Second), o.trouble(), figures)}
	}
	if o.Desired > 0 && !waveDue(c, s, o) {
		return &verdict{want: o.Desired, binding: BindWave, reason: fmt.Sprintf("keep %d: wave %d is arriving; %s", o.Desired, s.Wave, figures)}
	}
	next := max(1, c.FirstWave)
	if o.Desired > 0 {
		next = 2 * o.Desired
	}
	if next < target {
		return &verdict{want: next, raise: true, binding: BindWave, reason: "doubling; " + figures}
	}
	return &verdict{want: target, raise: true, binding: binding, reason: "all that is wanted; " + figures}
}

// waveDue says whether the last wave has mostly arrived, or has had its time. One
// that does not arrive must not stop the next for ever: a single slow image pull would.
func waveDue(c Config, s State, o Observation) bool {
	since := o.Now.Sub(s.WaveAt)
	return since >= c.StartUp/2 && (missing(o) <= o.Desired/2 || since > c.StartUp*3/2)
}
