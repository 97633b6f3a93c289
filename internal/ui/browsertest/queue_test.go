package browsertest

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/store"
)

// send puts a body on a queue.
func (w *world) send(queue, body string) {
	w.t.Helper()
	_, err := w.clients.SQS.SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body})
	w.must(err)
}

// waiting is how many messages a queue has.
func (w *world) waiting(queue string) int {
	w.t.Helper()
	visible := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := w.clients.SQS.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{visible}})
	w.must(err)
	n, err := strconv.Atoi(out.Attributes[string(visible)])
	w.must(err)
	return n
}

// breakable is a table that can be taken away.
type breakable struct {
	*store.Store
	broken atomic.Bool
}

func (b *breakable) Job(ctx context.Context, id string) (store.Job, error) {
	if b.broken.Load() {
		return store.Job{}, errors.New("dial tcp 127.0.0.1:4566: connection refused")
	}
	return b.Store.Job(ctx, id)
}
