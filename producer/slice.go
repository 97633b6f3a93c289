package producer

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Slice is the source of typed values, encoded by codec.Marshal: value i becomes
// the argument of task i. The values must not change until the job is sent.
func Slice[T any](values []T) Source { return slice[T](values) }

type slice[T any] []T

func (s slice[T]) Args() iter.Seq2[msgpack.RawMessage, error] {
	isStruct := reflect.TypeFor[T]().Kind() == reflect.Struct
	return func(yield func(msgpack.RawMessage, error) bool) {
		for i := range s {
			var v any = &s[i] // a struct is encoded where it lies; boxing it would copy it
			if !isStruct {
				v = s[i]
			}
			raw, err := codec.Marshal(v)
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
