package burst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

// progressEvery is how often the progress display asks the table and the fleet.
const progressEvery = 500 * time.Millisecond

// Attach finds a job.
func (s *Session) Attach(ctx context.Context, id string) (store.Job, error) {
	job, err := s.store.Job(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return job, exit.Errorf(exit.NotFound, "there is no job %q in %s", id, s.stack).WithHint("starburst status lists the jobs")
	}
	if err == nil {
		s.begin(id)
	}
	return job, err
}

// Follow yields the job's settled tasks in order, waiting for those that are not
// there yet, with the progress display on. When all are there it marks the job done.
func (s *Session) Follow(ctx context.Context, job store.Job) iter.Seq2[store.Settled, error] {
	return func(yield func(store.Settled, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		bar := progress.New(s.cfg.Progress, job.Handler, job.N, time.Now)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.watch(ctx, job, bar, cancel)
		}()
		stop := func() {
			cancel(nil)
			<-done
			bar.Done()
		}
		next := 0
		for settled, err := range s.store.Results(ctx, job, store.ReadOptions{Follow: true}) {
			if err != nil {
				cause := context.Cause(ctx)
				stop()
				if cause != nil {
					err = cause
				}
				yield(settled, err)
				return
			}
			next++
			bar.Update(progress.Snapshot{Done: next, Workers: int(s.running.Load())})
			if next == job.N {
				// Before the last yield: the consumer may not come back for more.
				stop()
				s.MarkDone(context.WithoutCancel(ctx), job)
			}
			if !yield(settled, nil) {
				if next < job.N {
					stop()
				}
				return
			}
		}
	}
}

// MarkDone records that all tasks of the job are settled, as somebody has just
// seen; not while failed ones are being run again. It is a convenience for lists:
// the results themselves are the truth.
func (s *Session) MarkDone(ctx context.Context, job store.Job) {
	if job.State == store.Done {
		s.begun.settle(job.ID)
	}
	if job.State == store.Done || job.State == store.Cancelled {
		return
	}
	if !job.Retried.IsZero() {
		if count, err := s.store.Recount(ctx, job); err != nil || count.Retrying > 0 {
			return
		}
	}
	s.begun.settle(job.ID)
	if err := s.store.Finish(ctx, job.ID, store.Done, time.Now()); err != nil {
		s.cfg.Log.Warn("job not marked as done; whoever looks next does it", "job", job.ID, "err", err)
	}
}

// watch keeps the display up to date, and ends the wait when no worker can work or
// the job was cancelled.
func (s *Session) watch(ctx context.Context, job store.Job, bar *progress.Bar, fail context.CancelCauseFunc) {
	t := time.NewTicker(progressEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		snap, err := s.snapshot(ctx, job)
		if err != nil {
			continue // the next look may do better; the results' own reader reports lasting errors
		}
		bar.Update(snap)
		if err := cmp.Or(s.crashLoop(ctx, snap), s.cancelled(ctx, job.ID, snap.Done)); err != nil {
			fail(err)
			return
		}
	}
}

// snapshot sums up the workers' ledgers.
func (s *Session) snapshot(ctx context.Context, job store.Job) (progress.Snapshot, error) {
	ledgers, err := s.store.JobLedgers(ctx, job.ID)
	if err != nil {
		return progress.Snapshot{}, fmt.Errorf("read the job's progress: %w", err)
	}
	snap := progress.Snapshot{Workers: int(s.running.Load())}
	for _, l := range ledgers {
		c := l.Jobs[job.ID]
		snap.Done += int(c.OK + c.Failed)
		snap.Failed += int(c.Failed)
	}
	// A task that was run again after it had failed is in two ledgers, or twice in one.
	snap.Done, snap.Failed = min(snap.Done, job.N), min(snap.Failed, job.N)
	snap.Cost = s.costText(ledgers, job.ID, time.Now())
	return snap, nil
}
