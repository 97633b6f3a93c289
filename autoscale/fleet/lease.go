package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/store"
)

// Leases is the part of the store that knows who leads; *store.Store has it.
type Leases interface {
	AcquireLease(ctx context.Context, fleet, owner string, ttl time.Duration, now time.Time) (store.Lease, bool, error)
	RenewLease(ctx context.Context, l store.Lease, ttl time.Duration, now time.Time) (store.Lease, bool, error)
	ReleaseLease(ctx context.Context, l store.Lease) error
}

// DefaultLeaseTTL is how long a leader may be silent. With standbys looking every
// 10 s a dead leader is replaced within 30 s.
const DefaultLeaseTTL = 20 * time.Second

// Lease is the fleet's leadership, held or not.
type Lease struct {
	store        Leases
	fleet, owner string
	ttl          time.Duration
	lost         func() // called when the lease is not held, or its holder may have been another meanwhile

	mu   sync.Mutex // protects held and have
	held bool
	have store.Lease // as last written, while held
}

var _ autoscale.Lease = (*Lease)(nil)

// Hold acquires the lease, or renews it once a third of its time is over.
func (l *Lease) Hold(ctx context.Context, now time.Time) (time.Time, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.have.Expires.Sub(now)
	if l.held && left > l.ttl*2/3 && left <= l.ttl {
		return l.have.Expires, true, nil
	}
	var err error
	if l.held {
		l.have, l.held, err = l.store.RenewLease(ctx, l.have, l.ttl, now)
	} else {
		l.lost()
		l.have, l.held, err = l.store.AcquireLease(ctx, l.fleet, l.owner, l.ttl, now)
	}
	if err != nil {
		// The request may have been carried out. Acquiring again finds out: what is ours is given to us.
		l.held = false
		return time.Time{}, false, err
	}
	return l.have.Expires, l.held, nil
}

// Release gives the lease up if it is held.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		return nil
	}
	l.held = false
	return l.store.ReleaseLease(ctx, l.have)
}
