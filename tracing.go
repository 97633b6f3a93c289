package starburst

import (
	"context"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

// Tracing shows what becomes of tasks to a tracing system. Package otelstarburst has one for OpenTelemetry; this package knows
// of none, so that a program without it links none.
type Tracing interface {
	// Send begins the span of a submission. It returns the context to send in, the W3C traceparent that the messages carry
	// ("" for none), and what ends the span with the submission's outcome.
	Send(ctx context.Context, s Sending) (sending context.Context, traceparent string, end func(error))
	// Worker changes a worker's configuration, before the worker is made, so that it is traced.
	Worker(cfg *consumer.Config)
	// Shutdown sends what is still to be sent. It is called once, at the end.
	Shutdown(ctx context.Context) error
}

// Sending is what a Tracing is told of a submission.
type Sending = burst.Sending

// WithTracing traces a program, its workers included: Main and New take it beside the handlers. open is called when a process
// begins; it may return nil for none. Its error ends the process.
func WithTracing(open func(context.Context) (Tracing, error)) Registration {
	return tracingOption(open)
}

// tracingOption stands among the handlers and is none.
type tracingOption func(context.Context) (Tracing, error)

// Name is empty: no handler has that name.
func (tracingOption) Name() string { return "" }

func (tracingOption) handler() consumer.Handler { return nil }

// split takes the tracing out of what Main and New are given; the last one counts.
func split(all []Registration) (handlers []Registration, tracing tracingOption) {
	for _, r := range all {
		if t, is := r.(tracingOption); is {
			tracing = t
		} else {
			handlers = append(handlers, r)
		}
	}
	return handlers, tracing
}

// open opens the tracing, if there is any.
func (t tracingOption) open(ctx context.Context) (Tracing, error) {
	if t == nil {
		return nil, nil
	}
	return t(ctx)
}

// instruments traces a worker.
func (t tracingOption) instruments() []role.Instrument {
	if t == nil {
		return nil
	}
	return []role.Instrument{func(ctx context.Context, cfg *consumer.Config, _ stack.Stack) (func(context.Context) error, error) {
		tracing, err := t(ctx)
		if err != nil || tracing == nil {
			return nil, err
		}
		tracing.Worker(cfg)
		return tracing.Shutdown, nil
	}}
}
