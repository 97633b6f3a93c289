package plan

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

// Input is what is known of a job's arguments.
type Input struct {
	Tasks int   `json:"tasks"`
	Bytes int64 `json:"bytes"`
	// SHA is the SHA-256 of the canonical arguments in hexadecimal, the same that a job of this input has.
	// Empty for a plan of a number of tasks.
	SHA string `json:"sha256,omitempty"`
}

// ErrEmpty says that an input has no tasks.
var ErrEmpty = errors.New("there are no tasks")

// checkEvery is how many arguments are read between looks at the context.
const checkEvery = 1024

// Measure reads the source through. Its errors are the source's, one that wraps ErrEmpty, or the context's.
func Measure(ctx context.Context, s producer.Source) (Input, error) {
	var in Input
	var h codec.Hasher
	for arg, err := range s.Args() {
		if err != nil {
			return Input{}, err
		}
		if in.Tasks%checkEvery == 0 && ctx.Err() != nil {
			return Input{}, fmt.Errorf("read the input: %w", context.Cause(ctx))
		}
		h.Add(arg)
		in.Tasks++
		in.Bytes += int64(len(arg))
	}
	if in.Tasks == 0 {
		return Input{}, ErrEmpty
	}
	sum := h.Sum()
	in.SHA = hex.EncodeToString(sum[:])
	return in, nil
}

// Picked are some of a source's arguments, a source themselves.
type Picked []msgpack.RawMessage

var _ producer.Source = Picked(nil)

// Pick takes n arguments out of the tasks of a source, evenly spread, so that an order by size shows; all of them when there are no more.
func Pick(ctx context.Context, s producer.Source, tasks, n int) (Picked, error) {
	n = min(n, tasks)
	var picked Picked
	i := 0
	for arg, err := range s.Args() {
		if err != nil {
			return nil, err
		}
		if i%checkEvery == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("read the input: %w", context.Cause(ctx))
		}
		if len(picked) == n {
			break
		}
		// The k-th of n stands in the middle of the k-th n-th.
		if want := (2*len(picked) + 1) * tasks / (2 * n); i == want {
			picked = append(picked, slices.Clone(arg))
		}
		i++
	}
	if len(picked) < n {
		return nil, fmt.Errorf("the input has %d tasks now, and had %d", i, tasks)
	}
	return picked, nil
}

// Args implements producer.Source.
func (p Picked) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for _, arg := range p {
			if !yield(arg, nil) {
				return
			}
		}
	}
}

// String is what errors call it.
func (p Picked) String() string { return "the picked tasks" }
