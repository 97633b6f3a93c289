package burst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/store"
)

// Workers read the control item every five seconds, the laptop's every second
// (consumer.DefaultControl, role); their handlers then have handlersEnd to return.
const (
	controlEvery       = 5 * time.Second
	laptopControlEvery = time.Second
	handlersEnd        = 2 * time.Second
	// cancelWait bounds the wait for workers of which nothing is heard.
	cancelWait = 10 * time.Second
	cancelPoll = 250 * time.Millisecond
)

// CancelledError says that a job was cancelled.
type CancelledError struct {
	Job string
	// Settled of N tasks have a result.
	Settled, N int
	// Why is set when it was the fleet that stopped the job, such as at its cost cap.
	Why string
}

// Error says how far the job came.
func (e *CancelledError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("job %s was stopped: %s; %d of its %d tasks have a result", e.Job, e.Why, e.Settled, e.N)
	}
	return fmt.Sprintf("job %s was cancelled; %d of its %d tasks have a result", e.Job, e.Settled, e.N)
}

// Unwrap gives the exit code.
func (e *CancelledError) Unwrap() error {
	if e.Why != "" {
		return &exit.Error{Code: exit.Refused, Err: errStopped, Hint: "the same command with --job " + e.Job + " and a higher --max-cost goes on from there"}
	}
	return &exit.Error{Code: exit.Failed, Err: errCancelled, Hint: "what is recorded stays; submit the rest as another job"}
}

var errStopped = errors.New("the job was stopped")

var errCancelled = errors.New("the job was cancelled")

// Cancellation is what Cancel did.
type Cancellation struct {
	Job store.Job
	// Count is exact when every worker was heard of; what was never run is N less both counts.
	Count store.Count
	// Unheard workers may still run tasks of the job: they were busy, and have not
	// been heard of since they should have read of the cancellation.
	Unheard int
}

// Cancel ends a job: its state changes first, then the workers are told, and
// when they have had the time to stop, at most 10 s, its results are counted
// exactly. What was settled before stays. Cancelling a cancelled job tells the
// workers again and counts; a finished one is refused with exit code 2, an
// unknown one with 5.
func (s *Session) Cancel(ctx context.Context, id string) (Cancellation, error) {
	job, err := s.Attach(ctx, id)
	if err != nil {
		return Cancellation{Job: job}, err
	}
	if err := s.cancellable(ctx, job); err != nil {
		return Cancellation{Job: job}, err
	}
	var state *store.StateError
	switch err := s.store.Finish(ctx, id, store.Cancelled, time.Now()); {
	case errors.As(err, &state):
		return Cancellation{Job: job}, nothingToCancel(id)
	case err != nil:
		return Cancellation{Job: job}, err
	}
	job.State = store.Cancelled
	if err := s.tellCancelled(ctx, job); err != nil {
		return Cancellation{Job: job}, fmt.Errorf("job %s is cancelled but not all workers know it; cancel it again: %w", id, err)
	}
	unheard, err := s.awaitStop(ctx, job.Fleet)
	if err != nil {
		return Cancellation{Job: job, Unheard: unheard}, err
	}
	count, err := s.store.Recount(ctx, job)
	return Cancellation{Job: job, Count: count, Unheard: unheard}, err
}

func nothingToCancel(id string) error {
	return exit.Errorf(exit.Usage, "job %s is done: there is nothing to cancel", id).WithHint("starburst results %s", id)
}

// cancellable refuses a job whose tasks are all settled, whether or not somebody
// has marked it as done yet.
func (s *Session) cancellable(ctx context.Context, job store.Job) error {
	if job.State == store.Cancelled {
		return nil
	}
	count, err := s.store.Recount(ctx, job)
	if err == nil && count.Complete() && count.Retrying == 0 {
		s.MarkDone(ctx, job)
		return nothingToCancel(job.ID)
	}
	return err
}

// maxCancelled bounds the cancelled jobs that the control item names, which each
// worker reads all the time. Workers that meet another learn of it from its META.
const maxCancelled = 256

// drainedFor is how long after its end a job whose queue looks empty is still
// named: SQS's counts lag by up to a minute (SQS developer guide, "Available
// CloudWatch metrics"), and a message under way may not be counted at all.
const drainedFor = 15 * time.Minute

// tellCancelled adds the job to the fleet's control item and drops those from it
// that no worker can meet any more.
func (s *Session) tellCancelled(ctx context.Context, job store.Job) error {
	control, err := s.store.Control(ctx, job.Fleet)
	if err != nil {
		return err
	}
	left, err := laptop.Messages(ctx, s.clients, s.stack)
	if err != nil {
		return err
	}
	var named []store.Job
	drop := map[string]bool{}
	for _, id := range control.Cancelled {
		j, err := s.store.Job(ctx, id)
		switch {
		case id == job.ID:
		case err == nil && stillNamed(j, left == 0, time.Now()):
			named = append(named, j)
		case err == nil || errors.Is(err, store.ErrNotFound):
			drop[id] = true
		}
	}
	slices.SortFunc(named, func(a, b store.Job) int {
		return cmp.Or(a.Finished.Compare(b.Finished), cmp.Compare(a.ID, b.ID))
	})
	for _, j := range named[:max(0, len(named)+1-maxCancelled)] {
		drop[j.ID] = true
	}
	return s.store.UpdateControl(ctx, job.Fleet, func(c *store.Control) {
		c.Cancelled = slices.DeleteFunc(c.Cancelled, func(id string) bool { return drop[id] })
		if !slices.Contains(c.Cancelled, job.ID) {
			c.Cancelled = append(c.Cancelled, job.ID)
		}
	})
}

// stillNamed reports whether workers need to be told of the job: it is cancelled
// (and no later job that has taken the id of an expired one), and may have messages.
func stillNamed(j store.Job, drained bool, now time.Time) bool {
	return j.State == store.Cancelled && !(drained && now.Sub(j.Finished) > drainedFor)
}

func (s *Session) controlEvery() time.Duration {
	if s.stack.Endpoint != "" {
		return laptopControlEvery
	}
	return controlEvery
}

// awaitStop waits until every worker that is alive has read the control item and
// its handlers have had the time to end, and returns how many were not heard of since.
func (s *Session) awaitStop(ctx context.Context, fleet string) (unheard int, err error) {
	told := time.Now()
	read := told.Add(s.controlEvery())
	for {
		ledgers, err := s.store.Ledgers(ctx, fleet)
		if err != nil {
			return 0, fmt.Errorf("look whether the workers have stopped: %w", err)
		}
		now := time.Now()
		var alive int
		alive, unheard = heard(ledgers, now, read)
		if alive == 0 || unheard == 0 && now.After(read.Add(handlersEnd)) || now.Sub(told) > cancelWait-cancelPoll {
			return unheard, nil
		}
		if err := sleep(ctx, cancelPoll); err != nil {
			return unheard, err
		}
	}
}

// heard counts the workers that are alive, and those of them that were busy when
// last heard of, which was before read.
func heard(ledgers []store.Ledger, now, read time.Time) (alive, unheard int) {
	for _, l := range ledgers {
		if l.Final || now.Sub(l.Updated) > sample.DefaultAliveFor {
			continue
		}
		alive++
		if (l.Busy > 0 || l.Held > 0) && l.Updated.Before(read) {
			unheard++
		}
	}
	return alive, unheard
}

// cancelled returns a *CancelledError when somebody has cancelled the job meanwhile.
func (s *Session) cancelled(ctx context.Context, id string, settled int) error {
	job, err := s.store.Job(ctx, id)
	if err != nil || job.State != store.Cancelled {
		return nil //nolint:nilerr // the next look may do better
	}
	return &CancelledError{Job: id, Settled: settled, N: job.N, Why: job.Why}
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
