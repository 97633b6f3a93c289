package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/store"
)

// refusedFor is how long a message that no worker understands is tried again before
// the queue moves it to the dead-letter queue: 20 receives, with waits that double up to a minute.
const refusedFor = 30 * time.Minute

// shownRefused bounds the messages that are named one by one.
const shownRefused = 10

// badMessages is the part of the store that keeps why messages were refused.
type badMessages interface {
	Bad(ctx context.Context, day time.Time) iter.Seq2[store.BadMessage, error]
}

// tellRefused names the messages that workers have refused lately and that are not in
// the dead-letter queue yet.
func tellRefused(ctx context.Context, w io.Writer, t badMessages, dead []dlq.Message, now time.Time) error {
	n := 0
	days := []time.Time{now.UTC()}
	if before := now.UTC().Add(-refusedFor); before.Day() != now.UTC().Day() {
		days = append(days, before)
	}
	for _, day := range days {
		for b, err := range t.Bad(ctx, day) {
			if err != nil {
				return err
			}
			if now.Sub(b.Seen) > refusedFor || slices.ContainsFunc(dead, func(m dlq.Message) bool { return m.ID == b.MessageID }) {
				continue
			}
			if n++; n <= shownRefused {
				_, _ = fmt.Fprintf(w, "refused, and tried again until it is moved here: %s  %s: %s\n", b.MessageID, b.Reason, oneLine(b.Detail))
			}
		}
	}
	if n > shownRefused {
		_, _ = fmt.Fprintf(w, "and %d more\n", n-shownRefused)
	}
	return nil
}

// refused looks for the reason why a message was refused that was sent within the last days.
func refused(ctx context.Context, s *store.Store, id string, now time.Time) (b store.BadMessage, found bool, err error) {
	for day := 0; day < 4 && !found && err == nil; day++ { // a queue of ours keeps a message for four days
		b, found, err = s.BadMessage(ctx, id, now.UTC().AddDate(0, 0, -day))
	}
	return b, found, err
}
