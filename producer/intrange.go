package producer

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Range is the source of the integers From, From+Step, … up to and including To.
// ParseRange makes one; the zero value is the single integer 0 with a Step of 0, which counts as 1.
type Range struct{ From, To, Step int64 }

// ParseRange reads "a:b" or "a:b:step", both ends included: "1:10000" are 10,000
// tasks, "10:0:-5" are 10, 5, 0. An error is an *InputError.
func ParseRange(s string) (Range, error) {
	fail := func(format string, args ...any) (Range, error) {
		return Range{}, &InputError{Source: fmt.Sprintf("range %q", s), Err: fmt.Errorf(format, args...)}
	}
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return fail(`want "first:last" or "first:last:step", such as 1:10000`)
	}
	numbers := []int64{0, 0, 1}
	for i, part := range parts {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return fail("%s does not fit 64 bits", part)
		}
		if err != nil {
			return fail("%q is not an integer", part)
		}
		numbers[i] = n
	}
	r := Range{numbers[0], numbers[1], numbers[2]}
	switch {
	case r.Step == 0:
		return fail("the step is 0")
	case r.From < r.To && r.Step < 0, r.From > r.To && r.Step > 0:
		return fail("it is empty: a step of %d does not lead from %d to %d", r.Step, r.From, r.To)
	case r.count() > codec.MaxIndex+1:
		return fail("%d tasks; a job has at most %d", r.count(), codec.MaxIndex+1)
	}
	return r, nil
}

// count returns the number of integers, computed without overflow; 2^64 counts as 2^64-1.
func (r Range) count() uint64 {
	width, step := uint64(r.To)-uint64(r.From), uint64(r.Step) // modulo 2^64 on purpose
	if r.Step < 0 {
		width, step = -width, -step
	}
	return min(width/max(step, 1), 1<<64-2) + 1
}

// Args implements Source.
func (r Range) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		w := newArgWriter()
		at, step := r.From, r.Step
		for range r.count() {
			w.reset()
			w.value(at)
			if raw, err := w.bytes(); !yield(raw, err) || err != nil {
				return
			}
			at += step // after the last one it may wrap around, and is not used
		}
	}
}

func (r Range) String() string {
	if r.Step == 1 {
		return fmt.Sprintf("range %d:%d", r.From, r.To)
	}
	return fmt.Sprintf("range %d:%d:%d", r.From, r.To, r.Step)
}
