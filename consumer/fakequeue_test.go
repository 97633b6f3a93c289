package consumer

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// fakeQueue is a standard queue in memory: visibility, receive counts, delays,
// long polls. Its clock is package time's, so that testing/synctest drives it.
type fakeQueue struct {
	mu       sync.Mutex // protects everything below
	messages []*fakeMessage
	next     int
	changed  chan struct{}
	// open counts receives under way; receives all of them.
	open, receives int
	// fail makes each call of an operation fail while it returns an error.
	fail func(op string) error
	// releases notes for each ChangeMessageVisibility to zero how many receives were open.
	releases []int
}

type fakeMessage struct {
	id, body string
	badMD5   bool
	sentAt   time.Time
	visible  time.Time
	received int
	handle   string
}

func newFakeQueue(bodies ...string) *fakeQueue {
	q := &fakeQueue{changed: make(chan struct{})}
	for _, b := range bodies {
		q.add(b, 0)
	}
	return q
}

func (q *fakeQueue) add(body string, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	q.messages = append(q.messages, &fakeMessage{
		id: fmt.Sprint("m", q.next), body: body, sentAt: time.Now(), visible: time.Now().Add(delay),
	})
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *fakeQueue) failing(op string) error {
	q.mu.Lock()
	f := q.fail
	q.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(op)
}

func (q *fakeQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

func (q *fakeQueue) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if err := q.failing("attributes"); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	visible := 0
	for _, m := range q.messages {
		if !m.visible.After(time.Now()) {
			visible++
		}
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": "30", "ApproximateNumberOfMessages": strconv.Itoa(visible)}}, nil
}

func (q *fakeQueue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	q.count(+1)
	defer q.count(-1)
	if err := q.failing("receive"); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		out, wake, changed := q.take(int(in.MaxNumberOfMessages), time.Duration(in.VisibilityTimeout)*time.Second)
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

func (q *fakeQueue) count(by int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open += by
	if by > 0 {
		q.receives++
	}
}

func (q *fakeQueue) take(n int, visibility time.Duration) (out []types.Message, wake time.Time, changed chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, m := range q.messages {
		if m.visible.After(now) {
			if wake.IsZero() || m.visible.Before(wake) {
				wake = m.visible
			}
			continue
		}
		if len(out) == n {
			break
		}
		m.received++
		m.visible = now.Add(visibility)
		m.handle = fmt.Sprintf("%s-%d", m.id, m.received)
		sum := md5.Sum([]byte(m.body))
		if m.badMD5 {
			sum[0]++
		}
		out = append(out, types.Message{
			MessageId: aws.String(m.id), Body: aws.String(m.body), ReceiptHandle: aws.String(m.handle),
			MD5OfBody: aws.String(hex.EncodeToString(sum[:])),
			Attributes: map[string]string{
				"ApproximateReceiveCount": strconv.Itoa(m.received),
				"SentTimestamp":           strconv.FormatInt(m.sentAt.UnixMilli(), 10),
				"SenderId":                "AIDA-test",
			},
		})
	}
	return out, wake, q.changed
}

func (q *fakeQueue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if err := q.failing("send"); err != nil {
		return nil, err
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		q.add(*e.MessageBody, time.Duration(e.DelaySeconds)*time.Second)
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (q *fakeQueue) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if err := q.failing("delete"); err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		for i, m := range q.messages {
			if m.handle == *e.ReceiptHandle {
				q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
				break
			}
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (q *fakeQueue) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
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
		m := q.holder(*e.ReceiptHandle)
		if m == nil {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("ReceiptHandleIsInvalid"), SenderFault: true, Message: aws.String("gone")})
			continue
		}
		m.visible = time.Now().Add(time.Duration(e.VisibilityTimeout) * time.Second)
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
	}
	close(q.changed)
	q.changed = make(chan struct{})
	return out, nil
}

// holder finds the message whose current receive gave the handle. Callers hold mu.
func (q *fakeQueue) holder(handle string) *fakeMessage {
	for _, m := range q.messages {
		if m.handle == handle && m.visible.After(time.Now()) {
			return m
		}
	}
	return nil
}
