package consumer

import (
	"context"
	"errors"
	"log/slog"
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

// acker deletes messages whose outcome is recorded, in batches.
type acker struct {
	queue  Queue
	url    string
	leases *leases
	policy sqsbatch.Policy
	log    *slog.Logger
	in     chan *lease
	// denied is until when polls wait, in Unix nanoseconds, because deletes are refused.
	denied atomic.Int64
	quit   chan struct{} // closed by stop
	done   chan struct{} // closed when run has ended
}

func newAcker(c Config, p sqsbatch.Policy, l *leases) *acker {
	return &acker{queue: c.Queue, url: c.QueueURL, policy: p, leases: l, log: c.Log, in: make(chan *lease, 4*ackBatch), quit: make(chan struct{}), done: make(chan struct{})}
}

// add queues a message for deletion. After stop it does nothing: a slot that was
// left behind, in a call that did not end, may still come so far. The message is
// then released, and acked by its next delivery.
func (a *acker) add(le *lease) {
	select {
	case a.in <- le:
	case <-a.done:
	}
}

// stop flushes what is queued and waits for it.
func (a *acker) stop() {
	close(a.quit)
	<-a.done
}

// run collects acks until stop. Flushes run beside the collection, so that a
// slow delete does not hold up the next ones.
func (a *acker) run() {
	defer close(a.done)
	flushes := make(chan struct{}, 4)
	defer func() {
		for range cap(flushes) {
			flushes <- struct{}{}
		}
	}()
	var batch []*lease
	flush := func() {
		if len(batch) == 0 {
			return
		}
		b := batch
		batch = nil
		flushes <- struct{}{}
		go func() {
			a.flush(b)
			<-flushes
		}()
	}
	timer := time.NewTimer(ackWait)
	timer.Stop()
	defer timer.Stop()
	collect := func(le *lease) {
		if len(batch) == 0 {
			timer.Reset(ackWait)
		}
		if batch = append(batch, le); len(batch) == ackBatch {
			flush()
		}
	}
	for {
		select {
		case le := <-a.in:
			collect(le)
		case <-timer.C:
			flush()
		case <-a.quit:
			for len(a.in) > 0 {
				collect(<-a.in)
			}
			flush()
			return
		}
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
