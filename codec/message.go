package codec

import (
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Version is the wire format version this package writes. A message without a
// version is version 1; a message with a higher version is a bad message.
const Version = 1

// Message is one SQS message: a chunk of 1..n tasks of one job (or of no job)
// that share a handler. docs/wire-format.md is the specification.
type Message struct {
	// Handler ("f") names the function that runs each task.
	Handler string
	// Args ("t") holds one msgpack-encoded argument a task, in index order.
	// After DecodeMessage the elements alias the decoded buffer.
	Args []msgpack.RawMessage
	// Job ("j") is the job the tasks belong to; empty for tasks without a job.
	// See ValidJob.
	Job string
	// First ("q") is the index of the first task inside the job.
	First int
	// Indices ("i") is the index of each task when they are not First, First+1, …;
	// nil otherwise. When present it is strictly increasing, as long as Args, and Indices[0] == First.
	Indices []int
	// Identity ("m") identifies the message inside its job; empty means the
	// chunk's own root identity, made from First. See RootIdentity.
	Identity Identity
	// ID ("id") identifies a task that carries no job, at most MaxIDLen
	// characters; empty means the first SQS MessageId, filled in by the receiver.
	ID string
	// Attempt ("a") is the 1-based attempt of these tasks; missing means 1.
	Attempt int
	// Deadline ("dl", Unix ms) is when running the tasks stops making sense; zero means never.
	Deadline time.Time
	// Trace ("tp") is a W3C traceparent, passed to handlers untouched.
	Trace string
	// Offload ("s3", "sha", "len", "n") points to arguments too large for the body; nil when they are in Args.
	Offload *Offload
}

// Offload points to an S3 object that holds the msgpack array of arguments.
type Offload struct {
	// Key of the object inside the stack's configured bucket.
	Key string
	// SHA256 of the object's bytes.
	SHA256 [32]byte
	// Len is the object's size in bytes, 1..MaxOffload.
	Len int64
	// Count ("n") is the number of arguments in the object, 1..MaxTasks.
	Count int
}

// Len returns the number of tasks in the message, offloaded ones included.
func (m *Message) Len() int {
	if m.Offload != nil {
		return m.Offload.Count
	}
	return len(m.Args)
}

// Index returns the job index of the k-th task of the message.
func (m *Message) Index(k int) int {
	if m.Indices != nil {
		return m.Indices[k]
	}
	return m.First + k
}

// Self returns the message's identity: Identity when set, else the root identity made from First.
func (m *Message) Self() Identity {
	if m.Identity != "" {
		return m.Identity
	}
	return RootIdentity(m.First)
}
