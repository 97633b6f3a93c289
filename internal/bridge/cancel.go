package bridge

import (
	"context"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// cancel takes tasks back. One that is not sent yet is never run. A job ends when all that is left of it is
// cancelled; until then a task that shares it with others may still run, for nothing.
func (b *bridge) cancel(ctx context.Context, ids []int64) {
	for _, id := range ids {
		if b.takeBack(ctx, id) {
			b.out.outcome(failed(id, failCancelled, "it was cancelled"))
		}
	}
}

// takeBack reports whether the task was open.
func (b *bridge) takeBack(ctx context.Context, id int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gather.drop(id) {
		return true
	}
	r, open := b.tasks[id]
	if !open {
		return false
	}
	delete(b.tasks, id)
	if r == nil {
		b.dropped[id] = true
		return true
	}
	for i, other := range r.ids {
		if other == id {
			r.drop(i)
		}
	}
	b.cancelIdle(ctx, r)
	return true
}

// cancelIdle ends a job of which nothing is wanted any more. The caller holds mu.
func (b *bridge) cancelIdle(ctx context.Context, r *running) {
	if r.left > 0 {
		return
	}
	r.end()
	b.work.Go(func() {
		// A job that was done a moment before is no news.
		if _, err := b.Session.Cancel(ctx, r.job.ID); err != nil && exit.CodeOf(err) != exit.Usage && ctx.Err() == nil {
			b.note("job " + r.job.ID + " may go on: " + err.Error())
		}
	})
}

// endTimeout bounds the end: workers hear of a cancellation within ten seconds.
const endTimeout = 15 * time.Second

// end cancels what is left when the caller has gone.
func (b *bridge) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, id := range b.unsettled() {
		all.Go(func() {
			if b.Abandon {
				_ = b.Session.Store().Finish(ctx, id, store.Cancelled, time.Now()) // the state goes with the session
				return
			}
			_, _ = b.Session.Cancel(ctx, id) // there is nobody left to tell
		})
	}
	all.Wait()
}

func (b *bridge) unsettled() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, r := range b.jobs {
		if r.left > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
