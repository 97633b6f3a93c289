package virtual_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/store"
)

// conn is what one process sees of the queue and the table: calls that meet the
// faults of a plan, until the process is frozen, or dead.
type conn struct {
	queue *virtual.Queue
	table *virtual.Table
	plan  faults.Plan
	start time.Time
	// calm tells whether the plan is over.
	calm func() bool
	// trace notes what happened to a call.
	trace func(format string, args ...any)
	name  string
	// crashAt is the number of the call at which the process dies, 0 for none; with
	// crashAfter it dies when the call has been carried out.
	crashAt    int
	crashAfter bool
	// hot is a partition that takes no writes until the plan is over.
	hot string
	// gate, if set, decides instead of the plan, and may take its time. about is the
	// partition that a call to the table is about.
	gate func(op, about string) faults.End
	// died is called once when the process dies.
	died func()

	gone chan struct{} // closed when the process is dead

	mu     sync.Mutex // protects what follows
	dead   bool
	calls  int
	counts map[string]uint64 // calls by operation
	thawed time.Time         // until then the process is frozen
	moved  chan struct{}     // closed when thawed changes
}

var (
	_ consumer.Queue = (*conn)(nil)
	_ store.API      = (*conn)(nil)
)

// errGone ends a dead process's goroutines quickly: nobody tries again after it.
var errGone = &types.QueueDoesNotExist{Message: aws.String("this process is dead")}

func (c *conn) kill() {
	c.mu.Lock()
	was := c.dead
	c.dead = true
	c.mu.Unlock()
	if was {
		return
	}
	c.trace("%s dies", c.name)
	close(c.gone)
	if c.died != nil {
		c.died()
	}
}

func (c *conn) freeze(d time.Duration) {
	c.trace("%s freezes for %v", c.name, d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.thawed = time.Now().Add(d)
	if c.moved != nil {
		close(c.moved)
	}
	c.moved = make(chan struct{})
}

// await blocks while the process is frozen, and returns errGone once it is dead.
func (c *conn) await() error {
	for {
		c.mu.Lock()
		left, dead, moved := time.Until(c.thawed), c.dead, c.moved
		c.mu.Unlock()
		if dead {
			return errGone
		}
		if left <= 0 {
			return nil
		}
		select {
		case <-c.gone:
		case <-moved:
		case <-time.After(left):
		}
	}
}

// wait is a delay of the network. When the caller gives up meanwhile, what is on
// its way may still arrive: left is how long that takes.
func (c *conn) wait(ctx context.Context, d time.Duration) (left time.Duration, err error) {
	if d <= 0 {
		return 0, ctx.Err()
	}
	until := time.Now().Add(d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return 0, nil
	case <-ctx.Done():
		return time.Until(until), ctx.Err()
	case <-c.gone:
		return time.Until(until), errGone
	}
}

// begin counts a call and decides what happens to it.
func (c *conn) begin(service, op string) (v faults.Verdict, crash bool) {
	c.mu.Lock()
	c.calls++
	n := c.counts[op]
	c.counts[op]++
	crash = c.calls == c.crashAt
	c.mu.Unlock()
	if c.calm() {
		return v, crash
	}
	v = c.plan.Decide(op, n)
	v.Before += c.plan.Frozen(service, time.Since(c.start))
	return v, crash
}

// call carries out do as the plan has it.
func call[T any](ctx context.Context, c *conn, service, op, about string, do func(context.Context, faults.Verdict) (T, error)) (T, error) {
	var none T
	if err := c.await(); err != nil {
		return none, err
	}
	v, crash := c.begin(service, op)
	if c.gate != nil {
		v.End = c.gate(op, about)
		if gone := c.await(); gone != nil {
			return none, gone
		}
	}
	if crash && !c.crashAfter {
		c.kill()
		return none, errGone
	}
	out, done, err := deliver(ctx, c, service, op, v, do)
	if crash {
		c.kill()
	}
	if gone := c.await(); gone != nil {
		return none, gone
	}
	c.trace("%s %s: end %d, carried out %v, %v", c.name, op, v.End, done, err)
	return out, err
}

// deliver carries a call to its service and the answer back.
func deliver[T any](ctx context.Context, c *conn, service, op string, v faults.Verdict, do func(context.Context, faults.Verdict) (T, error)) (out T, done bool, err error) {
	left, err := c.wait(ctx, v.Before)
	if err != nil {
		if v.End == faults.Answered || v.End == faults.ResponseDropped {
			late := context.WithoutCancel(ctx)
			time.AfterFunc(left, func() { _, _ = do(late, v) }) // it was on its way
		}
		return out, false, err
	}
	if !c.calm() && c.plan.Expired(service, time.Since(c.start)) {
		return out, false, &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	}
	switch v.End {
	case faults.RequestDropped:
		return out, false, errCut
	case faults.Throttled:
		return out, false, throttle(service, op, v.Pick)
	case faults.Broken:
		return out, false, breaks[v.Pick%len(breaks)]
	default:
	}
	out, err = do(ctx, v)
	if v.End == faults.ResponseDropped {
		var none T
		return none, true, errCut
	}
	if _, late := c.wait(ctx, v.After); late != nil && v.After > 0 {
		var none T
		return none, true, late
	}
	return out, true, err
}

var errCut = fmt.Errorf("the connection was cut: %w", io.ErrUnexpectedEOF)

var breaks = []error{
	&smithy.GenericAPIError{Code: "InternalFailure", Fault: smithy.FaultServer},
	&smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}},
		Err:      errors.New("service unavailable"),
	},
}

func throttle(service, op string, pick int) error {
	switch {
	case service == faults.DynamoDB && pick%2 == 0:
		return &ddb.ProvisionedThroughputExceededException{}
	case service == faults.DynamoDB:
		return &ddb.RequestLimitExceeded{}
	case op == "ReceiveMessage" && pick%3 == 0:
		return &types.OverLimit{}
	}
	return &types.RequestThrottled{}
}

func (c *conn) GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return call(ctx, c, faults.SQS, "GetQueueAttributes", "", func(ctx context.Context, _ faults.Verdict) (*sqs.GetQueueAttributesOutput, error) {
		return c.queue.GetQueueAttributes(ctx, in)
	})
}

func (c *conn) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	return call(ctx, c, faults.SQS, "ReceiveMessage", "", func(ctx context.Context, v faults.Verdict) (*sqs.ReceiveMessageOutput, error) {
		out, err := c.queue.ReceiveMessage(ctx, in)
		if err != nil {
			return nil, err
		}
		for k, m := range out.Messages {
			if after, again := v.Repeat(k); again {
				c.queue.Twin(*m.ReceiptHandle, after)
			}
		}
		if k := v.Corrupt(len(out.Messages)); k >= 0 {
			out.Messages[k].MD5OfBody = aws.String("0123456789abcdef0123456789abcdef")
		}
		return out, nil
	})
}

func (c *conn) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	return call(ctx, c, faults.SQS, "SendMessageBatch", "", func(ctx context.Context, v faults.Verdict) (*sqs.SendMessageBatchOutput, error) {
		here, b := cut(in.Entries, func(e types.SendMessageBatchRequestEntry) *string { return e.Id }, v)
		out, err := c.queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: in.QueueUrl, Entries: here})
		if err != nil {
			return nil, err
		}
		out.Successful, out.Failed = answer(b, out.Successful, func(e types.SendMessageBatchResultEntry) *string { return e.Id }, out.Failed)
		return out, nil
	})
}

func (c *conn) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	return call(ctx, c, faults.SQS, "DeleteMessageBatch", "", func(ctx context.Context, v faults.Verdict) (*sqs.DeleteMessageBatchOutput, error) {
		here, b := cut(in.Entries, func(e types.DeleteMessageBatchRequestEntry) *string { return e.Id }, v)
		out, err := c.queue.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: in.QueueUrl, Entries: here})
		if err != nil {
			return nil, err
		}
		out.Successful, out.Failed = answer(b, out.Successful, func(e types.DeleteMessageBatchResultEntry) *string { return e.Id }, out.Failed)
		return out, nil
	})
}

func (c *conn) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	return call(ctx, c, faults.SQS, "ChangeMessageVisibilityBatch", "", func(ctx context.Context, v faults.Verdict) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
		here, b := cut(in.Entries, func(e types.ChangeMessageVisibilityBatchRequestEntry) *string { return e.Id }, v)
		out, err := c.queue.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: in.QueueUrl, Entries: here})
		if err != nil {
			return nil, err
		}
		out.Successful, out.Failed = answer(b, out.Successful, func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id }, out.Failed)
		return out, nil
	})
}

// cut takes out of a batch what is not to be carried out, and returns the fates of
// the entries that do not fare as the queue says.
func cut[E any](entries []E, id func(E) *string, v faults.Verdict) (here []E, fates map[string]faults.Fate) {
	fates = map[string]faults.Fate{}
	for k, e := range entries {
		f := v.Entry(k)
		if f != faults.Passed {
			fates[*id(e)] = f
		}
		if f != faults.FailedUndone && f != faults.OmittedUndone {
			here = append(here, e)
		}
	}
	return here, fates
}

// answer turns the queue's answer into the one that the caller gets.
func answer[E any](fates map[string]faults.Fate, ok []E, id func(E) *string, failed []types.BatchResultErrorEntry) ([]E, []types.BatchResultErrorEntry) {
	var kept []E
	for _, e := range ok {
		if fates[*id(e)] == faults.Passed {
			kept = append(kept, e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(fates)) {
		if f := fates[id]; f == faults.FailedUndone || f == faults.FailedDone {
			failed = append(failed, types.BatchResultErrorEntry{Id: aws.String(id), Code: aws.String("InternalError")})
		}
	}
	return kept, failed
}

// partition is the partition key of an item or a key.
func partition(it map[string]ddb.AttributeValue) string {
	pk, _ := it["pk"].(*ddb.AttributeValueMemberS)
	if pk == nil {
		return ""
	}
	return pk.Value
}

func (c *conn) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return call(ctx, c, faults.DynamoDB, "PutItem", partition(in.Item), func(ctx context.Context, _ faults.Verdict) (*dynamodb.PutItemOutput, error) {
		if partition(in.Item) == c.hot && !c.calm() {
			return nil, &ddb.ThrottlingException{Message: aws.String("Throughput exceeds the current capacity of one or more partitions")}
		}
		return c.table.PutItem(ctx, in)
	})
}

func (c *conn) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return call(ctx, c, faults.DynamoDB, "GetItem", partition(in.Key), func(ctx context.Context, _ faults.Verdict) (*dynamodb.GetItemOutput, error) {
		return c.table.GetItem(ctx, in)
	})
}

func (c *conn) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return call(ctx, c, faults.DynamoDB, "UpdateItem", partition(in.Key), func(ctx context.Context, _ faults.Verdict) (*dynamodb.UpdateItemOutput, error) {
		return c.table.UpdateItem(ctx, in)
	})
}

func (c *conn) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return call(ctx, c, faults.DynamoDB, "Query", "", func(ctx context.Context, _ faults.Verdict) (*dynamodb.QueryOutput, error) {
		return c.table.Query(ctx, in)
	})
}

func (c *conn) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return call(ctx, c, faults.DynamoDB, "BatchGetItem", "", func(ctx context.Context, v faults.Verdict) (*dynamodb.BatchGetItemOutput, error) {
		ask, left := unprocessed(in.RequestItems, v)
		out, err := c.table.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err == nil {
			out.UnprocessedKeys = left
		}
		return out, err
	})
}

// unprocessed leaves keys for later, but not all: DynamoDB processes at least one.
func unprocessed(want map[string]ddb.KeysAndAttributes, v faults.Verdict) (ask, left map[string]ddb.KeysAndAttributes) {
	ask, left = map[string]ddb.KeysAndAttributes{}, map[string]ddb.KeysAndAttributes{}
	for table, w := range want {
		here, later := w, w
		here.Keys, later.Keys = nil, nil
		for k, key := range w.Keys {
			if k > 0 && v.Entry(k) != faults.Passed {
				later.Keys = append(later.Keys, key)
			} else {
				here.Keys = append(here.Keys, key)
			}
		}
		ask[table] = here
		if len(later.Keys) > 0 {
			left[table] = later
		}
	}
	return ask, left
}
