package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/starburst-go/starburst/store"
)

// ErrEmptyJob says that the source has no arguments: there is nothing to enqueue.
var ErrEmptyJob = errors.New("no tasks: the input is empty")

// SpecError says which field of a Spec breaks which rule. Nothing was enqueued.
type SpecError struct{ Field, Rule string }

func (e *SpecError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Rule) }

// ArgumentTooLargeError says that one argument is larger than what can be sent. Nothing was enqueued.
type ArgumentTooLargeError struct {
	// Index of the task.
	Index int
	// Size and Limit in bytes of msgpack.
	Size, Limit int
	// NoBucket is true when a bucket to offload to would raise the limit.
	NoBucket bool
}

func (e *ArgumentTooLargeError) Error() string {
	if e.NoBucket {
		return fmt.Sprintf("the argument of task %d has %d bytes; a message carries %d, and there is no bucket for larger ones (set STARBURST_BUCKET)", e.Index, e.Size, e.Limit)
	}
	return fmt.Sprintf("the argument of task %d has %d bytes; the limit is %d (put large data into an object and pass its name)", e.Index, e.Size, e.Limit)
}

// JobConflictError says that the job id is taken by a job that this input cannot
// resume. Nothing was enqueued.
type JobConflictError struct {
	// Existing is the job that has the id.
	Existing store.Job
	// Differs names what differs: "input", "handler" or "fleet"; "" for a job that was cancelled.
	Differs string
}

func (e *JobConflictError) Error() string {
	const next = "; choose another id, or leave it out"
	j := e.Existing
	switch e.Differs {
	case "handler":
		return fmt.Sprintf("job %q exists already and runs handler %q%s", j.ID, j.Handler, next)
	case "fleet":
		return fmt.Sprintf("job %q exists already and belongs to fleet %q%s", j.ID, j.Fleet, next)
	case "":
		return fmt.Sprintf("job %q was cancelled%s", j.ID, next)
	}
	return fmt.Sprintf("job %q exists already with another input of %d tasks (created %s)%s", j.ID, j.N, j.Created.UTC().Format("2006-01-02 15:04:05 MST"), next)
}

// ChangedError says that the source gave other arguments when they were sent than
// when they were counted. Tasks of both versions may be on the queue, and the job
// is not sealed.
type ChangedError struct {
	Job, Source string
	// Err is why it could not be read again, or nil when only its content differs.
	Err error
}

func (e *ChangedError) Error() string {
	why := ""
	if e.Err != nil {
		why = fmt.Sprintf(" (%v)", e.Err)
	}
	return fmt.Sprintf("%s changed while job %q was sent from it%s; the job is not sealed: cancel it, and submit the input as another job when it no longer changes", e.Source, e.Job, why)
}

// Unwrap returns Err.
func (e *ChangedError) Unwrap() error { return e.Err }

// PartlyEnqueuedError says that the job exists but not all its tasks are
// confirmed on the queue. Submitting the same input under the same id completes it.
type PartlyEnqueuedError struct {
	Job string
	// Confirmed tasks of N are on the queue or settled. More may be: what was cut off is not counted.
	Confirmed, N int
	// Err is why it ended; the context's error when it was interrupted.
	Err error
}

func (e *PartlyEnqueuedError) Error() string {
	why := e.Err.Error()
	if errors.Is(e.Err, context.Canceled) {
		why = "interrupted"
	}
	s := fmt.Sprintf("job %q: %d of %d tasks are enqueued: %s", e.Job, e.Confirmed, e.N, why)
	if _, changed := errors.AsType[*ChangedError](e.Err); changed {
		return s
	}
	return s + "; submitting the same input as the same job sends the rest"
}

// Unwrap returns the cause.
func (e *PartlyEnqueuedError) Unwrap() error { return e.Err }
