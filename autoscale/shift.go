package autoscale

import (
	"context"
	"errors"
	"time"
)

// Shift ticks like Run, but only until nothing is to be done, another loop leads, or the time is up: for homes that live for a
// minute at most, such as a Lambda on a schedule. It returns the last decision, and the error of the last tick
// if that failed. What is remembered is recorded and the lease given up, so that the next shift, wherever it runs, goes on at once.
// A standby returns ErrStandby, at once: the leader's lease ends before the next shift but one begins.
func (l *Loop) Shift(ctx context.Context, length time.Duration) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	defer l.release(ctx)
	end := time.Now().Add(length)
	var last Decision
	for failures := 0; ; {
		begin := time.Now()
		d, err := l.Once(ctx)
		switch {
		case errors.Is(err, ErrStandby):
			return last, err
		case err != nil:
			failures++
			l.config.Log.Warn("autoscaler tick failed", "error", err, "failures", failures)
		default:
			last, failures = d, 0
			if d.idle() {
				return d, l.keep(ctx)
			}
		}
		pause := l.backoff(failures)
		if err == nil && d.Next > 0 {
			pause = min(pause, d.Next)
		}
		wait := max(pause-time.Since(begin), l.config.Interval/20)
		if time.Now().Add(wait + lastCalls).After(end) {
			return last, errors.Join(err, l.keep(ctx))
		}
		l.wait(ctx, wait)
	}
}

// lastCalls is what is left of a shift for a tick's calls to AWS.
const lastCalls = 3 * time.Second

// idle says that there are no workers and nothing for them to do, so that nobody needs to look for a minute. Stranded tasks are nothing to do:
// ledgers may name them for as long as their jobs live.
func (d *Decision) idle() bool {
	o := &d.Observation
	return !d.Hold && d.Want == 0 && o.Counts == (Counts{}) && (d.Backlog == 0 || d.Binding == BindStranded) && o.Visible+o.InFlight == 0
}

// keep records the last decision once more if what is remembered has changed since, for whoever leads next.
func (l *Loop) keep(ctx context.Context) error {
	l.tick.Lock()
	defer l.tick.Unlock()
	if !l.leading || l.last.At.IsZero() || l.recordedAt.Equal(l.last.At) || l.last.idle() && l.recorded.idle() {
		return nil
	}
	if err := l.parts.Journal.Record(ctx, l.last, l.state); err != nil {
		return err
	}
	l.recorded, l.recordedAt = l.last, l.last.At
	return nil
}
