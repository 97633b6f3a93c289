package burst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/store"
)

// Loose is a task without a job.
type Loose struct {
	// Handler that runs it. Required.
	Handler string
	// Argument is one msgpack value. Default: nil, the value nil.
	Argument msgpack.RawMessage
	// ID finds its result, and makes it run once however often it is sent. Default: a new one.
	ID string
	// Deadline is when running it stops making sense. Default: never.
	Deadline time.Time
}

// msgpackNil is the argument of a task without one.
const msgpackNil = 0xc0

// Enqueue sends a task without a job and returns its id. An id whose result is kept is refused: it is used up.
func (s *Session) Enqueue(ctx context.Context, l Loose) (id string, err error) {
	if err := s.checkHandler(ctx, l.Handler); err != nil {
		return "", err
	}
	if l.Argument == nil {
		l.Argument = msgpack.RawMessage{msgpackNil}
	}
	if l.ID == "" {
		l.ID = uuid.NewString()
	} else if err := s.unused(ctx, l.ID); err != nil {
		return "", err
	}
	ctx, trace, traced := s.traced(ctx, Sending{Handler: l.Handler, ID: l.ID, Tasks: 1})
	defer func() { traced(err) }()
	body, err := codec.Encode(&codec.Message{Handler: l.Handler, Args: []msgpack.RawMessage{l.Argument}, ID: l.ID, Attempt: 1, Deadline: l.Deadline, Trace: trace})
	if err != nil {
		return "", exit.Errorf(exit.Usage, "the task cannot be sent: %w", err)
	}
	if limit := cmp.Or(s.stack.MaxMessage, codec.MaxBody); len(body) > limit {
		return "", exit.Errorf(exit.Usage, "the task has %d bytes as a message, the queue takes %d", len(body), limit).
			WithHint("a job can have larger arguments: starburst enqueue --job NAME, starburst submit")
	}
	errs := sqsbatch.SendAll(ctx, s.clients.SQS, s.stack.QueueURL, []sqsbatch.Entry{{Body: body, Trace: trace}})
	if err := errors.Join(errs...); err != nil {
		return "", fmt.Errorf("send task %s: %w", l.ID, err)
	}
	return l.ID, nil
}

// unused refuses an id that has a result already: a second one would not be recorded.
func (s *Session) unused(ctx context.Context, id string) error {
	_, _, err := s.store.LooseOutcomes(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return exit.Errorf(exit.Usage, "there is a result under the id %q already, and no second one would be kept", id).
		WithHint("starburst results --id %s shows it; for another task, choose another id", id)
}
