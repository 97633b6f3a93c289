package consumer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// An ack buffer is flushed at this many messages (the most one call deletes) or
// after this long, whichever comes first.
const (
	ackBatch = 10
	ackWait  = 200 * time.Millisecond
)

// deniedPause is for how long a worker that may not delete messages takes no new
// ones. It does not stop for good: a policy can be mended while it runs.
const deniedPause = 2 * time.Minute

// Beyond so many deletes at once, and so many messages waiting for one, the recorders wait: a queue
// that does not answer must not make a worker hold more and more messages.
const (
	ackFlights = 4
	ackWaiting = 4 * ackBatch
)

// acker deletes messages whose outcome is recorded, in batches. It has no goroutine of its own between
// them: to wake one for each message would cost more than to add it to a slice.
type acker struct {
	queue  Queue
	url    string
	leases *leases
	policy sqsbatch.Policy
	log    *slog.Logger
	// denied is until when polls wait, in Unix nanoseconds, because deletes are refused.
	denied atomic.Int64

	mu      sync.Mutex // protects the fields below
	change  *sync.Cond // of flying and waiting
	waiting []*lease
	flying  int         // batches being deleted
	timer   *time.Timer // for the oldest that waits
	stopped bool
}

func newAcker(c Config, p sqsbatch.Policy, l *leases) *acker {
	a := &acker{queue: c.Queue, url: c.QueueURL, policy: p, leases: l, log: c.Log}
	a.change = sync.NewCond(&a.mu)
	return a
}

// add queues a message for deletion. After stop it does nothing: a slot that was
// left behind, in a call that did not end, may still come so far. The message is
// then released, and acked by its next delivery.
func (a *acker) add(le *lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.waiting) >= ackWaiting && !a.stopped {
		a.change.Wait()
	}
	if a.stopped {
		return
	}
	a.waiting = append(a.waiting, le)
	switch {
	case len(a.waiting) >= ackBatch:
		a.depart()
	case a.timer == nil:
		a.timer = time.AfterFunc(ackWait, a.late)
	}
}

// late deletes what has waited long enough, though it fills no batch.
func (a *acker) late() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = nil
	a.depart()
}

// depart deletes what waits, beside whatever goes on: full batches, and the rest when no timer runs for it.
// The caller holds mu.
func (a *acker) depart() {
	for a.flying < ackFlights && len(a.waiting) > 0 {
		n := min(len(a.waiting), ackBatch)
		if n < ackBatch && a.timer != nil {
			return
		}
		batch := a.waiting[:n:n]
		a.waiting = a.waiting[n:]
		a.flying++
		go a.fly(batch)
	}
	if len(a.waiting) == 0 && a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// fly deletes one batch.
func (a *acker) fly(batch []*lease) {
	a.flush(batch)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flying--
	a.depart()
	a.change.Broadcast()
}

// stop flushes what is queued and waits for it.
func (a *acker) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.depart()
	for a.flying > 0 || len(a.waiting) > 0 {
		a.change.Wait()
	}
}

// isDenied recognises a permission that is missing; expired credentials are renewed.
func isDenied(err error) bool { return awserr.IsAccess(err) && !awserr.IsExpired(err) }

// isDenied tells whether the worker was lately refused to delete what it had
// done. Going on would record every result and wear every message out.
func (a *acker) isDenied() bool { return time.Now().UnixNano() < a.denied.Load() }

// flush deletes the batch, retrying each entry while its lease may still hold.
// What cannot be deleted comes back, finds its item recorded, and is acked then.
func (a *acker) flush(batch []*lease) {
	handles := make([]string, 0, len(batch))
	until := time.Now()
	for _, le := range batch {
		if end := a.leases.end(le); end.After(until) {
			until = end
		}
		// Out of the ledger first: a heartbeat on a deleted message is an error.
		if !a.leases.leave(le) {
			le.cancel(nil)
			continue // lost: another delivery of it finds the item
		}
		le.cancel(nil)
		handles = append(handles, le.handle)
	}
	if len(handles) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	policy := a.policy
	policy.Final = isDenied
	for _, err := range policy.DeleteAll(ctx, a.queue, a.url, handles) {
		switch {
		case err == nil, errors.Is(err, sqsbatch.ErrLeaseLost):
		case isDenied(err):
			a.denied.Store(time.Now().Add(deniedPause).UnixNano())
			a.log.Error("this worker may not delete messages: what it has done is recorded, but comes back until it is in the dead-letter queue; allow it sqs:DeleteMessage", "pause", deniedPause, "err", err)
		default:
			a.log.Warn("message not acked; it will come back and be acked then", "err", err)
		}
	}
}
