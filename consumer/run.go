package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/store"
)

// outcome of one task of a message.
type outcome struct {
	value []byte
	err   *Error // nil for a success
	ran   bool   // false: the task was not started, or was cut short by the worker
	bare  bool   // a failure is recorded without its argument and stack, see shrink
}

// chunkRun runs the tasks of one message in order and keeps their outcomes.
type chunkRun struct {
	d     *delivery
	began time.Time
	group *Group
	// handOver asks, between two tasks, whether to leave the rest to other workers.
	handOver func(r *chunkRun) bool

	mu       sync.Mutex // protects the fields below while a handler runs
	outcomes []outcome
	next     int // the task to run next; the one that is running, while one is
	// spent is the time in handlers, durations its histogram (see HistBucket).
	spent     handlerTime
	durations map[int]int64
	// over is set when no handler of the run is running any more.
	over bool
	// handedOver is set when handOver said yes.
	handedOver bool
	// pieces is into how many children a suspect message is cut unrun; 0 for a run.
	pieces int
	// abandoned is set when a handler did not end with its context; what it does
	// later changes nothing here any more.
	abandoned bool
}

func newChunkRun(d *delivery, handOver func(*chunkRun) bool) *chunkRun {
	r := &chunkRun{
		d: d, began: time.Now(), handOver: handOver,
		outcomes: make([]outcome, len(d.msg.Args)), durations: map[int]int64{},
	}
	r.group = &Group{run: r}
	return r
}

// run runs the tasks until all are done, the context ends (the worker stops, the
// lease is lost, the job is cancelled) or the rest is handed over; what has not
// run then stays so. Then it calls end.
//
// The handlers run in the calling goroutine. One that ignores the end of its context is left behind with it: another
// goroutine calls end and then goOn, and when the handler comes back after all, run returns false.
// A handler that ends its goroutine (runtime.Goexit, as testing's FailNow does) fails its task; another goroutine runs the rest, and then calls goOn.
func (r *chunkRun) run(ctx context.Context, end func(abandoned bool), goOn func()) (stays bool) {
	unwatch := context.AfterFunc(ctx, func() {
		time.AfterFunc(abandonAfter, func() {
			if r.abandon() {
				end(true)
				goOn()
			}
		})
	})
	exited := true
	func() {
		defer func() {
			unwatch() // before end, which ends ctx
			if exited {
				go r.afterExit(ctx, end, goOn)
			}
		}()
		for r.goesOn(ctx) {
			r.step(ctx)
		}
		exited = false
	}()
	if !r.end() {
		return false
	}
	end(false)
	return true
}

// afterExit goes on after a handler that has ended its goroutine.
func (r *chunkRun) afterExit(ctx context.Context, end func(abandoned bool), goOn func()) {
	if r.open(ctx) {
		r.settle(outcome{ran: true, err: &Error{Kind: store.FailError, Err: errors.New("the handler ended its goroutine (runtime.Goexit)")}}, 0)
	}
	if r.run(ctx, end, goOn) {
		goOn()
	}
}

// abandon leaves the running handler behind, unless the run is over. Its time was the job's all the same.
func (r *chunkRun) abandon() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	r.over, r.abandoned = true, true
	left := max(0, time.Since(r.began)-r.spent.busy)
	r.spent.busy += left
	r.spent.interrupted += left
	return true
}

// end notes that no handler is running any more. It returns false when the run was abandoned before.
func (r *chunkRun) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return !r.abandoned
}

// soFar is the time in handlers up to now; while one is running, all the time
// since the run began, because its tasks follow each other.
func (r *chunkRun) soFar(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return r.spent.busy
	}
	return max(r.spent.busy, now.Sub(r.began))
}

// awaitHandler waits for done, and after the end of ctx only a little longer.
func awaitHandler(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	t := time.NewTimer(abandonAfter)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// goesOn reports whether there is a task to start.
func (r *chunkRun) goesOn(ctx context.Context) bool {
	if !r.open(ctx) {
		return false
	}
	// Asking may take a call to the queue: not under the lock, which an abandonment needs.
	if r.next == 0 || r.handOver == nil || !r.handOver(r) {
		return true
	}
	r.mu.Lock()
	r.handedOver = true
	r.mu.Unlock()
	return false
}

// open reports whether tasks are left and may be run.
func (r *chunkRun) open(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next < len(r.outcomes) && !r.abandoned && !r.handedOver && ctx.Err() == nil
}

// step runs the next task.
func (r *chunkRun) step(ctx context.Context) {
	start := time.Now()
	o := r.runTask(ctx, r.next, start)
	r.settle(o, time.Since(start))
}

// settle keeps the outcome of the task that was running.
func (r *chunkRun) settle(o outcome, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.abandoned {
		return
	}
	r.outcomes[r.next] = o
	r.next++
	r.spent.busy += took
	switch {
	case !o.ran:
		r.spent.interrupted += took
	case o.err != nil:
		r.spent.failed += took
	}
	r.durations[HistBucket(took)]++
}

// runTask runs the k-th task, with its time limit if the job has one.
func (r *chunkRun) runTask(ctx context.Context, k int, now time.Time) outcome {
	m := r.d.msg
	if !m.Deadline.IsZero() && now.After(m.Deadline) {
		return outcome{ran: true, err: &Error{Kind: store.FailDeadline, Final: true, Err: fmt.Errorf("not started: the deadline was %s", m.Deadline.UTC().Format(time.RFC3339))}}
	}
	task := r.task(k)
	limit := r.d.job.Timeout
	if limit <= 0 {
		return r.judge(ctx, task)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	return r.runLimited(ctx, task, limit)
}

// task is the k-th task as its handler sees it.
func (r *chunkRun) task(k int) Task {
	m := r.d.msg
	return Task{
		Job: m.Job, ID: r.taskID(), Index: m.Index(k), Attempt: m.Attempt, Handler: m.Handler,
		Arg: m.Args[k], Trace: m.Trace, Deadline: m.Deadline, Timeout: max(0, r.d.job.Timeout),
		Group: r.group, position: k,
	}
}

// runLimited is judge for a task with a time limit: a handler that ignores it is
// left behind, so that the limit holds for the worker in any case.
func (r *chunkRun) runLimited(ctx context.Context, task Task, limit time.Duration) outcome {
	var o outcome
	finished := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		o = r.judge(ctx, task)
		finished = true
	}()
	switch ended := awaitHandler(ctx, done); {
	case !ended && !errors.Is(context.Cause(ctx), ErrTimeout):
		return outcome{} // the end of the whole run, not the task's
	case !ended:
		return outcome{ran: true, err: &Error{Kind: store.FailTimeout, Err: fmt.Errorf("%w (%v), and the handler ignores it; it was abandoned", ErrTimeout, limit)}}
	case !finished:
		return outcome{ran: true, err: &Error{Kind: store.FailError, Err: errors.New("the handler ended its goroutine (runtime.Goexit)")}}
	}
	return o
}

// judge calls the handler and classifies how it ended.
func (r *chunkRun) judge(ctx context.Context, task Task) outcome {
	value, err := call(ctx, r.d.handler, task)
	switch {
	case err != nil:
		return r.failed(ctx, err)
	case value == nil:
		value = nilValue
	}
	return outcome{ran: true, value: value}
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
	case errors.Is(err, ErrNotRun): // whatever kept it from beginning
		return outcome{}
	case errors.Is(cause, ErrTimeout):
		passed := fmt.Errorf("%w (%v)", ErrTimeout, r.d.job.Timeout)
		if !errors.Is(err, ErrTimeout) { // the handler has more to say
			passed = fmt.Errorf("%w: %w", passed, err)
		}
		o := outcome{ran: true, err: &Error{Kind: store.FailTimeout, Err: passed}}
		if e, ok := errors.AsType[*Error](err); ok {
			o.err.Stack = e.Stack
		}
		return o
	case cause != nil:
		return outcome{}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return outcome{ran: true, err: &Error{Kind: e.Kind, Err: err, Stack: e.Stack, Detail: e.Detail, Final: e.Final}}
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

func (r *chunkRun) unfinished() bool {
	return slices.ContainsFunc(r.outcomes, func(o outcome) bool { return !o.ran })
}
