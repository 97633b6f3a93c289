package consumer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// maxLease is how long a message can stay invisible in all, counted from its
// receive; extending does not start it anew (SQS API reference, ChangeMessageVisibility).
const maxLease = 12 * time.Hour

// leaseMargin is kept free below maxLease, since asking for more than what is
// left is an error and not a clamp.
const leaseMargin = 5 * time.Second

// lease is the right to work on one received message until it expires.
type lease struct {
	handle   string
	received time.Time
	// ctx ends with cause ErrLeaseLost when the lease is lost, or with another
	// cause when the worker has to stop.
	ctx    context.Context //nolint:containedctx // its end is the lease's
	cancel context.CancelCauseFunc

	// expires is protected by leases.mu.
	expires time.Time
}

// leases is the ledger of all messages this worker holds, from the moment they
// arrive, buffered ones included. One ticker extends them all in batches.
type leases struct {
	queue      Queue
	url        string
	visibility time.Duration
	policy     sqsbatch.Policy
	onLost     func(*lease)
	onBeat     func(extended, failed, lost int) // nil when nobody is to be told

	mu   sync.Mutex // protects held and the leases' expires
	held map[string]*lease
}

func newLeases(c Config, p sqsbatch.Policy, onLost func(*lease)) *leases {
	return &leases{queue: c.Queue, url: c.QueueURL, visibility: c.Visibility, policy: p, onLost: onLost, onBeat: c.Beats, held: map[string]*lease{}}
}

// track starts the lease of a message received by a call that began at asked;
// counting from the call's start errs on the safe side.
func (l *leases) track(ctx context.Context, handle string, asked time.Time) *lease {
	le := &lease{handle: handle, received: asked, expires: asked.Add(l.visibility)}
	le.ctx, le.cancel = context.WithCancelCause(ctx)
	l.mu.Lock()
	l.held[handle] = le
	l.mu.Unlock()
	return le
}

// leave takes the lease out of the ledger, so that no late heartbeat overwrites
// the ack or back-off that follows. It reports whether the lease was still held.
func (l *leases) leave(le *lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[le.handle] != le {
		return false
	}
	delete(l.held, le.handle)
	return time.Now().Before(le.expires)
}

// end gives when the lease expires unless it is extended.
func (l *leases) end(le *lease) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return le.expires
}

func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

// run extends all held leases at a third of the visibility timeout until ctx ends.
func (l *leases) run(ctx context.Context) {
	t := time.NewTicker(l.visibility / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.beat(ctx)
		}
	}
}

// beat extends every held lease once. A lease that the queue says is gone, or
// that has expired unextended, is lost: its context ends and it can no longer be acked.
func (l *leases) beat(ctx context.Context) {
	now := time.Now()
	due, asks := l.due(now)
	if len(due) == 0 {
		return
	}
	// The call must not outlive the leases it extends.
	ctx, cancel := context.WithTimeout(ctx, l.visibility/3)
	defer cancel()
	errs := l.policy.ChangeVisibilityAll(ctx, l.queue, l.url, asks)
	l.mu.Lock()
	var lost []*lease
	extended, failed := 0, 0
	for i, le := range due {
		if l.held[le.handle] != le {
			continue // acked or released meanwhile
		}
		switch {
		case errs[i] == nil:
			le.expires = now.Add(asks[i].Timeout)
			extended++
		case errors.Is(errs[i], sqsbatch.ErrLeaseLost) || time.Now().After(le.expires):
			delete(l.held, le.handle)
			lost = append(lost, le)
		default:
			failed++
		}
	}
	l.mu.Unlock()
	for _, le := range lost {
		le.cancel(ErrLeaseLost)
		l.onLost(le)
	}
	if l.onBeat != nil {
		l.onBeat(extended, failed, len(lost))
	}
}

// due lists the held leases with the visibility to ask for. A lease at its
// 12-hour end asks for nothing and runs out.
func (l *leases) due(now time.Time) ([]*lease, []sqsbatch.Visibility) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []*lease
	var asks []sqsbatch.Visibility
	for _, le := range l.inOrder() {
		timeout := min(l.visibility, le.received.Add(maxLease-leaseMargin).Sub(now)).Truncate(time.Second)
		if timeout <= 0 {
			continue
		}
		due = append(due, le)
		asks = append(asks, sqsbatch.Visibility{Handle: le.handle, Timeout: timeout})
	}
	return due, asks
}

// inOrder lists the held leases, oldest first. Callers hold mu.
func (l *leases) inOrder() []*lease {
	return slices.SortedFunc(maps.Values(l.held), func(a, b *lease) int {
		return cmp.Or(a.received.Compare(b.received), cmp.Compare(a.handle, b.handle))
	})
}
