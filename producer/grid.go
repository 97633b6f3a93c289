package producer

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Grid is the source of all combinations of the values of its axes, each a map
// of axis to value. The first axis varies slowest, like the outermost of nested loops.
type Grid struct{ axes []axis }

type axis struct {
	name   string
	values []any
}

// ParseGrid reads one axis a string: "lr=0.1,0.01", "depth=2,4", "norm=true,false",
// "model=tree,linear". Values are JSON numbers, booleans, or else strings. An error is an *InputError.
func ParseGrid(axes []string) (Grid, error) {
	var g Grid
	points := uint64(1)
	for _, s := range axes {
		fail := func(format string, args ...any) (Grid, error) {
			return Grid{}, &InputError{Source: fmt.Sprintf("grid axis %q", s), Err: fmt.Errorf(format, args...)}
		}
		name, list, ok := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return fail(`want "name=value,value", such as lr=0.1,0.01`)
		}
		if !utf8.ValidString(s) {
			return fail("%w", errNotUTF8)
		}
		if slices.ContainsFunc(g.axes, func(a axis) bool { return a.name == name }) {
			return fail("there are two axes named %q", name)
		}
		a := axis{name: name}
		for i, part := range strings.Split(list, ",") {
			if part = strings.TrimSpace(part); part == "" {
				return fail("value %d is empty", i+1)
			}
			a.values = append(a.values, scalar(part))
		}
		if points *= uint64(len(a.values)); points > codec.MaxIndex+1 {
			return fail("with it the grid has %d points; a job has at most %d tasks", points, codec.MaxIndex+1)
		}
		g.axes = append(g.axes, a)
	}
	return g, nil
}

func scalar(s string) any {
	if v, ok := parseNumber(s); ok {
		return v
	}
	switch s {
	case "true":
		return true
	case "false":
		return false
	}
	return s
}

// Args implements Source. A grid without axes has no points.
func (g Grid) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		if len(g.axes) == 0 {
			return
		}
		w := newArgWriter()
		for at := make([]int, len(g.axes)); ; {
			w.reset()
			w.mapLen(len(g.axes))
			for k, a := range g.axes {
				w.str(a.name)
				w.value(a.values[at[k]])
			}
			if raw, err := w.bytes(); !yield(raw, err) || err != nil || !g.step(at) {
				return
			}
		}
	}
}

// step moves at to the next point and reports whether there is one.
func (g Grid) step(at []int) bool {
	for k := len(at) - 1; k >= 0; k-- {
		if at[k]++; at[k] < len(g.axes[k].values) {
			return true
		}
		at[k] = 0
	}
	return false
}

func (g Grid) String() string {
	names := make([]string, len(g.axes))
	for i, a := range g.axes {
		names[i] = a.name
	}
	return "grid over " + strings.Join(names, " × ")
}
