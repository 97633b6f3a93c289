package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// release gives a message back to the queue, to be visible after wait.
func (w *Worker) release(d *delivery, wait time.Duration) {
	w.takeBackStart(d)
	w.releaseAll([]*lease{d.lease}, wait)
}

// maxPutBack is the longest time for which a message is put back. With it, and the
// 20 receives after which a queue of ours gives a message up, the table can be
// out of order for half an hour before the first message is lost to
// the dead-letter queue.
const maxPutBack = 5 * time.Minute

// putBack releases a message that could not be dealt with for want of the table
// or the queue, for longer each time it comes: every receive counts towards the
// dead-letter queue, whose place is not among the victims of an outage.
func (w *Worker) putBack(d *delivery) {
	ceil := min(maxPutBack, w.cfg.RetryBase<<min(max(d.receiveCount-1, 0), 20))
	w.release(d, ceil/2+time.Duration(w.random(int64(ceil/2)+1)))
}

func (w *Worker) releaseAll(ls []*lease, wait time.Duration) {
	var asks []sqsbatch.Visibility
	for _, le := range ls {
		held := w.leases.leave(le)
		le.cancel(ErrStopping)
		if held {
			asks = append(asks, sqsbatch.Visibility{Handle: le.handle, Timeout: wait.Round(time.Second)})
		}
	}
	if len(asks) == 0 {
		return
	}
	// Worth a few tries only: an unreleased message comes back when its lease ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.base), 5*time.Second)
	defer cancel()
	for _, err := range w.policy().ChangeVisibilityAll(ctx, w.cfg.Queue, w.cfg.QueueURL, asks) {
		if err != nil && !errors.Is(err, sqsbatch.ErrLeaseLost) {
			w.cfg.Log.WarnContext(ctx, "message not released; it comes back when its lease ends", "err", err)
		}
	}
}

// releaseUnstarted gives back what no slot has taken, to be visible after wait, and
// returns how many messages that were. No poll of ours may then be open that could
// take them right back (kombu#1835).
func (w *Worker) releaseUnstarted(wait time.Duration) int {
	var ls []*lease
	for {
		select {
		case d := <-w.ready:
			ls = append(ls, d.lease)
		default:
			w.releaseAll(ls, wait)
			return len(ls)
		}
	}
}

// releaseHeld gives back whatever is still held, such as the messages of
// handlers that ignored their end.
func (w *Worker) releaseHeld() {
	w.leases.mu.Lock()
	ls := w.leases.inOrder()
	w.leases.mu.Unlock()
	w.releaseAll(ls, 0)
}
