package sqs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// receiveInput is ReceiveMessage's.
type receiveInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int64
	VisibilityTimeout           *int64
	WaitTimeSeconds             *int64
	ReceiveRequestAttemptID     *string `json:"ReceiveRequestAttemptId"`
}

// within checks an optional number of seconds or messages.
func within(name string, value *int64, from, to, fallback int64) (int64, error) {
	if value == nil {
		return fallback, nil
	}
	if *value < from || *value > to {
		return 0, invalidParameter("Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *value, name, from, to)
	}
	return *value, nil
}

func (s *Service) receiveMessage(ctx context.Context, _ *awsjson.Request, in *receiveInput) (*receiveResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	set := q.snapshot()
	limit, err := within("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, maxBatchEntries, 1)
	if err != nil {
		return nil, err
	}
	visibility, err := within("VisibilityTimeout", in.VisibilityTimeout, 0, int64(maxVisibility/time.Second), set.visibility/1000)
	if err != nil {
		return nil, err
	}
	wait, err := within("WaitTimeSeconds", in.WaitTimeSeconds, 0, int64(maxWait/time.Second), int64(set.wait/time.Second))
	if err != nil {
		return nil, err
	}
	if in.ReceiveRequestAttemptID != nil && (!set.fifo || !isToken(*in.ReceiveRequestAttemptID)) {
		return nil, invalidParameter("Value %s for parameter ReceiveRequestAttemptId is invalid. Reason: it is 1 to 128 alphanumeric and punctuation characters, on a FIFO queue.", *in.ReceiveRequestAttemptID)
	}
	messages, err := s.receive(ctx, q, &set, int(limit), visibility*1000, time.Duration(wait)*time.Second)
	if err != nil {
		return nil, err
	}
	total := 0
	for i := range messages {
		total += int(messages[i].size)
	}
	s.carried(total)
	s.watch(ctx, q, messages)
	return &receiveResult{
		queue: q.id, account: s.opts.Account, messages: messages,
		system: append(in.MessageSystemAttributeNames, in.AttributeNames...),
		user:   in.MessageAttributeNames,
	}, nil
}

// receive takes messages and reads the bodies that are not in memory.
func (s *Service) receive(ctx context.Context, q *queue, set *settings, limit int, visibility int64, wait time.Duration) ([]message, error) {
	wait, hurry := s.patience(wait)
	p := poll{limit: limit, visibility: visibility, hurry: hurry, closing: s.ctx.Done()}
	var dead *queue
	if set.redrive != nil {
		dead = s.queueByARN(set.redrive.Target)
	}
	p.redrive = dead != nil
	for started := time.Now(); ; {
		p.wait = wait - time.Since(started)
		t, expired, deleted := q.receive(ctx, p)
		s.drop(expired)
		if len(t.redriven) > 0 {
			s.redrive(q, dead, t.redriven)
		}
		if deleted {
			return nil, queueDoesNotExist()
		}
		if len(t.delivered) > 0 {
			return s.withBodies(ctx, q, t.delivered)
		}
		if t.full && wait == 0 {
			// "OverLimit": only for a short poll (developer guide, "Short and long polling").
			return nil, coded("OverLimit", "OverLimit", "Too many messages in flight: %d.", maxInFlight)
		}
		if len(t.redriven) == 0 || ctx.Err() != nil {
			return nil, nil //nolint:nilerr // a client that has gone is told nothing
		}
	}
}

// withBodies schedules the rows' update and completes the messages.
func (s *Service) withBodies(ctx context.Context, q *queue, messages []message) ([]message, error) {
	q.mu.Lock()
	s.flush(q)
	q.mu.Unlock()
	complete := messages[:0]
	for _, m := range messages {
		if m.stored {
			body, err := readBody(ctx, s.db, m.id)
			if errors.Is(err, errNoBody) {
				continue
			}
			if err != nil {
				s.giveBack(q, claimsOf(messages))
				return nil, fmt.Errorf("read the body of message %d of %s: %w", m.id, q.arn, err)
			}
			m.body = body
		}
		complete = append(complete, m)
	}
	return complete, nil
}

// redrive moves messages that were received too often to the dead-letter queue.
// They keep their MessageId and, in a standard queue, the time they were sent;
// a FIFO queue counts their retention anew (developer guide, "Dead-letter queues").
func (s *Service) redrive(from, to *queue, messages []*message) {
	at := now()
	rows := make([]redrive, 0, len(messages))
	for _, m := range messages {
		x := extra{}
		if m.extra != nil {
			x = *m.extra
		}
		x.Source = from.arn
		m.extra, m.earlier, m.visibleAt = &x, m.receives, at
		if from.ready.fifo {
			m.sent = at
		}
		row, err := newRedrive(to.id, m)
		if err != nil {
			s.opts.Log.Error("redrive", "queue", from.arn, "message", m.id, "err", err)
			continue
		}
		rows = append(rows, row)
	}
	s.db.Queue(func(tx *db.Tx) error {
		for _, r := range rows {
			if err := writeRedrive(tx, r); err != nil {
				return fmt.Errorf("move messages to %s: %w", to.arn, err)
			}
		}
		return nil
	})
	to.mu.Lock()
	defer to.mu.Unlock()
	for _, m := range messages {
		to.add(m, at)
	}
	to.wake()
}
