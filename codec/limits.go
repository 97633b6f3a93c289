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
	// MaxEnvelopeKeys is the most keys in the envelope map, unknown ones included.
	MaxEnvelopeKeys = 32
	// MaxIDLen, MaxJobLen and MaxHandlerLen bound "id", "j" and "f", in bytes.
	MaxIDLen      = 128
	MaxJobLen     = 128
	MaxHandlerLen = 256
	// MaxIdentityLen and MaxIdentityDepth bound "m".
	MaxIdentityLen   = 512
	MaxIdentityDepth = 64
)
