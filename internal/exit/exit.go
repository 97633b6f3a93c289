// Package exit is the one table of exit codes and the errors that choose them.
package exit

import (
	"errors"
	"fmt"
)

// Code is a process exit code.
type Code int

// The exit codes, in the order of the table in `starburst help exit-codes`.
const (
	OK         Code = 0   // everything asked for was done
	Failed     Code = 1   // something failed that no other code names
	Usage      Code = 2   // the command line, an input file or a configuration is wrong
	TasksFail  Code = 3   // the job ended, and some tasks failed
	Permission Code = 4   // credentials are missing or do not suffice
	NotFound   Code = 5   // the job, queue or table does not exist
	TimedOut   Code = 6   // a time limit passed
	Refused    Code = 7   // a cost or quota guard refused
	Pending    Code = 8   // the job is not finished yet
	Partly     Code = 9   // only part of the job was enqueued
	Interrupt  Code = 130 // Ctrl-C
)

// Table lists the codes with their meaning, for help texts.
var Table = []struct {
	Code    Code
	Meaning string
}{
	{OK, "done"},
	{Failed, "failed"},
	{Usage, "wrong command line, input or configuration"},
	{TasksFail, "some tasks failed"},
	{Permission, "credentials missing or without permission"},
	{NotFound, "not found"},
	{TimedOut, "timed out"},
	{Refused, "refused by a cost or quota guard"},
	{Pending, "still pending"},
	{Partly, "partly enqueued"},
	{Interrupt, "interrupted"},
}

// Word begins the message of an error with the code, six characters wide like the other lines' words: work that is not done
// yet, and a person's own Ctrl-C, are no errors.
func (c Code) Word() string {
	switch c {
	case Pending:
		return "wait: "
	case Interrupt:
		return "note: "
	case OK, Failed, Usage, TasksFail, TimedOut, NotFound, Permission, Refused, Partly:
	}
	return "error:"
}

// Error carries an exit code and what to do next.
type Error struct {
	Code Code
	Err  error
	// Hint is the next step, a command when there is one; may be empty.
	Hint string
}

// Error returns the cause's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a code and no hint.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}

// WithHint sets the next step and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// CodeOf returns the exit code that err asks for: OK for nil, Failed when it names none.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Failed
}

// HintOf returns the first hint along err's chain, or "".
func HintOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
