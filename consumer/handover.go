package consumer

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// handOver decides, between two tasks of a message, whether the rest should be
// left to idle workers: the message has been running for a while, has as much
// again before it twice over, and the queue holds nothing that they could take.
func (w *Worker) handOver(r *chunkRun) bool {
	after := w.cfg.HandOver
	ran := time.Since(r.began)
	left := len(r.outcomes) - r.next
	if after < 0 || ran < after || left < 2 {
		return false
	}
	if mean := ran / time.Duration(r.next); time.Duration(left)*mean < 2*after {
		return false
	}
	return w.depth.empty(w.base, w.cfg, after)
}

// depth remembers for a while whether the queue was empty: one look serves all slots.
type depth struct {
	mu     sync.Mutex // protects the fields below
	looked time.Time
	none   bool
}

// empty reports whether the queue has no visible message, as of at most maxAge ago.
func (q *depth) empty(ctx context.Context, c Config, maxAge time.Duration) bool {
	q.mu.Lock()
	if time.Since(q.looked) < maxAge {
		defer q.mu.Unlock()
		return q.none
	}
	q.looked, q.none = time.Now(), false // the others go on meanwhile
	q.mu.Unlock()
	none := isEmpty(ctx, c)
	q.mu.Lock()
	q.none = none
	q.mu.Unlock()
	return none
}

// isEmpty asks the queue. Not knowing, the message stays where it is.
func isEmpty(ctx context.Context, c Config) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	name := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &c.QueueURL, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(out.Attributes[string(name)])
	return err == nil && n == 0
}
