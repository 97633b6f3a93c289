package starburst

import (
	"context"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
)

// Func is the function behind a handler: one task's argument in, its result
// out. In and Out are encoded as msgpack; struct fields are named by their
// `msgpack` or `json` tags. The context ends when the task's time limit passes
// or the worker has to stop.
//
// An error makes the task run again, up to the job's attempts; Permanent makes
// it final at once. A panic counts as an error.
type Func[In, Out any] func(ctx context.Context, in In) (Out, error)

// Handler is a named function that workers run. Make one with Handle, pass it
// to Main, and call it with Map or Submit.
type Handler[In, Out any] struct {
	name string
	fn   Func[In, Out]
}

// Handle names a function, so that tasks can ask for it. The name is part of
// the wire format: any language can enqueue tasks for it. It must be unique in
// the program and at most codec.MaxHandlerLen bytes; Main checks both.
func Handle[In, Out any](name string, fn Func[In, Out]) *Handler[In, Out] {
	return &Handler[In, Out]{name: name, fn: fn}
}

// Name returns the handler's name.
func (h *Handler[In, Out]) Name() string { return h.name }

// Registration is a handler of any types, as Main takes it.
type Registration interface {
	// Name of the handler.
	Name() string
	handler() consumer.Handler
}

func (h *Handler[In, Out]) handler() consumer.Handler {
	return func(ctx context.Context, t consumer.Task) ([]byte, error) {
		var in In
		if err := codec.Unmarshal(t.Arg, &in); err != nil {
			return nil, consumer.BadArgument(h.name, err)
		}
		out, err := h.fn(context.WithValue(ctx, taskKey{}, t), in)
		if err != nil {
			return nil, err
		}
		raw, err := codec.Marshal(out)
		if err != nil {
			return nil, consumer.BadResult(h.name, err)
		}
		return raw, nil
	}
}

// Permanent marks an error as final: the task is recorded as failed without
// further attempts. Permanent(nil) is nil.
func Permanent(err error) error { return consumer.Permanent(err) }

// Task tells a handler what it is running.
type Task struct {
	// Job and Index are the task's identity: the idempotency key for side effects,
	// since a task may run more than once although its result is recorded once.
	Job   string
	Index int
	// Attempt is 1 for the first run.
	Attempt int
}

type taskKey struct{}

// TaskOf returns the task that a handler's context belongs to; ok is false
// outside a handler.
func TaskOf(ctx context.Context) (t Task, ok bool) {
	c, ok := ctx.Value(taskKey{}).(consumer.Task)
	return Task{Job: c.Job, Index: c.Index, Attempt: c.Attempt}, ok
}
