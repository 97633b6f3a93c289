package burst

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// maxCancelled bounds the cancelled jobs that the control item names; the oldest
// drop out. Workers that meet an older one learn it from the job's META.
const maxCancelled = 256

// Workers read the control item every five seconds, the laptop's every second;
// their handlers then have two seconds to end.
const (
	cancelWait       = 8 * time.Second
	laptopCancelWait = 3500 * time.Millisecond
)

// CancelledError says that a job was cancelled.
type CancelledError struct {
	Job string
	// Settled of N tasks have a result.
	Settled, N int
}

// Error says how far the job came.
func (e *CancelledError) Error() string {
	return fmt.Sprintf("job %s was cancelled; %d of its %d tasks have a result", e.Job, e.Settled, e.N)
}

// Unwrap gives the exit code.
func (e *CancelledError) Unwrap() error {
	return &exit.Error{Code: exit.Failed, Err: errCancelled, Hint: "starburst results " + e.Job + " prints what there is"}
}

var errCancelled = errors.New("the job was cancelled")

// Cancel ends a job: its state changes first, then the workers are told, and
// when they have had the time to stop, its results are counted exactly. What was
// settled before stays. Cancelling a cancelled job only counts; a finished one is
// refused with exit code 2.
func (s *Session) Cancel(ctx context.Context, id string) (store.Job, store.Count, error) {
	job, err := s.Attach(ctx, id)
	if err != nil {
		return job, store.Count{}, err
	}
	var state *store.StateError
	switch err := s.store.Finish(ctx, id, store.Cancelled, time.Now()); {
	case errors.As(err, &state):
		return job, store.Count{}, exit.Errorf(exit.Usage, "job %s is %s: there is nothing to cancel", id, state.Have)
	case err != nil:
		return job, store.Count{}, err
	}
	err = s.store.UpdateControl(ctx, job.Fleet, func(c *store.Control) {
		if !slices.Contains(c.Cancelled, id) {
			c.Cancelled = append(c.Cancelled, id)
		}
		c.Cancelled = c.Cancelled[max(0, len(c.Cancelled)-maxCancelled):]
	})
	if err != nil {
		return job, store.Count{}, err
	}
	if err := s.awaitStop(ctx); err != nil {
		return job, store.Count{}, err
	}
	count, err := s.store.Recount(ctx, job)
	return job, count, err
}

// awaitStop waits until every worker has read the control item and its handlers have ended.
func (s *Session) awaitStop(ctx context.Context) error {
	wait := cancelWait
	if s.stack.Endpoint != "" {
		wait = laptopCancelWait
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// cancelled returns a *CancelledError when somebody has cancelled the job meanwhile.
func (s *Session) cancelled(ctx context.Context, id string, settled int) error {
	job, err := s.store.Job(ctx, id)
	if err != nil || job.State != store.Cancelled {
		return nil //nolint:nilerr // the next look may do better
	}
	return &CancelledError{Job: id, Settled: settled, N: job.N}
}
