package sqs

import (
	"context"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// handleInput is DeleteMessage's and ChangeMessageVisibility's input and, with an
// Id, an entry of their batches.
type handleInput struct {
	ID                string  `json:"Id"`
	QueueURL          string  `json:"QueueUrl"`
	ReceiptHandle     *string `json:"ReceiptHandle"`
	VisibilityTimeout *int64  `json:"VisibilityTimeout"`
}

type handleBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []handleInput
}

// parse returns what the handle says, if it is one of this queue.
func (in *handleInput) parse(q *queue) (receipt, error) {
	if in.ReceiptHandle == nil {
		return receipt{}, missingParameter("ReceiptHandle")
	}
	r, ok := parseReceipt(*in.ReceiptHandle)
	if !ok || r.queue != q.id {
		return receipt{}, receiptHandleIsInvalid(*in.ReceiptHandle)
	}
	return r, nil
}

// find returns the message of a handle, or nil, and whether the handle is that
// of its last receive. The caller holds mu.
func (q *queue) find(r receipt) (m *message, current bool) {
	m = q.messages[r.message]
	if m == nil {
		return nil, false
	}
	if r.receives > m.receives {
		// This receive was not written before the endpoint was killed; the
		// client knows better than the row.
		m.receives = r.receives
		q.mark(m)
	}
	return m, r.receives == m.receives
}

// discard takes the message of a handle out of the index, if the handle may
// delete it. Deleting twice succeeds; so does deleting with the handle of an
// earlier receive, without an effect (developer guide, "DeleteMessage"). A FIFO
// queue refuses a handle whose time has passed.
func (q *queue) discard(in *handleInput) (*message, error) {
	r, err := in.parse(q)
	if err != nil {
		return nil, err
	}
	m, current := q.find(r)
	if m == nil {
		return nil, nil
	}
	if q.ready.fifo && (!current || m.state != inFlight) {
		return nil, invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", *in.ReceiptHandle)
	}
	if !current {
		return nil, nil
	}
	q.remove(m)
	return m, nil
}

// commitDeletes deletes the rows of discarded messages, or puts them back.
func (s *Service) commitDeletes(ctx context.Context, q *queue, discarded []*message) error {
	if len(discarded) == 0 {
		return nil
	}
	rows := deletions(discarded)
	err := s.update(ctx, func(tx *db.Tx) error { return deleteMessages(tx, rows) })
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range discarded {
		q.add(m, now())
	}
	return fmt.Errorf("delete %d messages of %s: %w", len(discarded), q.arn, err)
}

func (s *Service) deleteMessage(ctx context.Context, _ *awsjson.Request, in *handleInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	s.drop(q.advance(now()))
	m, err := q.discard(in)
	q.wake()
	q.mu.Unlock()
	if err != nil || m == nil {
		return nil, err
	}
	return nil, s.commitDeletes(ctx, q, []*message{m})
}

func (s *Service) deleteMessageBatch(ctx context.Context, _ *awsjson.Request, in *handleBatchInput) (*batchResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(len(in.Entries), func(i int) string { return in.Entries[i].ID }); err != nil {
		return nil, err
	}
	out := &batchResult{done: make([]string, 0, len(in.Entries))}
	discarded := make([]*message, 0, len(in.Entries))
	q.mu.Lock()
	s.drop(q.advance(now()))
	for i := range in.Entries {
		e := &in.Entries[i]
		m, err := q.discard(e)
		switch {
		case err != nil:
			out.failed = append(out.failed, failed(e.ID, err))
			continue
		case m != nil:
			discarded = append(discarded, m)
		}
		out.done = append(out.done, e.ID)
	}
	q.wake() // a FIFO group may be free, or the limit in flight left
	q.mu.Unlock()
	if err := s.commitDeletes(ctx, q, discarded); err != nil {
		return nil, err
	}
	return out, nil
}

// changeVisibility applies one change. The caller holds mu and has called advance.
func (q *queue) changeVisibility(in *handleInput, at int64) error {
	r, err := in.parse(q)
	if err != nil {
		return err
	}
	if in.VisibilityTimeout == nil {
		return missingParameter("VisibilityTimeout")
	}
	seconds, err := within("VisibilityTimeout", in.VisibilityTimeout, 0, int64(maxVisibility/time.Second), 0)
	if err != nil {
		return err
	}
	m, current := q.find(r)
	if m == nil || !current {
		return invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", *in.ReceiptHandle)
	}
	if m.state != inFlight {
		return coded("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message referred to by the receipt handle is not in flight.")
	}
	// The total is counted from the receive, and asking for more than is left is
	// an error, not cut short.
	until := at + seconds*1000
	if until > m.received+maxVisibility.Milliseconds() {
		return invalidParameter("Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [%d seconds].", seconds, int64(maxVisibility/time.Second))
	}
	q.hide(m, until, at)
	return nil
}

func (s *Service) changeMessageVisibility(_ context.Context, _ *awsjson.Request, in *handleInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	at := now()
	s.drop(q.advance(at))
	err = q.changeVisibility(in, at)
	s.flush(q)
	q.wake()
	q.arm(at)
	return nil, err
}

func (s *Service) changeMessageVisibilityBatch(_ context.Context, _ *awsjson.Request, in *handleBatchInput) (*batchResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(len(in.Entries), func(i int) string { return in.Entries[i].ID }); err != nil {
		return nil, err
	}
	out := &batchResult{done: make([]string, 0, len(in.Entries))}
	q.mu.Lock()
	defer q.mu.Unlock()
	at := now()
	s.drop(q.advance(at))
	for i := range in.Entries {
		e := &in.Entries[i]
		if err := q.changeVisibility(e, at); err != nil {
			out.failed = append(out.failed, failed(e.ID, err))
		} else {
			out.done = append(out.done, e.ID)
		}
	}
	s.flush(q)
	q.wake()
	q.arm(at)
	return out, nil
}
