package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/store"
)

// Task is one call of a handler.
type Task struct {
	// Job the task belongs to; empty for a task sent without a job.
	Job string
	// ID identifies a task without a job; empty otherwise.
	ID string
	// Index of the task inside its job. With Job it is the task's identity: use
	// both as the idempotency key of any side effect, since a task may run more
	// than once although its result is recorded once.
	Index int
	// Attempt is 1 for the first run; it rises when a failed task is run again.
	Attempt int
	// Arg is the msgpack-encoded argument. It is valid only during the call.
	Arg msgpack.RawMessage
	// Trace is the sender's W3C traceparent, or empty.
	Trace string
	// Deadline is when running stops making sense; zero means never.
	Deadline time.Time
	// Handler is the name under which the task's handler is registered.
	Handler string
	// Timeout is the time limit of one run; zero means none. The worker holds it.
	Timeout time.Duration
	// Group is shared by the tasks of one message; nil outside of a worker.
	Group *Group

	position int // in the message
}

// Handler runs one task and returns its msgpack-encoded result; nil means the
// nil result. The context ends when the task's time is up, its lease is lost
// or the worker has to stop. A returned error makes the task run again, up to
// the job's attempts, unless it is Permanent. A panic counts as an error.
type Handler func(ctx context.Context, t Task) ([]byte, error)

// Registry maps handler names to handlers.
type Registry map[string]Handler

// Names returns the registered names in order.
func (r Registry) Names() []string {
	names := make([]string, 0, len(r))
	for n := range r {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Error is a handler's failure with its kind, for handlers that know better
// than "error": a program that crashed, an argument that does not decode.
type Error struct {
	Kind store.FailureKind
	Err  error
	// Stack is recorded with the failure: a stack trace, or the tail of standard error.
	Stack string
	// Detail is recorded too: one msgpack value of the handler's own making, from which a caller may rebuild the error.
	Detail []byte
	// Final stops further attempts.
	Final bool
}

// Error returns the cause's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Permanent marks err as final: the task is recorded as failed at once, without
// further attempts. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: store.FailError, Err: err, Final: true}
}

// BadArgument says that the task's argument does not fit the handler. It is
// final, because another attempt would decode the same bytes.
func BadArgument(handler string, err error) error {
	return &Error{Kind: store.FailDecode, Err: fmt.Errorf("argument of %s: %w", handler, err), Final: true}
}

// BadResult says that the handler's result cannot be encoded. It is final,
// because it is a matter of the result's type.
func BadResult(handler string, err error) error {
	return &Error{Kind: store.FailResult, Err: fmt.Errorf("result of %s: %w", handler, err), Final: true}
}

// ErrNotRun is what a handler returns to say that it could not begin the task and that nothing of it has
// happened: no attempt is counted, and the task goes back to the queue.
var ErrNotRun = errors.New("the task was not begun")

// Causes for which the worker ends a handler's context; context.Cause tells them apart.
var (
	// ErrTimeout: the task's time limit has passed.
	ErrTimeout = errors.New("the task's time limit has passed")
	// ErrStopping: the worker's grace period has ended.
	ErrStopping = errors.New("the worker is stopping")
	// ErrLeaseLost: the message's lease was lost; another worker may be running the task.
	ErrLeaseLost = errors.New("the message's lease was lost")
	// ErrCancelled: the job was cancelled.
	ErrCancelled = errors.New("the job was cancelled")
)
