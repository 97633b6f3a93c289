package virtual

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // SQS's own checksum of a body
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// DefaultVisibility is the visibility timeout of a queue that names none.
const DefaultVisibility = 30 * time.Second

// maxHidden is how long after a receive a message can be hidden at most (SQS API
// reference, ChangeMessageVisibility).
const maxHidden = 12 * time.Hour

// QueueOptions say what a queue is like. The zero value is a queue as SQS makes it.
type QueueOptions struct {
	// Visibility is the queue's own timeout. Default: 30 s.
	Visibility time.Duration
	// MaxReceives is how often a message is received before it goes to the
	// dead-letter queue. Default: 0, as often as wanted.
	MaxReceives int
	// MaxInFlight is how many messages can be in flight; above, a long poll comes
	// back empty and a short one with OverLimit. Default: 120,000.
	MaxInFlight int
}

// Queue is a standard queue in memory: visibility, receive counts, delays, long
// polls, redrive. Its clock is package time's. It is safe for concurrent use.
type Queue struct {
	// Fail, if set before the first call, makes calls fail for which it returns an
	// error. Operations are "receive", "send", "delete", "visibility" and "attributes".
	Fail func(op string) error

	opt QueueOptions

	mu       sync.Mutex // protects everything below
	messages []*message
	dead     []*message
	next     int
	changed  chan struct{} // closed and replaced when a message may have become visible
	open     int
	receives int
	releases []int
}

type message struct {
	id, body   string
	attributes map[string]types.MessageAttributeValue
	spoilt     bool
	sent       time.Time
	visible    time.Time
	received   int
	receivedAt time.Time
	handle     string // of the last receive
}

// NewQueue returns a queue with one visible message per body.
func NewQueue(o QueueOptions, bodies ...string) *Queue {
	o.Visibility = cmp.Or(o.Visibility, DefaultVisibility)
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 120_000)
	q := &Queue{opt: o, changed: make(chan struct{})}
	for _, b := range bodies {
		q.Add(b, 0)
	}
	return q
}

// Add puts a message into the queue that is visible after delay, and returns its id.
func (q *Queue) Add(body string, delay time.Duration) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(&message{body: body, visible: time.Now().Add(delay)})
}

func (q *Queue) add(m *message) string {
	q.next++
	m.id, m.sent = fmt.Sprint("m", q.next), time.Now()
	q.messages = append(q.messages, m)
	q.wake()
	return m.id
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Twin makes SQS's rare second copy of a message that has been received with the
// handle: visible after delay, and to be deleted by itself.
func (q *Queue) Twin(handle string, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if m.handle == handle {
			twin := *m
			twin.handle, twin.visible = "", time.Now().Add(delay)
			q.messages = append(q.messages, &twin)
			q.wake()
			return
		}
	}
}

// Spoil makes every later receive of the message report a wrong MD5.
func (q *Queue) Spoil(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		m.spoilt = m.spoilt || m.id == id
	}
}

func (q *Queue) failing(op string) error {
	if q.Fail == nil {
		return nil
	}
	return q.Fail(op)
}

// Depth is the number of messages by their state; Hidden are those that are not
// visible now but in flight or delayed, Dead those in the dead-letter queue.
type Depth struct{ Visible, Hidden, Dead int }

// Depth counts the messages.
func (q *Queue) Depth() Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := Depth{Dead: len(q.dead)}
	for _, m := range q.messages {
		if m.visible.After(time.Now()) {
			d.Hidden++
		} else {
			d.Visible++
		}
	}
	return d
}

// Len is the number of messages that have not been deleted or given up.
func (q *Queue) Len() int {
	d := q.Depth()
	return d.Visible + d.Hidden
}

// Bodies returns the bodies of the messages in the queue, Dead those in the dead-letter queue.
func (q *Queue) Bodies() []string { return q.bodies(func() []*message { return q.messages }) }

// Dead returns the bodies of the messages in the dead-letter queue.
func (q *Queue) Dead() []string { return q.bodies(func() []*message { return q.dead }) }

func (q *Queue) bodies(of func() []*message) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for _, m := range of() {
		all = append(all, m.body)
	}
	return all
}

// Receives is the number of receives so far.
func (q *Queue) Receives() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.receives
}

// Open is the number of receives that have not ended.
func (q *Queue) Open() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.open
}

// Releases tells for each change of a visibility timeout to zero how many receives were open.
func (q *Queue) Releases() []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.releases)
}

// GetQueueAttributes implements the call of the SQS client.
func (q *Queue) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if err := q.failing("attributes"); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var visible, inFlight, delayed int
	for _, m := range q.messages {
		switch {
		case !m.visible.After(time.Now()):
			visible++
		case m.received == 0:
			delayed++
		default:
			inFlight++
		}
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{
		"VisibilityTimeout":                     strconv.Itoa(int(q.opt.Visibility / time.Second)),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
	}}, nil
}

// ReceiveMessage implements the call of the SQS client.
func (q *Queue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	q.count(+1)
	defer q.count(-1)
	if err := q.failing("receive"); err != nil {
		return nil, err
	}
	visibility := cmp.Or(time.Duration(in.VisibilityTimeout)*time.Second, q.opt.Visibility)
	deadline := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		out, wake, changed, full := q.take(int(max(1, in.MaxNumberOfMessages)), visibility)
		if full && in.WaitTimeSeconds == 0 {
			return nil, &types.OverLimit{Message: aws.String("Too many messages in flight")}
		}
		if len(out) > 0 || !time.Now().Before(deadline) {
			return &sqs.ReceiveMessageOutput{Messages: out}, nil
		}
		if wake.IsZero() || wake.After(deadline) {
			wake = deadline
		}
		t := time.NewTimer(time.Until(wake))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

func (q *Queue) count(by int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open += by
	if by > 0 {
		q.receives++
	}
}

// take receives up to n messages. wake is when the next one may become visible.
func (q *Queue) take(n int, visibility time.Duration) (out []types.Message, wake time.Time, changed chan struct{}, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	inFlight := 0
	for _, m := range q.messages {
		if m.visible.After(now) && m.received > 0 {
			inFlight++
		}
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		switch {
		case m.visible.After(now):
			if wake.IsZero() || m.visible.Before(wake) {
				wake = m.visible
			}
		case len(out) == n:
		case q.opt.MaxReceives > 0 && m.received >= q.opt.MaxReceives:
			q.dead = append(q.dead, m)
			return true
		case inFlight+len(out) >= q.opt.MaxInFlight:
			full = true
		default:
			out = append(out, m.receive(now, visibility))
		}
		return false
	})
	return out, wake, q.changed, full
}

func (m *message) receive(now time.Time, visibility time.Duration) types.Message {
	m.received++
	m.receivedAt, m.visible = now, now.Add(visibility)
	m.handle = fmt.Sprintf("%s-%d-%p", m.id, m.received, m) // a twin's differs
	sum := md5.Sum([]byte(m.body))                          //nolint:gosec // SQS's checksum
	if m.spoilt {
		sum[0]++
	}
	return types.Message{
		MessageId: aws.String(m.id), Body: aws.String(m.body), ReceiptHandle: aws.String(m.handle),
		MD5OfBody: aws.String(hex.EncodeToString(sum[:])), MessageAttributes: m.attributes,
		Attributes: map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(m.received),
			"SentTimestamp":           strconv.FormatInt(m.sent.UnixMilli(), 10),
			"SenderId":                "AIDA-test",
		},
	}
}

// SendMessageBatch implements the call of the SQS client.
func (q *Queue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if err := q.failing("send"); err != nil {
		return nil, err
	}
	out := &sqs.SendMessageBatchOutput{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		id := q.add(&message{
			body: aws.ToString(e.MessageBody), attributes: e.MessageAttributes,
			visible: time.Now().Add(time.Duration(e.DelaySeconds) * time.Second),
		})
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id, MessageId: &id})
	}
	return out, nil
}

// DeleteMessageBatch implements the call of the SQS client. Deleting with the
// handle of an earlier receive is a success that deletes nothing.
func (q *Queue) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if err := q.failing("delete"); err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.handle == *e.ReceiptHandle })
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

// ChangeMessageVisibilityBatch implements the call of the SQS client.
func (q *Queue) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if err := q.failing("visibility"); err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		if e.VisibilityTimeout == 0 {
			q.releases = append(q.releases, q.open)
		}
		if code, why := q.hide(*e.ReceiptHandle, time.Duration(e.VisibilityTimeout)*time.Second); code != "" {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: &code, SenderFault: true, Message: &why})
			continue
		}
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
	}
	q.wake()
	return out, nil
}

// hide changes a visibility timeout, or returns SQS's error.
func (q *Queue) hide(handle string, timeout time.Duration) (code, why string) {
	now := time.Now()
	i := slices.IndexFunc(q.messages, func(m *message) bool { return m.handle == handle })
	switch {
	case i < 0:
		return "ReceiptHandleIsInvalid", "The input receipt handle is invalid."
	case !q.messages[i].visible.After(now):
		return "InvalidParameterValue", "Value " + handle + " for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
	case now.Add(timeout).After(q.messages[i].receivedAt.Add(maxHidden)):
		return "InvalidParameterValue", "Value for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
	}
	q.messages[i].visible = now.Add(timeout)
	return "", ""
}
