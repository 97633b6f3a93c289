package burst

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Submit makes a job and sends its tasks. Wrong input leaves no job behind and
// has exit code 2, one that does not fit a cost cap 7; a job sent in part has exit code 9. Fleet, MaxWorkers and
// Slots are filled in from the session where spec leaves them empty.
func (s *Session) Submit(ctx context.Context, spec producer.Spec) (store.Job, error) {
	pre, err := s.Prepare(ctx, spec)
	if err != nil {
		return store.Job{}, err
	}
	forecast, err := s.afford(ctx, pre)
	if err != nil {
		return store.Job{}, err
	}
	return s.Send(ctx, pre, forecast)
}

// Prepare reads the job through without sending anything: it is valid, counted and cut into messages then.
func (s *Session) Prepare(ctx context.Context, spec producer.Spec) (*producer.Prepared, error) {
	if err := s.checkHandler(ctx, spec.Handler); err != nil {
		return nil, err
	}
	spec.Fleet = s.stack.Fleet
	if spec.MaxWorkers == 0 && s.loop != nil {
		spec.MaxWorkers, spec.Slots = s.cfg.Workers, s.cfg.Slots
	}
	if s.cfg.Tracer != nil && spec.Trace == "" {
		spec.Trace = traceparentToCome
	}
	p, err := s.producer()
	if err != nil {
		return nil, err
	}
	pre, err := p.Prepare(ctx, spec)
	if err != nil {
		return nil, submitError(err)
	}
	return pre, nil
}

// Send makes the prepared job and sends its tasks. The forecast, if there is one, is kept with the job.
func (s *Session) Send(ctx context.Context, pre *producer.Prepared, forecast *bill.Forecast) (store.Job, error) {
	p, err := s.producer()
	if err != nil {
		return store.Job{}, err
	}
	if !pre.NewID {
		if err := s.takeUp(ctx, pre); err != nil {
			return store.Job{}, err
		}
	}
	w := s.newWait(store.Job{ID: pre.Spec.Job, N: pre.N})
	pre.Spec.Progress = func(confirmed, _ int) { w.sent.Store(int64(confirmed)) }
	stop := func() {} // nothing is shown until the job exists
	created := pre.Spec.Created
	pre.Spec.Created = func(j store.Job) {
		stop = w.start(ctx, func(error) {}) // it is sent, whatever its workers do
		if created != nil {
			created(j)
		}
		s.begin(j.ID)
	}
	before := s.clients.Meter.Counts()
	within := pre.Spec.Trace
	if within == traceparentToCome {
		within = ""
	}
	var traced func(error)
	ctx, pre.Spec.Trace, traced = s.traced(ctx, Sending{Handler: pre.Spec.Handler, Job: pre.Spec.Job, Tasks: pre.N, Trace: within})
	report, err := p.Send(ctx, pre)
	traced(err)
	stop()
	s.begin(report.Job.ID)
	if err != nil {
		return report.Job, s.sendError(ctx, err)
	}
	if report.Resumed {
		s.cfg.notef("note:  job %s exists; %s of its %s tasks were there, %s sent again",
			report.Job.ID, progress.Count(report.Skipped), progress.Count(report.Job.N), progress.Count(report.Sent))
	} else if forecast != nil {
		s.keep(ctx, report.Job, *forecast, before)
	}
	return report.Job, nil
}

// notef tells the user something beside the data.
func (c Config) notef(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Display, format+"\n", args...)
}

// begin makes the session's autoscaler look at the job now.
func (s *Session) begin(job string) {
	s.begun.add(job)
	if s.loop != nil {
		s.watchJob(job)
		s.loop.Nudge()
	}
}

func (s *Session) producer() (*producer.Producer, error) {
	return producer.New(producer.Config{
		Queue: s.clients.SQS, QueueURL: s.stack.QueueURL, MaxBody: s.stack.MaxMessage, Jobs: s.store, Blobs: s.stack.Blobs(s.clients),
	})
}

// checkHandler refuses a handler that neither a worker nor a deploy has named:
// its messages would wait in vain.
func (s *Session) checkHandler(ctx context.Context, name string) error {
	known, err := s.store.Handlers(ctx, s.stack.Fleet)
	if err != nil {
		return fmt.Errorf("look up the handlers: %w", err)
	}
	names := make([]string, len(known))
	for i, h := range known {
		names[i] = h.Name
	}
	if slices.Contains(names, name) {
		return nil
	}
	e := exit.Errorf(exit.Usage, "no worker knows handler %q", name)
	if len(names) == 0 {
		return e.WithHint("start a worker or a deployment that has it; none has been seen on this stack yet")
	}
	return e.WithHint("known here: %s", strings.Join(names, ", "))
}

// sendError is submitError that knows why the fleet stopped the job meanwhile.
func (s *Session) sendError(ctx context.Context, err error) error {
	var partly *producer.PartlyEnqueuedError
	var state *store.StateError
	if errors.As(err, &partly) && errors.As(err, &state) && state.Have == store.Cancelled {
		if job, readErr := s.store.Job(ctx, partly.Job); readErr == nil && job.Why != "" {
			return &CancelledError{Job: job.ID, N: job.N, Why: job.Why}
		}
	}
	return submitError(err)
}

// submitError gives the producer's errors their exit codes.
func submitError(err error) error {
	var input *producer.InputError
	var spec *producer.SpecError
	var large *producer.ArgumentTooLargeError
	var conflict *producer.JobConflictError
	var partly *producer.PartlyEnqueuedError
	var state *store.StateError
	switch {
	case errors.As(err, &state) && state.Have == store.Cancelled && errors.As(err, &partly):
		return exit.Errorf(exit.Failed, "job %s was cancelled while it was sent; %d of its %d tasks were enqueued", partly.Job, partly.Confirmed, partly.N)
	case errors.As(err, &partly):
		return exit.Errorf(exit.Partly, "%w", err).WithHint("the same command with --job %s sends the rest", partly.Job)
	case errors.Is(err, producer.ErrEmptyJob), errors.As(err, &input), errors.As(err, &spec), errors.As(err, &large), errors.As(err, &conflict):
		return exit.Errorf(exit.Usage, "%w", err)
	}
	return err
}
