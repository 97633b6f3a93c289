package child

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

const (
	// maxChunk is the most tasks in one frame.
	maxChunk = 1000
	// chunkBytes is how many bytes of arguments a frame of several tasks has at most.
	chunkBytes = 1 << 20
)

// session is one message's use of a child: its tasks come one after another, and several
// may be with the child already.
type session struct {
	pool *Pool

	mu     sync.Mutex // protects the two flags
	busy   bool       // a task is being run
	closed bool

	child atomic.Pointer[process] // the one that has the running task, for a Close meanwhile

	// Owned by the running task, and by Close when there is none.
	slot  *slot
	due   []int // indices that the child has and has not answered, in order
	since time.Time
}

// run is the handler of all names.
func (p *Pool) run(ctx context.Context, t consumer.Task) ([]byte, error) {
	s, ok := t.Group.Kept().(*session)
	if !ok {
		s = &session{pool: p}
		if !t.Group.Keep(s) {
			defer s.Close() //nolint:errcheck // it has none
		}
	}
	if !s.begin() {
		return nil, consumer.ErrNotRun
	}
	defer s.end()
	return s.run(ctx, t)
}

func (s *session) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.busy = true
	return true
}

func (s *session) end() {
	s.mu.Lock()
	s.busy = false
	closed := s.closed
	s.mu.Unlock()
	if closed {
		s.release()
	}
}

// Close gives the child back. A task that still runs was abandoned: its child is ended.
func (s *session) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	busy := s.busy
	s.mu.Unlock()
	switch {
	case again:
	case busy:
		if proc := s.child.Load(); proc != nil { // the slot is the running task's
			proc.kill(nil)
		}
	default:
		s.release()
	}
	return nil
}

// release gives the slot back, when the child has answered what it has or is gone.
func (s *session) release() {
	slot := s.slot
	s.slot = nil
	if slot == nil {
		return
	}
	if len(s.due) == 0 || slot.proc == nil {
		s.pool.free <- slot
		return
	}
	s.pool.closing.Go(func() {
		if proc := slot.proc; !s.settle(proc, "cancelled", nil) {
			proc.terminate(s.pool.cfg.CancelGrace)
			slot.proc = nil
		}
		s.pool.free <- slot
	})
}

// run has the child run t and returns its outcome.
func (s *session) run(ctx context.Context, t consumer.Task) ([]byte, error) {
	if len(t.Arg)+len(t.Job)+len(t.Handler)+taskRoom > MaxFrame {
		return nil, consumer.BadArgument(t.Handler, fmt.Errorf("it has %d bytes, and a child takes %d", len(t.Arg), MaxFrame-taskRoom))
	}
	for {
		err := s.hand(ctx, t)
		switch {
		case errors.Is(err, errNotHanded):
			<-s.slot.proc.gone // its pipe is closed: it is about to be
		case err != nil:
			return nil, err
		default:
			out, settled, err := s.await(ctx, t)
			if settled {
				return out, err
			}
		}
		// The child was on its way out before it had the task: that is nobody's death.
		s.due = nil
		s.pool.died(s.slot, nil)
	}
}

// await waits for t's answer. settled is false when the child left without having begun it.
func (s *session) await(ctx context.Context, t consumer.Task) (out []byte, settled bool, err error) {
	proc := s.slot.proc
	select {
	case a := <-proc.answers:
		out, err = s.outcome(t, a)
		return out, true, err
	case <-ctx.Done():
		out, err = s.interrupt(ctx, t)
		return out, true, err
	case <-proc.gone:
	}
	select {
	case a := <-proc.answers: // its last word
		out, err = s.outcome(t, a)
		return out, true, err
	default:
	}
	if proc.leaving.Load() {
		return nil, false, nil
	}
	s.due = nil
	end := proc.end
	s.pool.died(s.slot, &t)
	return nil, true, &consumer.Error{Kind: store.FailDied, Err: end, Stack: end.stderr}
}

// hand makes sure that the child has t, and gives it some of the tasks that follow with it.
func (s *session) hand(ctx context.Context, t consumer.Task) error {
	if s.slot == nil {
		slot, err := s.pool.take(ctx)
		if err != nil {
			return err
		}
		s.slot, s.due = slot, nil
	}
	if len(s.due) > 0 && s.due[0] == t.Index {
		return nil // it has it since an earlier task
	}
	if len(s.due) > 0 { // tasks were passed over, which had been handed out already
		s.slot.proc.kill(nil)
		<-s.slot.proc.gone
		s.due, s.slot.proc = nil, nil
	}
	if proc := s.slot.proc; proc != nil && proc.alive() && isClosed(proc.greeted) && proc.worn() {
		s.slot.proc = nil
		s.pool.closing.Go(proc.farewell)
	}
	if err := s.pool.ready(ctx, s.slot); err != nil {
		return err
	}
	tasks := s.chunk(t)
	for _, t := range tasks {
		s.due = append(s.due, t.Index)
	}
	s.since = time.Now()
	s.child.Store(s.slot.proc)
	return s.slot.proc.submit(ctx, tasks)
}

// chunk is t and those after it that go into the same frame.
func (s *session) chunk(t consumer.Task) []consumer.Task {
	n := maxChunk
	if mean := s.pool.meanOf(t.Handler); mean > 0 && !s.pool.prints(t.Handler) {
		n = min(n, int(s.pool.cfg.ChunkTime/mean))
	} else {
		n = 1
	}
	if after := s.pool.cfg.RecycleAfter; after > 0 {
		n = min(n, after-s.slot.proc.done())
	}
	tasks := append(make([]consumer.Task, 0, max(1, n)), t)
	size := len(t.Arg)
	for _, next := range t.Group.Next(t, n-1) {
		if size += len(next.Arg) + argRoom; size > chunkBytes {
			break
		}
		tasks = append(tasks, next)
	}
	return tasks
}

// outcome turns an answer into the task's.
func (s *session) outcome(t consumer.Task, a said) ([]byte, error) {
	s.due = s.due[1:]
	s.pool.took(t.Handler, a.at.Sub(s.since))
	s.pool.heard(t.Handler, s.slot.proc.talked.Swap(false))
	s.since = a.at
	s.pool.finished(s.slot)
	return judge(t, a)
}

// judge reads a done or fail frame.
func judge(t consumer.Task, a said) ([]byte, error) {
	if a.kind == "done" {
		if !a.hasResult {
			return nil, nil
		}
		if err := codec.Guard(a.result, codec.MaxValueDepth); err != nil {
			return nil, consumer.BadResult(t.Handler, err)
		}
		return a.result, nil
	}
	message := a.message
	if a.typ != "" {
		message = strings.TrimSuffix(a.typ+": "+message, ": ")
	}
	if message == "" {
		message = "the child gave no reason"
	}
	e := &consumer.Error{Kind: store.FailError, Err: errors.New(clipText(message)), Stack: a.stack[max(0, len(a.stack)-store.MaxStack):], Final: a.permanent}
	if len(a.detail) > 0 && len(a.detail) <= maxDetail && codec.Guard(a.detail, codec.MaxValueDepth) == nil {
		e.Detail = a.detail
	}
	if k := store.FailureKind(a.failKind); k == store.FailDecode || k == store.FailResult {
		e.Kind, e.Final = k, true
	} else if k == store.FailPanic {
		e.Kind = k
	}
	return nil, e
}

// interrupt ends the running task because ctx has ended: politely, then not.
func (s *session) interrupt(ctx context.Context, t consumer.Task) ([]byte, error) {
	proc := s.slot.proc
	var last *said
	settled := s.settle(proc, reasonOf(ctx), &last)
	if !settled {
		proc.terminate(s.pool.cfg.CancelGrace)
		s.slot.proc = nil
	}
	s.due = nil
	if last != nil {
		return judge(t, *last)
	}
	stderr := proc.stderr.String()
	return nil, &consumer.Error{Kind: store.FailTimeout, Err: errors.New("the child did not answer the cancel and was ended"), Stack: stderr}
}

// settle cancels what the child has, and waits a little for the answers, the first of which is
// put into first. It reports whether all came, so that the child can stay.
func (s *session) settle(proc *process, reason string, first **said) bool {
	proc.cancel(reason)
	limit := time.NewTimer(s.pool.cfg.CancelGrace)
	defer limit.Stop()
	for range s.due {
		select {
		case a := <-proc.answers:
			if first != nil && *first == nil {
				*first = &a
			}
		case <-proc.gone:
			return false
		case <-limit.C:
			return false
		}
	}
	return true
}

// reasonOf is the word of the protocol for the cause of ctx's end.
func reasonOf(ctx context.Context) string {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, consumer.ErrTimeout):
		return "timeout"
	case errors.Is(cause, consumer.ErrLeaseLost):
		return "lease lost"
	case errors.Is(cause, consumer.ErrCancelled):
		return "cancelled"
	}
	return "stopping"
}

// meanOf is how long a handler's tasks take; zero when that is not known.
func (p *Pool) meanOf(handler string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mean[handler]
}

// took notes how long a task took.
func (p *Pool) took(handler string, d time.Duration) {
	d = max(d, time.Microsecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	mean := p.mean[handler]
	if mean == 0 {
		mean = d
	}
	p.mean[handler] = mean + (d-mean)/8
}

// silentTasks is how many tasks of a handler say nothing before its tasks come in chunks again.
const silentTasks = 100

// heard notes whether a task of the handler has printed anything.
func (p *Pool) heard(handler string, anything bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, printed := p.silent[handler]
	switch {
	case anything:
		p.silent[handler] = 0
	case printed && n+1 < silentTasks:
		p.silent[handler] = n + 1
	case printed:
		delete(p.silent, handler)
	}
}

// prints is whether tasks of the handler have printed lately. They go to the child one
// by one: only then is it known which of them has printed a line.
func (p *Pool) prints(handler string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, printed := p.silent[handler]
	return printed
}
