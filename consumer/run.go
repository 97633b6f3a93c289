package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/starburst-go/starburst/store"
)

// outcome of one task of a message.
type outcome struct {
	value []byte
	err   *Error // nil for a success
	ran   bool   // false: the task was not started, or was cut short by the worker
}

// chunkRun runs the tasks of one message in order and keeps their outcomes.
type chunkRun struct {
	d        *delivery
	outcomes []outcome
	// busy is the time spent in handlers, durations its histogram (see HistBucket).
	busy      time.Duration
	durations map[int]int64
	began     time.Time
}

// runChunk runs all tasks of the message. It stops between tasks when the
// context ends (the worker stops, the lease is lost, the job is cancelled) and
// leaves the rest as not ran.
func runChunk(ctx context.Context, d *delivery) *chunkRun {
	r := &chunkRun{
		d: d, outcomes: make([]outcome, len(d.msg.Args)),
		durations: map[int]int64{}, began: time.Now(),
	}
	for next := 0; next < len(r.outcomes) && ctx.Err() == nil; {
		// A goroutine of its own contains a handler that ends it (runtime.Goexit,
		// as testing's FailNow does) without costing one per task.
		done := make(chan struct{})
		at := next
		go func() {
			defer close(done)
			for at < len(r.outcomes) && ctx.Err() == nil {
				r.outcomes[at] = r.runTask(ctx, at)
				at++
			}
		}()
		<-done
		if at < len(r.outcomes) && ctx.Err() == nil {
			r.outcomes[at] = outcome{ran: true, err: &Error{Kind: store.FailError, Err: errors.New("the handler ended its goroutine (runtime.Goexit)")}}
			at++
		}
		next = at
	}
	return r
}

// runTask runs the k-th task, with its time limit if the job has one.
func (r *chunkRun) runTask(ctx context.Context, k int) outcome {
	m := r.d.msg
	start := time.Now()
	if !m.Deadline.IsZero() && start.After(m.Deadline) {
		return outcome{ran: true, err: &Error{Kind: store.FailDeadline, Final: true, Err: fmt.Errorf("not started: the deadline was %s", m.Deadline.UTC().Format(time.RFC3339))}}
	}
	if limit := r.d.job.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, ErrTimeout)
		defer cancel()
	}
	value, err := call(ctx, r.d.handler, Task{
		Job: m.Job, ID: r.taskID(), Index: m.Index(k), Attempt: m.Attempt,
		Arg: m.Args[k], Trace: m.Trace, Deadline: m.Deadline,
	})
	took := time.Since(start)
	r.busy += took
	r.durations[HistBucket(took)]++
	if err == nil {
		if value == nil {
			value = nilValue
		}
		return outcome{ran: true, value: value}
	}
	return r.failed(ctx, err)
}

// nilValue is msgpack's nil: a handler without a result still settles its task.
var nilValue = []byte{0xc0}

func (r *chunkRun) taskID() string {
	if r.d.msg.Job != "" {
		return ""
	}
	return r.d.msg.ID
}

// failed classifies a handler's error. An error that follows from the worker's
// own stop or loss of the lease is not the task's: the task has not run.
func (r *chunkRun) failed(ctx context.Context, err error) outcome {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrTimeout):
		return outcome{ran: true, err: &Error{Kind: store.FailTimeout, Err: fmt.Errorf("%w (%v): %w", ErrTimeout, r.d.job.Timeout, err)}}
	case cause != nil:
		return outcome{}
	}
	var e *Error
	if errors.As(err, &e) {
		return outcome{ran: true, err: &Error{Kind: e.Kind, Err: err, Stack: e.Stack, Final: e.Final}}
	}
	return outcome{ran: true, err: &Error{Kind: store.FailError, Err: err}}
}

// call runs the handler and turns a panic into an error with its stack.
func call(ctx context.Context, h Handler, t Task) (value []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Kind: store.FailPanic, Err: fmt.Errorf("panic: %v", p), Stack: string(debug.Stack())}
		}
	}()
	return h(ctx, t)
}

// started reports whether any task has an outcome.
func (r *chunkRun) started() bool {
	return slices.ContainsFunc(r.outcomes, func(o outcome) bool { return o.ran })
}

// culprit returns the position of the task whose value made err, or −1 when
// err is nil or not of a value's making.
func (r *chunkRun) culprit(err error) int {
	var invalid *store.InvalidResultError
	var large *store.TooLargeError
	switch {
	case errors.As(err, &invalid):
		for k, o := range r.outcomes {
			if o.value != nil && r.d.msg.Index(k) == invalid.Index {
				return k
			}
		}
	case errors.As(err, &large):
		biggest := -1
		for k, o := range r.outcomes {
			if o.value != nil && (biggest < 0 || len(o.value) > len(r.outcomes[biggest].value)) {
				biggest = k
			}
		}
		return biggest
	}
	return -1
}
