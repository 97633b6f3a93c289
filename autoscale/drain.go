package autoscale

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultDrainReason is given when Drain is called without one.
const DefaultDrainReason = "the caller is done"

// firstDrainPoll is the first wait between looks at a draining fleet: workers on a
// laptop are gone in milliseconds. It grows by half each time, up to the loop's interval.
const firstDrainPoll = 20 * time.Millisecond

// Drain takes the fleet to zero and waits until no worker is left, or ctx ends. The decision
// and its reason are recorded like any other. From then on this loop keeps the fleet at zero,
// whatever is queued; there is no way back but a new loop.
//
// Workers get their usual grace to finish what they run, so nothing is lost; what they
// do not finish goes back to the queue. Run need not be running. Transient errors are retried
// until ctx ends; ErrStandby is returned at once, because the fleet is another loop's.
//
// With enough, it does not wait for workers either once they have been told to go and enough is true of what was
// observed: a laptop's session has no use for the end of idle workers' last polls.
func (l *Loop) Drain(ctx context.Context, reason string, enough func(Observation) bool) error {
	if reason == "" {
		reason = DefaultDrainReason
	}
	l.stopMu.Lock()
	l.stop = reason
	l.stopMu.Unlock()

	var left Counts
	var last error
	for wait := firstDrainPoll; ; wait = min(wait*3/2, max(l.config.Interval, firstDrainPoll)) {
		d, err := l.Once(ctx)
		if errors.Is(err, ErrStandby) {
			return fmt.Errorf("drain the fleet: %w", err)
		}
		if err == nil {
			if left = d.Observation.Counts; left == (Counts{}) || enough != nil && enough(d.Observation) {
				return nil
			}
		} else if ctx.Err() == nil {
			l.config.Log.Warn("drain the fleet", "error", err)
			last = err
		}
		if !sleep(ctx, wait) {
			return drainError(ctx, left, last)
		}
	}
}

// drainError says what was left when the time was up.
func drainError(ctx context.Context, left Counts, last error) error {
	err := fmt.Errorf("drain the fleet: %w", context.Cause(ctx))
	if left.Running+left.Pending > 0 {
		err = fmt.Errorf("drain the fleet: %d workers running, %d pending: %w", left.Running, left.Pending, context.Cause(ctx))
	}
	if last != nil {
		err = fmt.Errorf("%w (last error: %w)", err, last)
	}
	return err
}

func (l *Loop) stopReason() string {
	l.stopMu.Lock()
	defer l.stopMu.Unlock()
	return l.stop
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
