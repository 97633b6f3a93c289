package burst

import (
	"context"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
)

// ledgerPatience bounds the wait for a worker's account of tasks whose results are there; on the laptop it comes within half a second.
const ledgerPatience = 10 * time.Second

// Calibrate runs the tasks of a small source on the session's workers, each in a message of its own and once, and tells how long they
// took. Tasks that fail are an error: their time says nothing of those that succeed.
func (s *Session) Calibrate(ctx context.Context, handler string, source producer.Source) (bill.Durations, error) {
	job, err := s.Submit(ctx, producer.Spec{Handler: handler, Source: source, Chunk: 1, MaxAttempts: 1, Label: "calibration"})
	if err != nil {
		return bill.Durations{}, err
	}
	failed, first := 0, ""
	for r, err := range s.Follow(ctx, job) {
		if err != nil {
			return bill.Durations{}, err
		}
		if r.Failure != nil {
			if failed++; failed == 1 {
				first = r.Failure.Message
			}
		}
	}
	if failed > 0 {
		return bill.Durations{}, exit.Errorf(exit.TasksFail, "%d of the %d tasks of the calibration failed, the first with: %s", failed, job.N, first)
	}
	for end := time.Now().Add(ledgerPatience); ; {
		d, err := bill.DurationsOf(ctx, s.store, job.ID)
		if err != nil || d.Seen >= int64(job.N) {
			d.Source = fmt.Sprintf("%d tasks on this machine", d.Seen)
			return d, err
		}
		if time.Now().After(end) {
			return d, exit.Errorf(exit.Failed, "the calibration's worker accounts for %d of %d tasks after %v", d.Seen, job.N, ledgerPatience)
		}
		select {
		case <-ctx.Done():
			return d, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
