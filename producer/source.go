package producer

import (
	"fmt"
	"iter"

	"github.com/vmihailenco/msgpack/v5"
)

// Source yields a job's arguments in order, one a task, each encoded as one
// msgpack value.
//
// A job reads its source twice: first to validate, count and hash, then to
// send. So Args may be called more than once and must yield the same each time; a file
// that changes in between is noticed and the job is not sealed. The yielded bytes
// are valid until the next step only. An error ends the sequence; for malformed
// input it is an *InputError.
//
// A source with a String method is called by that name in errors.
type Source interface {
	Args() iter.Seq2[msgpack.RawMessage, error]
}

// InputError says where input is malformed. Nothing was enqueued.
type InputError struct {
	// Source is the file's name, "standard input", or the option that was given.
	Source string
	// Line is the 1-based line, or 0 where there are no lines.
	Line int
	Err  error
}

func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s, line %d: %v", e.Source, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Source, e.Err)
}

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

func nameOf(s Source) string {
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	return "the arguments"
}

// fails is the sequence of one error.
func fails(err error) iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) { yield(nil, err) }
}
