package store

import (
	"errors"
	"fmt"

	"github.com/starburst-go/starburst/codec"
)

// ErrNotFound is wrapped by the errors for a job, a table or an object that does not exist (any more).
var ErrNotFound = errors.New("not found")

// JobExistsError is CreateJob's answer when the id is taken.
type JobExistsError struct {
	// Existing is the job as it is stored. The caller compares InputSHA.
	Existing Job
}

func (e *JobExistsError) Error() string {
	return fmt.Sprintf("job %q exists already (created %s)", e.Existing.ID, e.Existing.Created.UTC().Format("2006-01-02 15:04:05 MST"))
}

// StateError says that a job cannot change state as asked.
type StateError struct {
	Job        string
	Have, Want State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("job %q is %s and cannot become %s", e.Job, e.Have, e.Want)
}

// TooLargeError says that something does not fit.
type TooLargeError struct {
	// What does not fit, for people.
	What string
	// Size and Limit in bytes.
	Size, Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes; the limit is %d", e.What, e.Size, e.Limit)
}

// InvalidResultError says that a Result breaks a rule of its type and was not
// written. When the fault is one task's value, Index tells which; else Index is -1.
type InvalidResultError struct {
	Identity codec.Identity
	Index    int
	Reason   string
}

func (e *InvalidResultError) Error() string {
	if e.Index >= 0 {
		return fmt.Sprintf("result of message %q, task %d: %s", e.Identity, e.Index, e.Reason)
	}
	return fmt.Sprintf("result of message %q: %s", e.Identity, e.Reason)
}

// CorruptError says that an item of the table cannot be understood: it was
// written by something else, or by a newer version.
type CorruptError struct {
	// Key is "pk / sk" of the item, or the key of the object.
	Key    string
	Detail string
	Err    error
}

func (e *CorruptError) Error() string {
	msg := fmt.Sprintf("item %s cannot be read: %s", e.Key, e.Detail)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause, if any.
func (e *CorruptError) Unwrap() error { return e.Err }

// InconsistentError says that the items of a job contradict each other, so
// that "every index is settled by exactly one item" does not hold.
type InconsistentError struct {
	Job      string
	Identity codec.Identity
	Detail   string
}

func (e *InconsistentError) Error() string {
	return fmt.Sprintf("results of job %q contradict each other at message %q: %s", e.Job, e.Identity, e.Detail)
}
