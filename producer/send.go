package producer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Send creates the prepared job, or resumes it when it exists with the same
// input, handler and fleet; a resumed job keeps its plan and limits, and only what has no result
// item yet is sent. It returns when SQS has confirmed every message and the job is sealed.
//
// Errors: a *JobConflictError when the id belongs to another job; once the job
// exists, a *PartlyEnqueuedError with the cause, which may be a *ChangedError or the
// context's end. The Report is right in either case.
func (p *Producer) Send(ctx context.Context, pre *Prepared) (Report, error) {
	s := &sending{Producer: p, spec: pre.Spec, report: Report{Job: pre.job(p.cfg)}}
	err := p.cfg.Jobs.CreateJob(ctx, s.report.Job)
	if taken, ok := errors.AsType[*store.JobExistsError](err); ok {
		if err := conflict(pre, taken.Existing); err != nil {
			return Report{Job: taken.Existing}, err
		}
		s.report.Job, s.report.Resumed = taken.Existing, true
	} else if err != nil {
		return Report{}, fmt.Errorf("create job %q (nothing was enqueued): %w", pre.Spec.Job, err)
	}
	pre.Spec.Created(s.report.Job)
	if s.report.Job.State == store.Done {
		s.report.Skipped = s.report.Job.N
		return s.report, nil
	}
	err = s.run(ctx)
	return s.report, err
}

// conflict tells why the existing job cannot be resumed with what is prepared.
func conflict(pre *Prepared, existing store.Job) error {
	differs := ""
	switch {
	case existing.InputSHA != pre.InputSHA || existing.N != pre.N:
		differs = "input"
	case existing.Handler != pre.Spec.Handler:
		differs = "handler"
	case existing.Fleet != pre.Spec.Fleet:
		differs = "fleet"
	case existing.State != store.Cancelled:
		return nil
	}
	return &JobConflictError{Existing: existing, Differs: differs}
}

// maxInFlightBytes bounds the batches that are built but not confirmed, so that
// offloaded arguments do not fill the memory; one batch larger than it goes alone.
const maxInFlightBytes = 32 << 20

// sending is the second pass over the source. One goroutine reads it, encodes and fills
// batches; Config.InFlight others deliver them; one keeps the confirmed count.
type sending struct {
	*Producer
	spec     Spec
	frame    int // of the job's messages, see frameOf
	batches  chan *batch
	inFlight *semaphore.Weighted

	// Owned by the reading goroutine:
	batch *batch
	raw   []byte // scratch for encoding
	owed  *owed  // nil when everything is sent

	mu     sync.Mutex // protects report and calls of spec.Progress
	report Report
}

func (s *sending) run(ctx context.Context) error {
	var err error
	if s.frame, err = frameOf(s.spec.envelope()); err != nil {
		return err
	}
	s.batches = make(chan *batch)
	s.inFlight = semaphore.NewWeighted(maxInFlightBytes)

	// Batches under way outlive ctx a little; reading ends with it, or with the first batch that fails.
	deliver, cancel := linger(ctx, s.cfg.Linger)
	defer cancel()
	read, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var senders, keeper sync.WaitGroup
	// The first batch goes alone: who reads results in order as they come should
	// not wait for a first task that arrived behind all others.
	ahead := make(chan struct{})
	wave := sync.OnceFunc(func() { close(ahead) })
	for i := range s.cfg.InFlight {
		senders.Go(func() {
			defer wave()
			if i > 0 {
				<-ahead
			}
			for b := range s.batches {
				if err := s.deliver(deliver, b); err != nil {
					stop(err)
				}
				wave()
			}
		})
	}
	keep, done := context.WithCancel(deliver)
	keeper.Go(func() { s.keepConfirmed(keep) })
	err = s.read(read)
	close(s.batches)
	senders.Wait()
	done()
	keeper.Wait()

	if confirmed := s.report.Sent + s.report.Skipped; err == nil && confirmed < s.report.Job.N {
		err = context.Cause(read)
	}
	return s.finish(ctx, err)
}

// finish writes the final count and, unless err says that something is missing,
// seals the job.
func (s *sending) finish(ctx context.Context, err error) error {
	// Also after an interruption: what was confirmed should be known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	job := &s.report.Job
	confirmed := s.report.Sent + s.report.Skipped
	if confirmed > job.Confirmed {
		e := s.cfg.Jobs.SetConfirmed(ctx, job.ID, confirmed)
		if e == nil {
			job.Confirmed = confirmed
		}
		err = errors.Join(err, e)
	}
	if err == nil && job.State == store.Open {
		if err = s.cfg.Jobs.Seal(ctx, job.ID); err == nil {
			job.State = store.Sealed
		}
	}
	if err != nil {
		return &PartlyEnqueuedError{Job: job.ID, Confirmed: confirmed, N: job.N, Err: err}
	}
	return nil
}

// finishTimeout bounds the last two writes, which also an interrupted job gets.
const finishTimeout = 10 * time.Second

// read goes through the source and fills batches, verifying that the arguments
// are those of the first pass.
func (s *sending) read(ctx context.Context) error {
	if s.report.Resumed {
		s.owed = newOwed(s.cfg.Jobs.Pending(ctx, s.report.Job))
		defer s.owed.stop()
		if s.owed.none() {
			s.count(0, 0, s.report.Job.N)
			return nil
		}
	}
	job := s.report.Job
	changed := &ChangedError{Job: job.ID, Source: nameOf(s.spec.Source)}
	roots, stop := iter.Pull2(job.Plan.All(job.N))
	defer stop()
	var hash codec.Hasher
	var c chunk
	first, size, more := roots()
	for arg, err := range s.spec.Source.Args() {
		switch {
		case err != nil:
			changed.Err = err
			return changed
		case !more:
			return changed
		}
		c.first = first
		c.add(arg)
		hash.Add(arg)
		if c.len() < size {
			continue
		}
		if err := s.root(ctx, &c); err != nil {
			return err
		}
		first, size, more = roots()
		c.reset(first)
	}
	if hash.Sum() != job.InputSHA {
		return changed
	}
	return s.flush(ctx)
}

// root sends what is to be sent of one root message: all of it, or, of a resumed
// job, the messages of its tree that have no item.
func (s *sending) root(ctx context.Context, c *chunk) error {
	if s.owed == nil {
		return s.add(ctx, codec.Message{First: c.first, Args: c.all()}, c.len())
	}
	// The children of several retries of one message may share tasks; each counts once.
	counted := make(map[int]bool, c.len())
	for {
		child, ok, err := s.owed.next(c.first)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		m, err := childOf(c, child)
		if err != nil {
			return err
		}
		tasks := 0
		for _, i := range child.Indices {
			if !counted[i] {
				counted[i] = true
				tasks++
			}
		}
		if err := s.add(ctx, m, tasks); err != nil {
			return err
		}
	}
	s.count(0, 0, c.len()-len(counted))
	return nil
}

// add puts one message, which counts as so many tasks, into the batch that is being filled.
func (s *sending) add(ctx context.Context, m codec.Message, tasks int) error {
	e, err := s.encode(m)
	if err != nil {
		return err
	}
	e.tasks = tasks
	if s.batch != nil && !s.batch.fits(e, s.cfg.MaxBody) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if s.batch == nil {
		s.batch = &batch{}
	}
	s.batch.add(e)
	if s.batch.full() {
		return s.flush(ctx)
	}
	return nil
}

// flush hands the batch to a sender and waits while all of them are busy.
func (s *sending) flush(ctx context.Context) error {
	if s.batch == nil {
		return nil
	}
	b := s.batch
	s.batch = nil
	b.weight = min(b.weight, maxInFlightBytes)
	if err := s.inFlight.Acquire(ctx, b.weight); err != nil {
		return context.Cause(ctx)
	}
	select {
	case s.batches <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// count adds to the report and tells Progress.
func (s *sending) count(sent, messages, skipped int) {
	if sent == 0 && skipped == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Sent += sent
	s.report.Messages += messages
	s.report.Skipped += skipped
	s.spec.Progress(s.report.Sent+s.report.Skipped, s.report.Job.N)
}

// firstConfirm is when the confirmed count is written for the first time: jobs
// that are sent faster are written once, at their end.
const firstConfirm = 100 * time.Millisecond

// keepConfirmed writes the confirmed count now and then until ctx ends. It is a
// running total for the autoscaler and for people; what one write does not bring the
// next one does, and the last one, in finish, counts. So errors are no errors here.
func (s *sending) keepConfirmed(ctx context.Context) {
	timer := time.NewTimer(firstConfirm)
	defer timer.Stop()
	for last := 0; ; timer.Reset(s.cfg.ConfirmEvery) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.mu.Lock()
		id, now := s.report.Job.ID, s.report.Sent+s.report.Skipped
		s.mu.Unlock()
		if now > last && s.cfg.Jobs.SetConfirmed(ctx, id, now) == nil {
			last = now
		}
	}
}

// linger returns a context that ends the time grace after ctx does.
func linger(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-out.Done():
		}
	})
	return out, func() { stop(); cancel(nil) }
}
