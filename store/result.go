package store

import (
	"time"

	"github.com/starburst-go/starburst/codec"
)

// Result is a result item: what one message settled, written once under the
// message's identity and never changed (design §6).
type Result struct {
	// Job is empty for tasks without a job; ID is then their identity.
	Job string
	ID  string
	// Identity of the message inside the job; "0" (and its children) without a job.
	Identity codec.Identity
	// Handler that ran the tasks.
	Handler string
	// Settled is in increasing index order; empty when all the tasks went to children.
	Settled []Settled
	// Children cover, disjointly, the message's indices that are not in Settled.
	Children []Child
	// Token is unique to the attempt to write this item; it tells an own earlier write from another's.
	Token string
	// Worker that ran the message, and its times of start and end.
	Worker            string
	Started, Finished time.Time
	// Attempt is the message's attempt, 1-based.
	Attempt int
	// Expires is copied from the job (TTL "exp"); zero means never.
	Expires time.Time
}

// Settled is the final outcome of one task.
type Settled struct {
	Index int
	// Value is the msgpack-encoded result of a success (nil encodes as 0xc0); nil for a failure.
	Value []byte
	// Failure is set when the task failed for good.
	Failure *Failure
}

// Failure tells why a task failed for good, with what is needed to run it again.
type Failure struct {
	Kind    FailureKind
	Message string
	// Stack is the stack trace of a panic or the tail of standard error; may be empty. At most MaxStack bytes.
	Stack string
	// Argument is the msgpack-encoded argument, so that the task can be retried.
	Argument []byte
	// Detail is a msgpack value that the handler has added, for callers that know it; nil without one. It is
	// kept only beside an Argument.
	Detail []byte
	// Attempts is how many times the task ran.
	Attempts int
}

// FailureKind classifies failures.
type FailureKind string

// The kinds of failure.
const (
	FailError    FailureKind = "error"    // the handler returned an error, or a program exited non-zero
	FailPanic    FailureKind = "panic"    // the handler panicked
	FailDecode   FailureKind = "decode"   // the argument does not fit the handler's type
	FailTimeout  FailureKind = "timeout"  // the task's time limit
	FailDeadline FailureKind = "deadline" // the message's deadline had passed
	FailDied     FailureKind = "died"     // the worker died while running it
	FailResult   FailureKind = "result"   // the result could not be encoded
)

// MaxStack bounds Failure.Stack and Failure.Message each, in bytes.
const MaxStack = 8 << 10

// Child names a message that carries the rest of its parent's tasks.
type Child struct {
	Identity codec.Identity
	// Indices of its tasks, strictly increasing.
	Indices []int
	// Attempt the child's tasks are at.
	Attempt int
}
