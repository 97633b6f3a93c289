package burst

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// Attach finds a job, and has the session's fleet sized for it.
func (s *Session) Attach(ctx context.Context, id string) (store.Job, error) {
	job, err := s.find(ctx, id)
	if err == nil {
		s.begin(id)
	}
	return job, err
}

// find is Attach for somebody who only looks.
func (s *Session) find(ctx context.Context, id string) (store.Job, error) {
	job, err := s.store.Job(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return job, exit.Errorf(exit.NotFound, "there is no job %q in %s", id, s.stack).WithHint("starburst status lists the jobs")
	}
	return job, err
}

// Follow yields the job's settled tasks in order, waiting for those that are not
// there yet, with the display on. When all are there it marks the job done.
func (s *Session) Follow(ctx context.Context, job store.Job) iter.Seq2[store.Settled, error] {
	return func(yield func(store.Settled, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		w := s.newWait(job)
		w.sent.Store(int64(job.Confirmed))
		stop := w.start(ctx, cancel)
		next := 0
		for settled, err := range s.store.Results(ctx, job, store.ReadOptions{Follow: true}) {
			if err != nil {
				cause := context.Cause(ctx)
				stop()
				if cause != nil {
					err = cause
				}
				if _, cancelled := errors.AsType[*CancelledError](err); cancelled {
					s.beginReport(context.WithoutCancel(ctx), job.ID)
				}
				yield(settled, err)
				return
			}
			next++
			w.saw(settled)
			if next < job.N {
				if !yield(settled, nil) {
					stop()
					return
				}
				continue
			}
			// Before the last yield: the consumer may not come back for more.
			line := w.finish(ctx, stop)
			yield(settled, nil)
			s.cfg.Display.End(job.ID, line)
			return
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
