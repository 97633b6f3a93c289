package starburst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	jobreport "github.com/starburst-go/starburst/internal/report"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Map runs h once for each argument on the session's workers and returns the
// results in the order of the arguments. When tasks failed for good, it returns
// all other results, the zero value in place of the failed ones, and a
// *TaskErrors. Mapping no arguments makes no job.
func Map[In, Out any](ctx context.Context, s *Session, h *Handler[In, Out], in []In, opts ...Option) ([]Out, error) {
	if len(in) == 0 {
		return []Out{}, nil
	}
	j, err := Submit(ctx, s, h, in, opts...)
	if err != nil {
		return nil, err
	}
	return j.Wait(ctx)
}

// Job is a submitted job whose results are of type Out.
type Job[Out any] struct {
	session *burst.Session
	meta    store.Job
}

// Submit sends one task per argument and returns as soon as SQS has confirmed all
// of them. The job goes on without this process, as long as its workers do; in
// the laptop mode those end with the session, and Attach starts them again.
func Submit[In, Out any](ctx context.Context, s *Session, h *Handler[In, Out], in []In, opts ...Option) (*Job[Out], error) {
	if !s.handlers[h.name] {
		return nil, exit.Errorf(exit.Usage, "no worker knows handler %q", h.name).WithHint("pass it to starburst.Main")
	}
	var o jobOptions
	for _, opt := range opts {
		opt(&o)
	}
	var reportTo burst.ReportFile
	if o.report != "" {
		var err error
		if reportTo, err = burst.ParseReportFile(o.report); err != nil {
			return nil, err
		}
	}
	inner, err := s.open(ctx, o.id, cmp.Or(min(o.workers, len(in)), len(in)))
	if err != nil {
		return nil, err
	}
	if o.workers > 0 {
		inner.SetWorkers(o.workers)
	}
	meta, err := inner.Submit(ctx, producer.Spec{
		Job: o.id, Handler: h.name, Source: producer.Slice(in), Chunk: o.chunk,
		MaxAttempts: o.maxAttempts, Timeout: o.timeout, Label: o.label, MaxCostPico: int64(o.maxCost * float64(cost.USD)),
		Created: func(j store.Job) { s.remember(j.ID) },
	})
	if err != nil {
		return nil, err
	}
	if o.report != "" {
		inner.ReportTo(meta.ID, reportTo)
	}
	return &Job[Out]{session: inner, meta: meta}, nil
}

// Attach finds a job by its id, from any process that sees the same stack. It
// returns an error with exit code 5 when there is none. Out must be the result
// type the job's handler returned.
func Attach[Out any](ctx context.Context, s *Session, id string) (*Job[Out], error) {
	inner, err := s.open(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	meta, err := inner.Attach(ctx, id)
	if err != nil {
		return nil, err
	}
	s.remember(id)
	return &Job[Out]{session: inner, meta: meta}, nil
}

// ID returns the job's id.
func (j *Job[Out]) ID() string { return j.meta.ID }

// Len returns the job's number of tasks.
func (j *Job[Out]) Len() int { return j.meta.N }

// ReportFormat is what a report is written as.
type ReportFormat string

// The formats of reports.
const (
	ReportHTML     = ReportFormat(jobreport.HTML)
	ReportMarkdown = ReportFormat(jobreport.Markdown)
	ReportSVG      = ReportFormat(jobreport.SVG)
)

// Report writes the job's report, of what is known by now, to w: charts, failures, workers, the autoscaler's decisions and the
// bill, in a file that needs nothing beside itself. Right after the last result it waits for a moment until
// the workers have told what they did. It must not be called after the session's end.
func (j *Job[Out]) Report(ctx context.Context, w io.Writer, f ReportFormat) error {
	return j.session.Report(ctx, j.meta.ID, jobreport.Format(f), "", w)
}

// Results yields each task's result in order as soon as it and all before it are
// there. A failed task yields the zero value and a *TaskError, and the sequence goes on;
// any other error is the last thing it yields.
func (j *Job[Out]) Results(ctx context.Context) iter.Seq2[Out, error] {
	d := j.session.Display()
	if d.Over(os.Stdout) == io.Writer(os.Stdout) {
		return j.results(ctx)
	}
	// The caller may print to the terminal that the job is shown on.
	return func(yield func(Out, error) bool) {
		for out, err := range j.results(ctx) {
			d.Pause()
			more := yield(out, err)
			d.Resume()
			if !more {
				return
			}
		}
	}
}

func (j *Job[Out]) results(ctx context.Context) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		for s, err := range j.session.Follow(ctx, j.meta) {
			var out Out
			switch {
			case err != nil:
				yield(out, err)
				return
			case s.Failure != nil:
				err = taskError(s)
			default:
				if err = codec.Unmarshal(s.Value, &out); err != nil {
					yield(out, fmt.Errorf("result %d of job %s does not fit %T: %w", s.Index, j.meta.ID, out, err))
					return
				}
			}
			if !yield(out, err) {
				return
			}
		}
	}
}

// Wait returns all results in order, as Map does.
func (j *Job[Out]) Wait(ctx context.Context) ([]Out, error) {
	outs := make([]Out, 0, j.meta.N)
	failed := &TaskErrors{Job: j.meta.ID, N: j.meta.N}
	for out, err := range j.results(ctx) {
		var te *TaskError
		switch {
		case errors.As(err, &te):
			failed.Failed = append(failed.Failed, te)
		case err != nil:
			return outs, err
		}
		outs = append(outs, out)
	}
	if len(failed.Failed) > 0 {
		return outs, failed
	}
	return outs, nil
}
