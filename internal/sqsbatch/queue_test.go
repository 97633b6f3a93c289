package sqsbatch_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

var (
	_ sqsbatch.Sender            = (*sqs.Client)(nil)
	_ sqsbatch.Deleter           = (*sqs.Client)(nil)
	_ sqsbatch.VisibilityChanger = (*sqs.Client)(nil)
)

// queue is an SQS whose answers a test decides on: err is asked before a call,
// fate for each entry of it. It enforces SQS's own rules about batches itself.
type queue struct {
	limit int // bytes a call
	err   func(call int) error
	fate  func(call int, text string) fate

	mu    sync.Mutex // protects what follows
	calls [][]string // the entries of each call, by body or handle
	done  []string   // the entries that took effect
	waits []int32    // DelaySeconds or VisibilityTimeout of done
}

// fate is what happens to one entry of a call and what the caller hears of it.
type fate int

const (
	ok         fate = iota // takes effect, listed as successful
	fault                  // listed as failed by the server's fault
	lost                   // listed as failed by the sender's fault
	hidden                 // no effect, not listed
	hiddenDone             // takes effect, not listed
	both                   // takes effect, listed as successful and as failed
)

type item struct {
	id, text string
	wait     int32
}

func (q *queue) call(items []item) (succeeded []string, failed []types.BatchResultErrorEntry, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.calls)
	texts, bytes, seen := []string{}, 0, map[string]bool{}
	for _, it := range items {
		texts = append(texts, it.text)
		bytes += len(it.text)
		if seen[it.id] {
			return nil, nil, &types.BatchEntryIdsNotDistinct{}
		}
		seen[it.id] = true
	}
	q.calls = append(q.calls, texts)
	switch {
	case len(items) == 0:
		return nil, nil, &types.EmptyBatchRequest{}
	case len(items) > sqsbatch.MaxEntries:
		return nil, nil, &types.TooManyEntriesInBatchRequest{}
	case q.limit > 0 && bytes > q.limit:
		return nil, nil, &types.BatchRequestTooLong{Message: aws.String(fmt.Sprintf("%d bytes", bytes))}
	}
	if q.err != nil {
		if err := q.err(n); err != nil {
			return nil, nil, err
		}
	}
	for _, it := range items {
		f := ok
		if q.fate != nil {
			f = q.fate(n, it.text)
		}
		if f == ok || f == both || f == hiddenDone {
			q.done = append(q.done, it.text)
			q.waits = append(q.waits, it.wait)
		}
		if f == ok || f == both {
			succeeded = append(succeeded, it.id)
		}
		switch f {
		case fault, both:
			failed = append(failed, types.BatchResultErrorEntry{Id: &it.id, Code: aws.String("InternalError")})
		case lost:
			failed = append(failed, types.BatchResultErrorEntry{Id: &it.id, Code: aws.String("ReceiptHandleIsInvalid"), SenderFault: true})
		default: // nothing failed
		}
	}
	return succeeded, failed, nil
}

func (q *queue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	var items []item
	for _, e := range in.Entries {
		items = append(items, item{*e.Id, *e.MessageBody, e.DelaySeconds})
	}
	succeeded, failed, err := q.call(items)
	if err != nil {
		return nil, err
	}
	out := &sqs.SendMessageBatchOutput{Failed: failed}
	for _, id := range succeeded {
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: &id})
	}
	return out, nil
}

func (q *queue) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	var items []item
	for _, e := range in.Entries {
		items = append(items, item{*e.Id, *e.ReceiptHandle, 0})
	}
	succeeded, failed, err := q.call(items)
	if err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{Failed: failed}
	for _, id := range succeeded {
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: &id})
	}
	return out, nil
}

func (q *queue) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	var items []item
	for _, e := range in.Entries {
		items = append(items, item{*e.Id, *e.ReceiptHandle, e.VisibilityTimeout})
	}
	succeeded, failed, err := q.call(items)
	if err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{Failed: failed}
	for _, id := range succeeded {
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: &id})
	}
	return out, nil
}
