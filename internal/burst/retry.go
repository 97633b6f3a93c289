package burst

import (
	"context"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Retry sends a job's failed tasks again. It may be repeated: while a retry is
// under way, the same messages are sent, and each is recorded once.
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
	if err != nil {
		return job, report, exit.Errorf(exit.Partly, "%w", err)
	}
	return job, report, nil
}

// Pace of the wait for a retry's end.
const (
	retryPollMin = 50 * time.Millisecond
	retryPollMax = time.Second
)

// AwaitRetry waits until the retry's messages, and what became of them, are
// settled, and returns the job's exact count.
func (s *Session) AwaitRetry(ctx context.Context, job store.Job, r producer.RetryReport) (store.Count, error) {
	for wait := retryPollMin; ; wait = min(2*wait, retryPollMax) {
		over, err := s.retryOver(ctx, job, r)
		if err != nil {
			return store.Count{}, err
		}
		if over {
			return s.store.Recount(ctx, job)
		}
		select {
		case <-ctx.Done():
			return store.Count{}, context.Cause(ctx)
		case <-time.After(wait):
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
	for _, err := range s.store.Pending(ctx, job) {
		return false, err // a child is still to be settled
	}
	return true, nil
}
