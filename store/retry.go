package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/awserr"
)

// Waits between attempts: full jitter below a cap that doubles from backoffMin to backoffMax.
// They come on top of the SDK's own (3 attempts within about a second).
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 5 * time.Second
)

// stubborn is PutResult's policy: a result that has cost minutes of computing
// is not dropped because a table is throttled or unreachable; the caller's
// context is the only limit. Credentials that have expired may be refreshed, too.
func (s *Store) stubborn(ctx context.Context, op string, call func() error) error {
	return s.retry(ctx, op, call, func(err error, _ time.Time) bool {
		return awserr.IsTransient(err) || awserr.IsExpired(err)
	})
}

// patient is the policy of all other calls: throttling passes if one waits,
// but somebody who asks a table that cannot be reached wants to hear so.
func (s *Store) patient(ctx context.Context, op string, call func() error) error {
	return s.retry(ctx, op, call, func(err error, since time.Time) bool {
		return awserr.IsThrottle(err) || awserr.IsTransient(err) && time.Since(since) < s.patience
	})
}

// retry repeats call until it succeeds, again says no, or ctx ends. The error
// of a context that ended carries the last failure, which is why it took so long.
func (s *Store) retry(ctx context.Context, op string, call func() error, again func(err error, since time.Time) bool) error {
	since, limit := time.Now(), backoffMin
	for {
		err := call()
		if err == nil {
			return nil
		}
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
			return fmt.Errorf("%s: table %q does not exist; `starburst init --create` makes it: %w", op, *s.table, errors.Join(ErrNotFound, err))
		}
		if ctx.Err() != nil || !again(err, since) {
			return fmt.Errorf("%s: %w", op, err)
		}
		if !sleep(ctx, time.Duration(s.rand()*float64(limit))) {
			return fmt.Errorf("%s: gave up (%w) after: %w", op, context.Cause(ctx), err)
		}
		limit = min(2*limit, backoffMax)
	}
}

// sleep waits for d and reports whether it did; false means that ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
