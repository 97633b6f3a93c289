package codec

import (
	"crypto/sha256"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// ArgsPrefix is what the key of a job's offloaded arguments begins with, inside
// the stack's bucket.
func ArgsPrefix(job string) string { return "in/" + job + "/" }

// CheckOffload reports whether a reader may follow the message's pointer to
// offloaded arguments: the message has a job, and the key is a plain path below
// that job's ArgsPrefix. Whoever can send a message must not be able to make a worker
// read another job's arguments, results, or anything else in the bucket. nil
// for messages without a pointer; the error is a *BadMessageError.
//
// It is not part of DecodeMessage, because programs that only look at messages have no bucket.
func (m *Message) CheckOffload() error {
	if m.Offload == nil {
		return nil
	}
	if m.Job == "" {
		return bad(ReasonOffload, `"s3" needs "j": only the tasks of a job can have offloaded arguments`)
	}
	prefix := ArgsPrefix(m.Job)
	rest, under := strings.CutPrefix(m.Offload.Key, prefix)
	if !under {
		return bad(ReasonOffload, `"s3" must begin with %q`, prefix)
	}
	for part := range strings.SplitSeq(rest, "/") {
		// S3 takes such a key as it is, but a gateway or a file system below would follow it upwards.
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, '\\') {
			return bad(ReasonOffload, `"s3" has an empty, "." or ".." element, or a backslash`)
		}
	}
	return nil
}

// Open verifies the object that the pointer leads to (its length, then its SHA-256) and slices
// the arguments, which alias object. The error is a *BadMessageError.
func (o *Offload) Open(object []byte) ([]msgpack.RawMessage, error) {
	if int64(len(object)) != o.Len {
		return nil, bad(ReasonOffload, `the object has %d bytes; "len" is %d`, len(object), o.Len)
	}
	if sha256.Sum256(object) != o.SHA256 {
		return nil, bad(ReasonOffload, `the object's SHA-256 is not "sha"`)
	}
	args, err := DecodeArgs(object)
	if err != nil {
		return nil, bad(ReasonOffload, "the object: %v", err)
	}
	if len(args) != o.Count {
		return nil, bad(ReasonOffload, `the object holds %d arguments; "n" is %d`, len(args), o.Count)
	}
	return args, nil
}
