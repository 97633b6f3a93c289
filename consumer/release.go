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
	w.releaseAll([]goingBack{{d.lease, wait}})
}

// goingBack is a message on its way back to the queue, to be visible after wait.
type goingBack struct {
	*lease
	wait time.Duration
}

// maxPutBack is the longest time for which a message is put back. With it, and the
// 20 receives after which a queue of ours gives a message up, the table can be
// out of order for half an hour before the first message is lost to
// the dead-letter queue.
const maxPutBack = 5 * time.Minute

// putBack releases a message that could not be dealt with for want of the table
// or the queue, for longer each time it comes: every receive counts towards the
// dead-letter queue, whose place is not among the victims of an outage.
func (w *Worker) putBack(d *delivery) { w.release(d, w.putBackWait(d)) }

// putBackWait doubles with each receive, with jitter.
func (w *Worker) putBackWait(d *delivery) time.Duration {
	ceil := min(maxPutBack, w.cfg.RetryBase<<min(max(d.receiveCount-1, 0), 20))
	return ceil/2 + time.Duration(w.random(int64(ceil/2)+1))
}

func (w *Worker) releaseAll(all []goingBack) {
	var asks []sqsbatch.Visibility
	for _, b := range all {
		held := w.leases.leave(b.lease)
		b.cancel(ErrStopping)
		if held {
			asks = append(asks, sqsbatch.Visibility{Handle: b.handle, Timeout: b.wait.Round(time.Second)})
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
func (w *Worker) releaseUnstarted(wait func(*delivery) time.Duration) int {
	var all []goingBack
	for _, d := range w.desk.clear() {
		all = append(all, goingBack{d.lease, wait(d)})
	}
	w.releaseAll(all)
	return len(all)
}

// inTouch reports whether the leader has lately been able to hear of this worker, and the worker of it.
func (w *Worker) inTouch() bool {
	since := time.Now().Add(-w.cfg.OutOfTouch)
	return w.jobs.heard().After(since) && time.UnixMilli(w.ledgers.Load()).After(since)
}

// handsEmpty gives back what a released worker has not started, and reports whether it holds nothing any more.
func (w *Worker) handsEmpty() bool {
	w.releaseUnstarted(atOnce)
	return w.leases.count() == 0
}

// atOnce is no wait.
func atOnce(*delivery) time.Duration { return 0 }

// releaseHeld gives back whatever is still held, such as the messages of
// handlers that ignored their end, and the notes that could not be taken back.
func (w *Worker) releaseHeld() {
	w.leases.mu.Lock()
	var all []goingBack
	for _, le := range w.leases.inOrder() {
		all = append(all, goingBack{lease: le})
	}
	w.leases.mu.Unlock()
	w.releaseAll(all)
	w.takeBackOwed(context.WithoutCancel(w.base))
}
