package producer

import (
	"fmt"
	"iter"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Slice is the source of typed values, encoded by codec.Marshal: value i becomes
// the argument of task i. The values must not change until the job is sent.
func Slice[T any](values []T) Source { return slice[T](values) }

type slice[T any] []T

func (s slice[T]) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for i := range s {
			raw, err := codec.Marshal(s[i])
			if err != nil {
				yield(nil, &InputError{Source: s.String(), Err: fmt.Errorf("argument %d: %w", i, err)})
				return
			}
			if !yield(raw, nil) {
				return
			}
		}
	}
}

func (s slice[T]) String() string { return fmt.Sprintf("the arguments ([]%T)", *new(T)) }
