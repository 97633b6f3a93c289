package burst

import "context"

// Sending is what is sent at once, for its trace.
type Sending struct {
	QueueURL, Handler string
	// Job is the job's id, ID that of a task without one.
	Job, ID string
	Tasks   int
	// Trace is the traceparent within which the sender wants it; "" for none.
	Trace string
}

// Tracer shows submissions to a tracing system.
type Tracer interface {
	// Send begins the span of a submission: it returns the context to send in, the traceparent that messages carry, and what
	// ends the span.
	Send(ctx context.Context, s Sending) (sending context.Context, traceparent string, end func(error))
	// Shutdown sends what is still to be sent. The session's Close calls it.
	Shutdown(ctx context.Context) error
}

// traceparentToCome has the length of a traceparent (W3C Trace Context, version 00): messages are cut before their trace has begun.
const traceparentToCome = "00-00000000000000000000000000000000-0000000000000000-00"

// traced begins a span when somebody wants one.
func (s *Session) traced(ctx context.Context, what Sending) (sending context.Context, traceparent string, end func(error)) {
	if s.cfg.Tracer == nil {
		return ctx, what.Trace, func(error) {}
	}
	what.QueueURL = s.stack.QueueURL
	return s.cfg.Tracer.Send(ctx, what)
}
