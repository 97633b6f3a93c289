package consumer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// An ack buffer is flushed at this many messages (the most one call deletes) or
// after this long, whichever comes first.
const (
	ackBatch = 10
	ackWait  = 200 * time.Millisecond
)

// acker deletes messages whose outcome is recorded, in batches.
type acker struct {
	queue   Queue
	url     string
	leases  *leases
	account *account
	policy  sqsbatch.Policy
	log     *slog.Logger
	in      chan *lease
	done    chan struct{}
}

func newAcker(c Config, p sqsbatch.Policy, l *leases, a *account) *acker {
	return &acker{queue: c.Queue, url: c.QueueURL, policy: p, leases: l, account: a, log: c.Log, in: make(chan *lease, 4*ackBatch), done: make(chan struct{})}
}

// add queues a message for deletion. It must not be called after stop.
func (a *acker) add(le *lease) { a.in <- le }

// stop flushes what is queued and waits for it.
func (a *acker) stop() {
	close(a.in)
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
	for {
		select {
		case le, ok := <-a.in:
			if !ok {
				flush()
				return
			}
			if len(batch) == 0 {
				timer.Reset(ackWait)
			}
			if batch = append(batch, le); len(batch) == ackBatch {
				flush()
			}
		case <-timer.C:
			flush()
		}
	}
}

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
	a.account.request("sqs.delete")
	for _, err := range a.policy.DeleteAll(ctx, a.queue, a.url, handles) {
		if err != nil && !errors.Is(err, sqsbatch.ErrLeaseLost) {
			a.log.Warn("message not acked; it will come back and be acked then", "err", err)
		}
	}
}
