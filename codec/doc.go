// Package codec is Starburst's wire format: what one SQS message looks like, and
// how the arguments and results inside it are coded. docs/wire-format.md is its
// specification, for every language; testdata/vectors holds cases to check an
// implementation with, which are part of this package, too ([Vectors]).
//
// A message is one msgpack map, the envelope, around an array of arguments:
//
//	{"v": 1, "f": "price", "j": "job-7", "q": 1200, "t": [arg, arg, …]}
//
// In an SQS body the map is base64, or "z1." and base64 of zstd, or JSON when a
// person types it. [Encode] and [Decode] go the whole way:
//
//	Message ──AppendMessage──▶ msgpack ──EncodeBody──▶ SQS body
//	Message ◀─DecodeMessage─── msgpack ◀─DecodeBody─── SQS body
//
// Arguments stay encoded on the way ([msgpack.RawMessage]): a chunk of a thousand
// tasks is split, retried or handed to a Python worker without decoding one of
// them. [Marshal] and [Unmarshal] code the Go value at either end; they use
// github.com/vmihailenco/msgpack/v5 and add what it lacks between languages: an
// integer may stand for a float and an integral float for an integer, and what
// does not fit is an error and never a wrapped number.
//
// # Foreign bytes
//
// Everything that decodes takes bytes from anybody. Nothing panics, sizes, counts,
// depth and decompression are bounded (limits.go), and what is not a message is a
// [*BadMessageError] with a [Reason]: such a message is left on the queue for its
// redrive policy, never guessed at and never deleted. [Guard] stands in front of
// the library, which five bytes could make reserve 32 GiB. An argument that is
// well formed but does not fit the handler's type is a failure of that task, not
// of its message: Unmarshal finds it, not DecodeMessage. Duplicate keys in a map of
// up to 64 entries do make a bad message, because languages would disagree on
// what the task is.
package codec
