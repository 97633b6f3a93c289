// Package dlq looks into a dead-letter queue without emptying it, and moves its
// messages back.
//
// The queue holds only what could not be recorded as a task's outcome: bodies
// that nobody can decode, handlers and jobs that no worker knows. Why is in the
// table's records of bad messages.
package dlq

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's own checksum of a body, not a protection
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/store"
)

// Queue is a dead-letter queue and the queue whose messages it holds.
type Queue struct {
	API *sqs.Client
	// URL of the dead-letter queue, Source of the queue it belongs to.
	URL, Source string
}

// Open finds the dead-letter queue of the source: url when it is known, else the
// one that the source's redrive policy names.
func Open(ctx context.Context, api *sqs.Client, source, url string) (*Queue, error) {
	q := &Queue{API: api, URL: url, Source: source}
	if url != "" {
		return q, nil
	}
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &source, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		return nil, fmt.Errorf("read the redrive policy of %s: %w", source, err)
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &policy); err != nil || policy.Target == "" {
		return nil, exit.Errorf(exit.NotFound, "queue %s has no dead-letter queue", source)
	}
	name := policy.Target[strings.LastIndexByte(policy.Target, ':')+1:]
	found, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return nil, fmt.Errorf("find the dead-letter queue %s: %w", name, err)
	}
	q.URL = aws.ToString(found.QueueUrl)
	return q, nil
}

// Message is a dead message.
type Message struct {
	ID       string
	Body     string
	Sent     time.Time
	Receives int
	// Decoded is the message, or nil when it cannot be decoded; Err then says why.
	Decoded *codec.Message
	Err     error
	// Record is what the table says about it; nil when nothing was recorded.
	Record *store.BadMessage

	handle string
	// What a moved message keeps, and whether the body is the one that SQS has.
	attributes map[string]types.MessageAttributeValue
	group      string
	intact     bool
}

// hold is how long messages are hidden while they are looked at.
const hold = 30 * time.Second

// List returns up to most messages, each once, and makes them visible again.
func (q *Queue) List(ctx context.Context, most int) ([]Message, error) {
	var all []Message
	at := map[string]int{}
	defer func() { q.release(context.WithoutCancel(ctx), all) }()
	// A standard queue may answer empty although it is not. When a long list outlasts
	// the hold, messages come back; answers without news end it then.
	for stale := 0; len(all) < most && stale < 2; {
		batch, err := q.receive(ctx, hold)
		if err != nil {
			return nil, err
		}
		stale++
		for _, m := range batch {
			if i, seen := at[m.ID]; seen {
				all[i].handle = m.handle // the one that still holds it
				continue
			}
			at[m.ID] = len(all)
			all = append(all, m)
			stale = 0
		}
	}
	return all[:min(most, len(all))], nil
}

func (q *Queue) receive(ctx context.Context, hidden time.Duration) ([]Message, error) {
	out, err := q.API.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: int32(hidden / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameMessageGroupId,
		},
		MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("look into the dead-letter queue: %w", err)
	}
	batch := make([]Message, len(out.Messages))
	for i, m := range out.Messages {
		batch[i] = Message{
			ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), handle: aws.ToString(m.ReceiptHandle),
			attributes: m.MessageAttributes, group: m.Attributes["MessageGroupId"],
		}
		sum := md5.Sum([]byte(batch[i].Body)) //nolint:gosec // SQS's checksum
		batch[i].intact = m.MD5OfBody == nil || hex.EncodeToString(sum[:]) == *m.MD5OfBody
		batch[i].Receives, _ = strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
			batch[i].Sent = time.UnixMilli(ms)
		}
		batch[i].Decoded, batch[i].Err = codec.Decode(batch[i].Body)
	}
	return batch, nil
}

// release makes messages visible again; what fails comes back by itself.
func (q *Queue) release(ctx context.Context, all []Message) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	asks := make([]sqsbatch.Visibility, len(all))
	for i, m := range all {
		asks[i] = sqsbatch.Visibility{Handle: m.handle}
	}
	sqsbatch.ChangeVisibilityAll(ctx, q.API, q.URL, asks)
}

// Records is the part of the table that knows why messages died; *store.Store has it.
type Records interface {
	Bad(ctx context.Context, day time.Time) iter.Seq2[store.BadMessage, error]
}

// Explain adds the table's records to messages.
func Explain(ctx context.Context, t Records, all []Message) error {
	days := map[string][]int{}
	for i, m := range all {
		day := m.Sent.UTC().Format(time.DateOnly)
		days[day] = append(days[day], i)
	}
	for day, at := range days {
		when, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return err
		}
		byID := map[string]int{}
		for _, i := range at {
			byID[all[i].ID] = i
		}
		for b, err := range t.Bad(ctx, when) {
			if err != nil {
				return err
			}
			if i, ok := byID[b.MessageID]; ok {
				all[i].Record = &b
			}
		}
	}
	return nil
}

// Count is the number of messages in the dead-letter queue, hidden ones included.
func (q *Queue) Count(ctx context.Context) (int, error) {
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}
	out, err := q.API.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("count the dead messages: %w", err)
	}
	total := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("count the dead messages: %w", err)
		}
		total += n
	}
	return total, nil
}

// Purge deletes all messages of the dead-letter queue.
func (q *Queue) Purge(ctx context.Context) error {
	_, err := q.API.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &q.URL})
	if _, soon := errors.AsType[*types.PurgeQueueInProgress](err); soon {
		return exit.Errorf(exit.Failed, "the dead-letter queue was purged less than a minute ago, and SQS allows that once a minute")
	}
	if err != nil {
		return fmt.Errorf("purge the dead-letter queue: %w", err)
	}
	return nil
}
