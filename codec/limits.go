package codec

// Limits of the wire format. Sizes in bytes.
const (
	// MaxIndex is the largest task index: a job holds at most MaxIndex+1 tasks,
	// because result items are keyed by the index in ten digits and indices must
	// survive languages with 32-bit integers.
	MaxIndex = 1<<31 - 1
	// MaxTasks is the most tasks in one message.
	MaxTasks = 10_000
	// MaxBody is the largest SQS message (SQS API reference: 1 MiB, body and attributes).
	MaxBody = 1 << 20
	// MaxRaw is the largest decoded (decompressed, un-base64ed) message.
	MaxRaw = 8 << 20
	// MaxDepth is the deepest nesting of arrays and maps, the envelope included.
	MaxDepth = 64
	// MaxValueDepth is the deepest nesting of one argument or result: the envelope
	// and its array of tasks lie around it.
	MaxValueDepth = MaxDepth - 2
	// MaxEnvelopeKeys is the most keys in the envelope map, unknown ones included.
	MaxEnvelopeKeys = 32
	// MaxIDLen, MaxJobLen and MaxHandlerLen bound "id", "j" and "f", in bytes.
	MaxIDLen      = 128
	MaxJobLen     = 128
	MaxHandlerLen = 256
	// MaxTraceLen bounds "tp", in bytes. A W3C traceparent of version 00 has 55;
	// later versions may be longer.
	MaxTraceLen = 256
	// MaxKeyLen bounds "s3", in bytes (S3 user guide: object keys have up to 1,024).
	MaxKeyLen = 1024
	// MaxOffload is the largest object of offloaded arguments. A worker holds the
	// object, the decoded arguments and the handler's own copy at once, and small
	// workers have 512 MiB to 2 GiB.
	MaxOffload = 256 << 20
	// MaxIdentityLen and MaxIdentityDepth bound "m".
	MaxIdentityLen   = 512
	MaxIdentityDepth = 64
)
