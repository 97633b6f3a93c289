package consumer

import (
	"context"
	"time"
)

// bufferWait is how long a message that was received ahead may wait for a slot. What
// is held back by it is meant to be run within Config.PrefetchWork; a task
// that takes twenty times as long as its default was not foreseen.
const bufferWait = 2 * time.Second

// watchBuffer gives messages that were received ahead back to the queue when no
// slot has become free for bufferWait: behind a long task they would wait for its end, hidden from
// workers that have nothing to do.
func (w *Worker) watchBuffer(ctx context.Context) {
	w.taken.Store(time.Now().UnixMilli())
	for sleep(ctx, bufferWait/2) {
		if w.desk.backlog() == 0 || time.Since(time.UnixMilli(w.taken.Load())) < bufferWait {
			continue
		}
		w.credits.setPrefetch(0) // the next poll must not take them right back,
		w.credits.give(w.releaseUnstarted(w.bufferBack))
	}
}

// bufferBack is for how long the message is hidden from polls of ours that are
// still open. There may be eight of them, and no other worker that takes it; so
// it is longer each time, lest the message wears out by being handed round.
func (w *Worker) bufferBack(d *delivery) time.Duration { return max(w.cfg.BusyWait, w.putBackWait(d)) }
