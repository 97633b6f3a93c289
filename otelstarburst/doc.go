// Package otelstarburst shows what becomes of tasks as OpenTelemetry traces: one trace from the program that sends a job,
// through the worker that runs a task, to the record of its result.
//
// A Go program that has handlers switches it on where it names them:
//
//	func main() {
//		starburst.Main(run, price, starburst.WithTracing(otelstarburst.FromEnv))
//	}
//
// and traces when STARBURST_TRACING is otlp or one of OpenTelemetry's variables names a collector. The command starburst does
// the same. A program that has a TracerProvider already gives it to New.
//
// The spans follow the semantic conventions for messaging (version 1.43):
//
//	send <queue>     PRODUCER  a job, or a task without one, is sent; its context travels in every message
//	receive <queue>  CLIENT    a receive that brought messages; links to where they came from
//	process <queue>  CONSUMER  a handler runs one task; a child of the send
//	record <queue>   CLIENT    what a message's tasks came to is written to the table; a child of the send
//	settle <queue>   CLIENT    messages are deleted
//
// A handler's context is that of its process span, so that spans it begins itself are children of that. The context travels as
// `tp` in the message (docs/wire-format.md) and as AWSTraceHeader beside it, which X-Ray reads.
//
// Spans are sent by OTLP over HTTP, as protobuf. The conversion is OpenTelemetry's own; the few lines that send it are ours,
// since the exporter that OpenTelemetry has for HTTP links all of gRPC, too.
package otelstarburst
