package burst

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Retry sends a job's failed tasks again. It may be repeated: while a retry is
// under way, the same messages are sent, and each is recorded once. A cancelled job
// is refused with exit code 2; one that was sent in part has exit code 9.
func (s *Session) Retry(ctx context.Context, id string) (store.Job, producer.RetryReport, error) {
	var none producer.RetryReport
	job, err := s.Attach(ctx, id)
	if err != nil {
		return job, none, err
	}
	if job.State == store.Cancelled {
		return job, none, exit.Errorf(exit.Usage, "job %s was cancelled", id).WithHint("submit its input again as another job")
	}
	p, err := s.producer()
	if err != nil {
		return job, none, err
	}
	report, err := p.RetryFailed(ctx, job, s.store)
	s.begin(id)
	var state *store.StateError
	switch {
	case errors.As(err, &state):
		return job, report, exit.Errorf(exit.Usage, "job %s was cancelled", id)
	case err != nil && len(report.Messages) > 0:
		return job, report, exit.Errorf(exit.Partly, "at most %d failed tasks of job %s were sent again: %w", report.Tasks, id, err)
	case err != nil:
		return job, report, err
	}
	job, err = s.store.Job(ctx, id) // it was reopened
	return job, report, err
}

// Pace of the wait for a retry's end.
const (
	retryPollMin = 50 * time.Millisecond
	retryPollMax = time.Second
)

// AwaitRetry waits until the retry's messages, and what became of them, are
// settled, and returns the job's exact count. It ends with a *CancelledError
// when the job is cancelled meanwhile.
func (s *Session) AwaitRetry(ctx context.Context, job store.Job, r producer.RetryReport) (store.Count, error) {
	for wait := retryPollMin; ; wait = min(2*wait, retryPollMax) {
		over, err := s.retryOver(ctx, job, r)
		if err != nil {
			return store.Count{}, err
		}
		if over {
			s.MarkDone(ctx, job)
			return s.store.Recount(ctx, job)
		}
		if err := sleep(ctx, wait); err != nil {
			return store.Count{}, err
		}
		if err := s.cancelled(ctx, job.ID, job.N); err != nil {
			return store.Count{}, err
		}
	}
}

func (s *Session) retryOver(ctx context.Context, job store.Job, r producer.RetryReport) (bool, error) {
	have, err := s.store.HasResults(ctx, job, r.Messages)
	if err != nil {
		return false, fmt.Errorf("wait for the retry: %w", err)
	}
	for _, id := range r.Messages {
		if !have[id] {
			return false, nil
		}
	}
	for c, err := range s.store.Pending(ctx, job) {
		if err != nil || r.Covers(c.Identity) {
			return false, err // a child is still to be settled
		}
	}
	return true, nil
}
