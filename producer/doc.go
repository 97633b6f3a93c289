// Package producer makes jobs: it turns a source of arguments into messages, puts
// them on the queue, and returns when SQS has confirmed every one of them.
//
//	p, err := producer.New(producer.Config{Queue: sqsClient, QueueURL: url, Jobs: table, Blobs: bucket})
//	report, err := p.Submit(ctx, producer.Spec{Handler: "simulate", Source: producer.Slice(paths)})
//
// # Sources
//
// A [Source] yields arguments in order: typed values ([Slice]), files in JSON Lines, CSV
// or plain lines ([OpenFile]), standard input ([Spool]), integers ([ParseRange]), parameter
// grids ([ParseGrid]), words ([Words]). Nothing but the values of a Slice is held in memory.
//
// # Two passes
//
// A source is read twice. [Producer.Prepare] validates, counts and hashes it and cuts it
// into messages; malformed input ends here, with the line, before anything exists.
// [Producer.Send] then writes the job's META item, encodes and sends batch after batch
// with several under way, keeps the job's confirmed count, and seals the job. A source
// that gives something else the second time is noticed, and the job is not sealed.
//
// # Chunks
//
// A message carries 1..1000 tasks, see [ChunkSize], up to 48 KiB of msgpack, which is one
// billing unit of SQS in base64. A larger argument travels alone, and one that no message
// carries goes to a bucket first and the message points to it.
//
// # Again, with the same id
//
// A job id is an idempotency key. Submitting other input under it is a
// [*JobConflictError]; the same input resumes the job: the cut stored at its creation
// is used, and only messages without a result item are sent. That also repairs what
// was lost: to send a message twice is always safe, because its result is recorded
// once, under the identity that the cut gave it. When a submission ends early, by a
// dead network or by Ctrl-C, the [*PartlyEnqueuedError] counts what is enqueued.
package producer
