package observe

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

// Worker lets tell witness what the worker of a configuration does.
func Worker(cfg *consumer.Config, tell func(Event)) {
	registry := make(consumer.Registry, len(cfg.Handlers))
	for name, h := range cfg.Handlers {
		registry[name] = handler(name, h, tell)
	}
	cfg.Handlers = registry
	cfg.Results = results{cfg.Results, tell}
	cfg.Queue = queue{cfg.Queue, tell}
	before := cfg.Beats
	cfg.Beats = func(extended, failed, lost int) {
		if before != nil {
			before(extended, failed, lost)
		}
		tell(Event{Kind: Lease, Outcome: Extended, N: extended})
		tell(Event{Kind: Lease, Outcome: Failed, N: failed})
		tell(Event{Kind: Lease, Outcome: Lost, N: lost})
	}
}

func handler(name string, h consumer.Handler, tell func(Event)) consumer.Handler {
	return func(ctx context.Context, t consumer.Task) (out []byte, err error) {
		began, returned := time.Now(), false
		tell(Event{Kind: Began, Name: name})
		// Not recovered: the worker does that, and a panic's stack is deepest untouched.
		defer func() {
			tell(Event{Kind: Ended, Name: name, Outcome: outcomeOf(ctx, err, returned), Attempt: t.Attempt, Took: time.Since(began)})
		}()
		out, err = h(ctx, t)
		returned = true
		return out, err
	}
}

// results witnesses what is recorded.
type results struct {
	consumer.Results
	tell func(Event)
}

func (r results) PutResult(ctx context.Context, job store.Job, res store.Result) (store.PutOutcome, error) {
	out, err := r.Results.PutResult(ctx, job, res)
	switch {
	case err != nil:
	case out == store.Refused:
		r.tell(Event{Kind: Duplicate})
	default:
		for _, s := range res.Settled {
			if s.Failure != nil && (s.Failure.Kind == store.FailDeadline || s.Failure.Kind == store.FailDied) {
				r.tell(Event{Kind: Unrun, Name: res.Handler, Outcome: outcomeOfKind(s.Failure.Kind)})
			}
		}
	}
	return out, err
}

func (r results) PutBad(ctx context.Context, b store.BadMessage) error {
	if b.ReceiveCount <= 1 {
		r.tell(Event{Kind: Bad, Name: b.Reason})
	}
	return r.Results.PutBad(ctx, b)
}

// queue witnesses the calls to SQS.
type queue struct {
	consumer.Queue
	tell func(Event)
}

// called tells of a call that began then, with so many failed of so many entries.
func (q queue) called(operation string, began time.Time, failed int, err error) {
	e := Event{Kind: Called, Name: operation, Outcome: OK, Took: time.Since(began)}
	switch {
	case err != nil:
		e.Outcome = Failed
	case failed > 0:
		e.Outcome = Partly
	}
	q.tell(e)
}

func (q queue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	began := time.Now()
	out, err := q.Queue.ReceiveMessage(ctx, in, opts...)
	q.called("ReceiveMessage", began, 0, err)
	if err != nil {
		return out, err
	}
	now := time.Now()
	for i := range out.Messages {
		if wait, first := waited(&out.Messages[i], now); first {
			q.tell(Event{Kind: Waited, Took: wait})
		}
	}
	return out, nil
}

// waited is how long a message that is delivered for the first time has been on the queue. Clocks differ: it is not negative.
func waited(m *types.Message, now time.Time) (time.Duration, bool) {
	if m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)] != "1" {
		return 0, false
	}
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	return max(0, now.Sub(time.UnixMilli(ms))), err == nil
}

func (q queue) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	began := time.Now()
	out, err := q.Queue.SendMessageBatch(ctx, in, opts...)
	failed := 0
	if out != nil {
		failed = len(out.Failed)
	}
	q.called("SendMessageBatch", began, failed, err)
	return out, err
}

func (q queue) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	began := time.Now()
	out, err := q.Queue.DeleteMessageBatch(ctx, in, opts...)
	failed := 0
	if out != nil {
		failed = len(out.Failed)
	}
	q.called("DeleteMessageBatch", began, failed, err)
	return out, err
}

func (q queue) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, opts ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	began := time.Now()
	out, err := q.Queue.ChangeMessageVisibilityBatch(ctx, in, opts...)
	failed := 0
	if out != nil {
		failed = len(out.Failed)
	}
	q.called("ChangeMessageVisibilityBatch", began, failed, err)
	return out, err
}
