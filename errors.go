package starburst

import (
	"errors"
	"fmt"
	"strings"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// TaskError is one task that failed for good.
type TaskError struct {
	// Index of the task: the place of its argument in the job.
	Index int
	// Kind is how it failed: "error", "panic", "decode", "timeout", …
	Kind string
	// Message is the handler's error; Stack a stack trace or the tail of standard error, if any.
	Message, Stack string
	// Attempts is how often it ran.
	Attempts int
}

// Error describes the failure in one line.
func (e *TaskError) Error() string {
	return fmt.Sprintf("task %d failed (%s, attempt %d): %s", e.Index, e.Kind, e.Attempts, e.Message)
}

func taskError(s store.Settled) *TaskError {
	f := s.Failure
	return &TaskError{Index: s.Index, Kind: string(f.Kind), Message: f.Message, Stack: f.Stack, Attempts: f.Attempts}
}

// TaskErrors says that a job ended with failed tasks. The results of all others
// are delivered beside it.
//
//nolint:errname // there are several: TaskError is one of them
type TaskErrors struct {
	// Job id, and its number of tasks.
	Job string
	N   int
	// Failed tasks in index order.
	Failed []*TaskError
}

// shownFailures bounds the failures that the error text spells out.
const shownFailures = 3

// Error counts the failures and shows the first few.
func (e *TaskErrors) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d tasks of job %s failed", len(e.Failed), e.N, e.Job)
	for i, f := range e.Failed {
		if i == shownFailures {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Failed)-shownFailures)
			break
		}
		fmt.Fprintf(&b, "\n  %s", f)
	}
	return b.String()
}

// Unwrap gives Main the exit code for failed tasks.
func (e *TaskErrors) Unwrap() error { return &exit.Error{Code: exit.TasksFail, Err: errTasksFailed} }

var errTasksFailed = errors.New("some tasks failed")

// WrongUsage marks err as something that the user has to mend: a flag, a file.
// Main then exits with 2 and prints hint, if it is not empty, as what to try.
func WrongUsage(err error, hint string) error {
	return &exit.Error{Code: exit.Usage, Err: err, Hint: hint}
}
