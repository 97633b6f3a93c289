package otelstarburst

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

// process runs a handler in a span that continues its task's trace.
func (t *Tracing) process(cfg *consumer.Config, h consumer.Handler) consumer.Handler {
	url, worker := cfg.QueueURL, cfg.Name
	name := "process " + queueName(url)
	return func(ctx context.Context, task consumer.Task) (out []byte, err error) {
		attributes := append(messaging(url, "process", semconv.MessagingOperationTypeProcess),
			Handler.String(task.Handler), Task.Int(task.Index), Attempt.Int(task.Attempt), Worker.String(worker))
		if task.Job != "" {
			attributes = append(attributes, Job.String(task.Job))
		} else {
			attributes = append(attributes, TaskID.String(task.ID))
		}
		ctx, span := t.tracer.Start(within(ctx, task.Trace), name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
		task.Trace = traceparent(ctx) // a child process goes on from here
		returned := false
		defer func() {
			switch {
			case !returned:
				fail(span, string(store.FailPanic), "the handler did not return")
			case err != nil:
				fail(span, errorType(ctx, err), err.Error())
			}
			span.End()
		}()
		out, err = h(ctx, task)
		returned = true
		return out, err
	}
}

// results makes spans of what is recorded.
type results struct {
	consumer.Results
	t   *Tracing
	url string
}

func (r results) PutResult(ctx context.Context, job store.Job, res store.Result) (store.PutOutcome, error) {
	attributes := append(messaging(r.url, "record", semconv.MessagingOperationTypeSettle),
		Handler.String(res.Handler), Attempt.Int(res.Attempt), Worker.String(res.Worker), Settled.Int(len(res.Settled)))
	if res.Job != "" {
		attributes = append(attributes, Job.String(res.Job))
	} else {
		attributes = append(attributes, TaskID.String(res.ID))
	}
	if len(res.Settled) == 1 {
		attributes = append(attributes, Task.Int(res.Settled[0].Index))
	}
	ctx, span := r.t.tracer.Start(ctx, "record "+queueName(r.url), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	out, err := r.Results.PutResult(ctx, job, res)
	if out == store.Refused {
		span.AddEvent("another delivery was recorded first")
	}
	end(span, err)
	return out, err
}

// queue makes spans of the calls to SQS.
type queue struct {
	consumer.Queue
	t   *Tracing
	url string
}

// call makes a span of a call that began then, about so many messages.
func (q queue) call(ctx context.Context, operation string, began time.Time, n int, links []trace.Link, err error, o trace.SpanStartOption) {
	_, span := q.t.tracer.Start(ctx, operation+" "+queueName(q.url), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began), trace.WithLinks(links...), o)
	if n > 1 { // of a batch only, the conventions say
		span.SetAttributes(semconv.MessagingBatchMessageCount(n))
	}
	end(span, err)
}

// ReceiveMessage asks for the messages' trace headers, too. A poll that brings nothing is no span: an idle worker makes three a minute.
func (q queue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	const header = types.MessageSystemAttributeNameAWSTraceHeader
	asking := *in
	asking.MessageSystemAttributeNames = append(slices.Clone(in.MessageSystemAttributeNames), header)
	began := time.Now()
	out, err := q.Queue.ReceiveMessage(ctx, &asking, opts...)
	if err == nil && len(out.Messages) == 0 {
		return out, nil
	}
	var links []trace.Link
	n := 0
	if out != nil {
		n = len(out.Messages)
		for _, m := range out.Messages {
			links = link(links, m.Attributes[string(header)])
		}
	}
	q.call(ctx, "receive", began, n, links, err, trace.WithAttributes(messaging(q.url, "receive", semconv.MessagingOperationTypeReceive)...))
	return out, err
}

// link adds a link to the span of an AWSTraceHeader; the messages of one job have the same, which is linked once.
func link(links []trace.Link, header string) []trace.Link {
	from := fromAWS(header)
	if !from.IsValid() || slices.ContainsFunc(links, func(l trace.Link) bool { return l.SpanContext.Equal(from) }) {
		return links
	}
	return append(links, trace.Link{SpanContext: from})
}

func (q queue) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	began := time.Now()
	out, err := q.Queue.DeleteMessageBatch(ctx, in, opts...)
	q.call(ctx, "settle", began, len(in.Entries), nil, err, trace.WithAttributes(messaging(q.url, "delete", semconv.MessagingOperationTypeSettle)...))
	return out, err
}

// SendMessageBatch sends what is left of messages: tasks to be tried again, and those that other workers can have.
func (q queue) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	began := time.Now()
	out, err := q.Queue.SendMessageBatch(ctx, in, opts...)
	var links []trace.Link
	for _, e := range in.Entries {
		if h, has := e.MessageSystemAttributes[string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)]; has && h.StringValue != nil {
			links = link(links, *h.StringValue)
		}
	}
	q.call(ctx, "send", began, len(in.Entries), links, err, trace.WithAttributes(messaging(q.url, "send", semconv.MessagingOperationTypeSend)...))
	return out, err
}
