package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// loosePollEvery is how often `results --id --wait` looks.
const loosePollEvery = time.Second

// lookForRefusal is after how many looks for a result one for a refusal follows.
const lookForRefusal = 3

// looseResults prints the results of the tasks that were put straight onto the
// queue under an id, without a job.
func looseResults(ctx context.Context, c *cli.Context, s *burst.Session, id string) error {
	settled, pending, err := s.Store().LooseOutcomes(ctx, id)
	for tries := 1; pending > 0 || errors.Is(err, store.ErrNotFound); tries++ {
		if tries%lookForRefusal == 1 {
			if b, found, err := refused(ctx, s.Store(), id, time.Now()); found || err != nil {
				return cmp.Or(err, error(exit.Errorf(exit.Failed, "the message %s was refused: %s: %s", id, b.Reason, b.Detail).WithHint("starburst dlq ls")))
			}
		}
		if !c.Bool("wait") {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(loosePollEvery):
		}
		settled, pending, err = s.Store().LooseOutcomes(ctx, id)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return exit.Errorf(exit.Pending, "%w", err).WithHint("starburst results --wait --id %s; when nothing comes, the id may be misspelt: without an \"id\" in the message it is the MessageId that SQS returned", id)
	case err != nil:
		return err
	}
	var seen int
	results := filter(each(settled), c.Bool("failed"), &seen)
	n, err := printResults(c.App.Writer, c.String("output"), noteFailures(c, c.App.ErrWriter, results))
	switch {
	case err != nil:
		return err
	case pending > 0:
		return exit.Errorf(exit.Pending, "%d of %d tasks under id %s have no result yet", pending, pending+len(settled), id).WithHint("starburst results --wait --id %s", id)
	case n.failed > 0:
		return exit.Errorf(exit.TasksFail, "%d of %d tasks under id %s failed", n.failed, len(settled), id)
	}
	return nil
}

func each(settled []store.Settled) iter.Seq2[store.Settled, error] {
	return func(yield func(store.Settled, error) bool) {
		for _, s := range settled {
			if !yield(s, nil) {
				return
			}
		}
	}
}
