package observe

import (
	"context"
	"errors"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

// Kind says what has happened.
type Kind uint8

// The kinds, with the fields of Event that they fill.
const (
	// Began: a handler was called. Name.
	Began Kind = iota
	// Ended: it has returned. Name, Outcome, Attempt, Took.
	Ended
	// Unrun: a task was settled as failed though no handler ran: its deadline had passed, or it killed workers. Name, Outcome.
	Unrun
	// Waited: a message arrived for the first time. Took is the time since it was sent, by the clocks of SQS and of this machine.
	Waited
	// Duplicate: what ran had been recorded by another delivery first.
	Duplicate
	// Bad: a message that cannot be used arrived for the first time. Name is the reason.
	Bad
	// Lease: a heartbeat has ended. Outcome is Extended, Failed or Lost, N how many leases.
	Lease
	// Called: a call to SQS has ended. Name is the operation, Outcome OK, Failed or Partly, Took.
	Called
)

// Outcomes of tasks. A task's failure that is tried again counts like its last one.
const (
	OK       = "ok"
	Error    = "error"    // the handler returned an error
	Timeout  = "timeout"  // the job's time limit passed
	Crash    = "crash"    // a panic, a child process that ended, a worker that died
	Rejected = "rejected" // the argument does not fit the handler, or the deadline had passed
	Stopped  = "stopped"  // cut off by the worker's stop, a cancelled job or a lost lease; it runs again or is not wanted
)

// Outcomes of leases and calls besides OK.
const (
	Extended = "extended"
	Lost     = "lost"
	Failed   = "failed"
	Partly   = "partly" // some of a batch's entries failed
)

// Event is one thing that has happened. Which fields are filled, the kinds say.
type Event struct {
	Kind Kind
	// Name is a handler that the worker has, a reason or an operation: few different ones, whatever arrives.
	Name, Outcome string
	Attempt, N    int
	Took          time.Duration
}

// outcomeOf classifies how a handler ended; returned is false for one that panicked.
func outcomeOf(ctx context.Context, err error, returned bool) string {
	if !returned {
		return Crash
	}
	if err == nil {
		return OK
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(err, consumer.ErrNotRun):
		return Stopped
	case errors.Is(cause, consumer.ErrTimeout):
		return Timeout
	case cause != nil:
		return Stopped
	}
	if e, ok := errors.AsType[*consumer.Error](err); ok {
		return outcomeOfKind(e.Kind)
	}
	return Error
}

func outcomeOfKind(k store.FailureKind) string {
	switch k {
	case store.FailTimeout:
		return Timeout
	case store.FailPanic, store.FailDied:
		return Crash
	case store.FailDecode, store.FailDeadline:
		return Rejected
	case store.FailError, store.FailResult:
	}
	return Error
}
