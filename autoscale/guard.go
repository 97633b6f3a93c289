package autoscale

import (
	"fmt"
	"time"
)

// Bounds of the guards.
const (
	// crashes is how many starts must fail within two minutes, and be more than those that succeed, to call it a loop.
	crashes      = 3
	firstBackoff = time.Minute
	maxBackoff   = 15 * time.Minute
	// stalled is the least time without progress that stops launches.
	stalled = 10 * time.Minute
)

// guard says why nothing may be launched now; nil when nothing speaks against it. Scaling in goes on.
func (g *sizing) guard(unknown string) *verdict {
	o, s := g.o, g.s
	if v := g.crashing(); v != nil {
		return v
	}
	target := g.ceil(g.up.workers)
	if o.Desired > int(g.lim.workers) {
		// A limit fell below the fleet. Only what is not there yet, or what an operator took back, is given up.
		want := max(o.Desired-missing(*o), int(g.lim.workers), min(busy(*o), o.Desired))
		if g.lim.binding == BindMax {
			want = int(g.lim.workers)
		}
		if want < o.Desired {
			return &verdict{want: want, binding: g.lim.binding, reason: fmt.Sprintf("%d→%d: the %s limit is %.0f; %s",
				o.Desired, want, g.lim.binding, g.lim.workers, g.figures())}
		}
	}
	if target <= o.Desired {
		return nil
	}
	keep := func(b Binding, why string) *verdict {
		return &verdict{want: o.Desired, binding: b, reason: fmt.Sprintf("keep %d: %s; %s", o.Desired, why, g.figures())}
	}
	switch stuck := g.stuck(); {
	case unknown != "":
		return keep(Binding(unknown), "the "+unknown+" left is not known, and is never assumed"+g.note(Binding(unknown), " (%s)"))
	case stuck > 0:
		return keep(BindStuck, fmt.Sprintf("%s launched but not arrived for %s, %s",
			count(int64(missing(*o)), "worker"), stuck.Round(time.Second), o.trouble()))
	}
	if still := o.Now.Sub(s.ProgressAt); o.Busy > 0 && still >= max(stalled, time.Duration(3*g.l.slowest*float64(time.Second))) {
		return keep(BindProgress, fmt.Sprintf("%s busy and no task completed for %s", count(int64(o.Busy), "worker"), still.Round(time.Second)))
	}
	return nil
}

// stuck is for how long launched workers have not arrived, once that is too long; else 0.
func (g *sizing) stuck() time.Duration {
	since := g.o.Now.Sub(g.s.ArrivedAt)
	if g.o.Desired <= 0 || missing(*g.o) == 0 || since < g.c.StuckAfter {
		return 0
	}
	return since
}

// crashing shrinks a fleet whose workers fail to start to those that run, and probes with one more at
// growing intervals: each failure is a paid minute.
func (g *sizing) crashing() *verdict {
	o, s := g.o, g.s
	failing := o.FailedStarts >= crashes && o.RecentStarts < o.FailedStarts
	switch {
	case !failing && (s.Backoff == 0 || o.RecentStarts > 0 || g.l.up+g.l.running == 0):
		s.Backoff, s.RetryAt = 0, time.Time{}
		return nil
	case s.Backoff == 0:
		s.Backoff, s.RetryAt = firstBackoff, o.Now.Add(firstBackoff)
	}
	want, do := min(o.Running, o.Desired), "waiting to try one"
	if !o.Now.Before(s.RetryAt) {
		s.Backoff = min(2*s.Backoff, maxBackoff)
		s.RetryAt = o.Now.Add(s.Backoff)
		want, do = want+1, "trying one"
	} else if since := o.Now.Sub(s.RetryAt.Add(-s.Backoff)); s.Backoff > firstBackoff && since.Seconds() < 1.5*g.l.start {
		want, do = want+1, "one is on trial"
	}
	want = min(want, int(g.lim.workers))
	return &verdict{want: want, binding: BindCrash, reason: fmt.Sprintf("%d→%d: %d of the last %d starts failed, %s, next in %s; %s",
		o.Desired, want, o.FailedStarts, o.FailedStarts+o.RecentStarts, do, s.RetryAt.Sub(o.Now).Round(time.Second), o.trouble())}
}
