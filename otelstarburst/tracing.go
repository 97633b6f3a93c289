package otelstarburst

import (
	"context"
	"errors"
	"path"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/consumer"
)

// scope names the spans' origin.
const scope = "github.com/starburst-go/starburst/otelstarburst"

// Attributes of our own.
const (
	// Job is the task's job, Task its index in it, or its position for a task without a job, whose id is TaskID.
	Job    = attribute.Key("starburst.job.id")
	Task   = attribute.Key("starburst.task.index")
	TaskID = attribute.Key("starburst.task.id")
	// Handler that runs the task, and which Attempt it is.
	Handler = attribute.Key("starburst.handler")
	Attempt = attribute.Key("starburst.attempt")
	// Tasks is how many tasks are sent, Settled how many have their outcome now.
	Tasks   = attribute.Key("starburst.tasks")
	Settled = attribute.Key("starburst.tasks.settled")
	// Worker is the worker's name.
	Worker = attribute.Key("starburst.worker")
)

// Tracing makes the spans. It implements starburst.Tracing.
type Tracing struct {
	tracer   trace.Tracer
	shutdown func(context.Context) error
}

var _ starburst.Tracing = (*Tracing)(nil)

// New returns a Tracing that makes its spans with p, which stays the caller's to shut down.
func New(p trace.TracerProvider) *Tracing {
	return &Tracing{tracer: p.Tracer(scope), shutdown: func(context.Context) error { return nil }}
}

// Shutdown sends what is still to be sent, within ctx.
func (t *Tracing) Shutdown(ctx context.Context) error { return t.shutdown(ctx) }

// Send begins the span of a submission. See starburst.Tracing.
func (t *Tracing) Send(ctx context.Context, s starburst.Sending) (context.Context, string, func(error)) {
	if s.Trace != "" {
		ctx = within(ctx, s.Trace)
	}
	attributes := append(messaging(s.QueueURL, "send", semconv.MessagingOperationTypeSend), Handler.String(s.Handler), Tasks.Int(s.Tasks))
	if s.Job != "" {
		attributes = append(attributes, Job.String(s.Job))
	}
	if s.ID != "" {
		attributes = append(attributes, TaskID.String(s.ID))
	}
	ctx, span := t.tracer.Start(ctx, "send "+queueName(s.QueueURL), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attributes...)) //nolint:spancheck // it ends when the caller says so
	return ctx, traceparent(ctx), func(err error) { end(span, err) }                                                                                 //nolint:spancheck // the same
}

// Worker traces what the worker of a configuration does. See starburst.Tracing.
func (t *Tracing) Worker(cfg *consumer.Config) {
	registry := make(consumer.Registry, len(cfg.Handlers))
	for name, h := range cfg.Handlers {
		registry[name] = t.process(cfg, h)
	}
	cfg.Handlers = registry
	cfg.Trace = within
	cfg.Results = results{cfg.Results, t, cfg.QueueURL}
	cfg.Queue = queue{cfg.Queue, t, cfg.QueueURL}
}

// messaging are the attributes of every span about a queue.
func messaging(queueURL, operation string, kind attribute.KeyValue) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingSystemAWSSQS, semconv.MessagingOperationName(operation), kind,
		semconv.MessagingDestinationName(queueName(queueURL)), semconv.AWSSQSQueueURL(queueURL),
	}
}

// queueName is the last element of a queue's URL.
func queueName(url string) string { return path.Base(url) }

// end ends a span with the outcome of what it stands for.
func end(span trace.Span, err error) {
	if err != nil {
		fail(span, "error", err.Error())
	}
	span.End()
}

// fail marks a span as failed. kind has few values.
func fail(span trace.Span, kind, why string) {
	span.SetStatus(codes.Error, why)
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
}

// errorType is the kind of a task's failure.
func errorType(ctx context.Context, err error) string {
	if errors.Is(context.Cause(ctx), consumer.ErrTimeout) {
		return "timeout"
	}
	if e, ok := errors.AsType[*consumer.Error](err); ok && e.Kind != "" {
		return string(e.Kind)
	}
	return "error"
}

// within returns ctx within the trace of a traceparent. What is none leaves it as it is.
func within(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// traceparent writes the span of ctx as W3C Trace Context does.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// fromAWS reads an AWSTraceHeader: Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=1.
func fromAWS(header string) trace.SpanContext {
	var root, parent string
	flags := "00"
	for part := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "Root":
			root = strings.ReplaceAll(strings.TrimPrefix(value, "1-"), "-", "")
		case "Parent":
			parent = value
		case "Sampled":
			if value == "1" {
				flags = "01"
			}
		}
	}
	return trace.SpanContextFromContext(within(context.Background(), "00-"+root+"-"+parent+"-"+flags))
}
