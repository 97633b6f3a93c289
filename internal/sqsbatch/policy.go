package sqsbatch

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// Limits of SQS's batch calls (API reference, SendMessageBatch).
const (
	// MaxEntries is the most entries in one call.
	MaxEntries = 10
	// MaxBytes is the most bytes in all the bodies and attributes of one call,
	// and in one message.
	MaxBytes = 1 << 20
	// MaxDelay is the longest DelaySeconds of a message.
	MaxDelay = 15 * time.Minute
	// MaxVisibility is the longest visibility timeout.
	MaxVisibility = 12 * time.Hour
)

// Back-off before an entry's second try: a random time up to DefaultBase,
// doubling with each try up to DefaultCap. The SDK's own retries (three tries a
// call) come before; these are for what outlasts them.
const (
	DefaultBase = 50 * time.Millisecond
	DefaultCap  = 5 * time.Second
)

// Defaults of Policy.CallTimeout. A send carries up to 1 MiB, perhaps over a
// slow line that several calls share.
const (
	DefaultCallTimeout = 20 * time.Second
	DefaultSendTimeout = time.Minute
)

// Policy says how entries are grouped and tried again. The zero value is ready to use.
type Policy struct {
	// Tries is how often one entry is tried in all. Default: 0, until the context ends.
	Tries int
	// Base and Cap bound the back-off, see DefaultBase. Default: 50 ms and 5 s.
	Base, Cap time.Duration
	// CallTimeout bounds one call, the SDK's retries included: a connection that
	// has died silently is noticed by nothing else. Default: 20 s, for sends 60 s.
	CallTimeout time.Duration
	// MaxBytes is the most bytes in one call, 1..MaxBytes; lower it for servers or
	// queues with a lower limit. Default: 1 MiB.
	MaxBytes int
	// Final names further errors of a whole call after which trying again is
	// pointless for this caller. Default: none beyond what SQS calls final (no such
	// queue, no such KMS key, …). In particular a missing permission is not final: a
	// worker outlives a rotation of its credentials, but whoever waits at a
	// terminal wants to know at once and passes awserr.IsAccess.
	Final func(error) bool
	// Rand returns a random number in [0, n); tests pass their own. Default: math/rand/v2.
	Rand func(n int64) int64
}

func (p Policy) withDefaults() Policy {
	p.Base = cmp.Or(p.Base, DefaultBase)
	p.Cap = cmp.Or(p.Cap, DefaultCap)
	p.CallTimeout = cmp.Or(p.CallTimeout, DefaultCallTimeout)
	if p.MaxBytes <= 0 || p.MaxBytes > MaxBytes {
		p.MaxBytes = MaxBytes
	}
	if p.Rand == nil {
		p.Rand = rand.Int64N
	}
	return p
}

// pause waits before try number n+1, n ≥ 1. Full jitter: with a fixed or half
// random wait, clients that failed together come back together.
func (p Policy) pause(ctx context.Context, n int) error {
	ceiling := p.Cap
	if shift := n - 1; shift < 30 && p.Base<<shift < p.Cap {
		ceiling = p.Base << shift
	}
	timer := time.NewTimer(time.Duration(p.Rand(int64(ceiling) + 1)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
