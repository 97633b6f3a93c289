package store

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// A result item holds two packed msgpack values.
//
// "ix" tells which indices the item accounts for, so that counting needs no payload:
//
//	{"o": ok, "e": failed, "c": [[n, attempt, indices], …]}
//
// where n numbers the child (identity + "." + n) and index sets are flat arrays
// [gap, length, gap, length, …], each gap counted from the end of the range before (at first from 0).
//
// "d" holds the outcomes in index order:
//
//	{"r": [value, …], "f": [[kind, message, stack, attempts, argument?], …]}
//
// Values and arguments stand there as the msgpack values they are, not wrapped,
// so that a reader in any language gets them with one decode.
const (
	maxRanges   = codec.MaxTasks // of a set; each range holds an index
	maxAttempts = 1<<31 - 1
	maxKind     = 64
)

// index is what "ix" holds.
type index struct {
	ok, failed []Range
	children   []childSet
}

type childSet struct {
	n, attempt int
	set        []Range
}

// indexOf derives the index from a checked result.
func indexOf(r Result) index {
	var x index
	for _, s := range r.Settled {
		if s.Failure == nil {
			x.ok = addIndex(x.ok, s.Index)
		} else {
			x.failed = addIndex(x.failed, s.Index)
		}
	}
	for _, c := range r.Children {
		n, _ := childNumber(r.Identity, c.Identity)
		x.children = append(x.children, childSet{n, c.Attempt, rangesOf(c.Indices)})
	}
	return x
}

// childNumber returns n when id is parent.Child(n).
func childNumber(parent, id codec.Identity) (int, bool) {
	rest, ok := strings.CutPrefix(string(id), string(parent)+".")
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil && n >= 1 && parent.Child(n) == id
}

func encodeIndex(x index) ([]byte, error) {
	var buf bytes.Buffer
	e := encoder{enc: msgpack.NewEncoder(&buf), buf: &buf}
	n := 0
	for _, present := range []bool{x.ok != nil, x.failed != nil, x.children != nil} {
		if present {
			n++
		}
	}
	e.mapLen(n)
	if x.ok != nil {
		e.str("o")
		e.ranges(x.ok)
	}
	if x.failed != nil {
		e.str("e")
		e.ranges(x.failed)
	}
	if x.children != nil {
		e.str("c")
		e.array(len(x.children))
		for _, c := range x.children {
			e.array(3)
			e.uint(c.n)
			e.uint(c.attempt)
			e.ranges(c.set)
		}
	}
	return buf.Bytes(), e.err
}

func decodeIndex(raw []byte) (x index, err error) {
	s := scanner{b: raw}
	for range s.mapLen(codec.MaxEnvelopeKeys) {
		switch string(s.str(codec.MaxEnvelopeKeys)) {
		case "o":
			x.ok = s.ranges()
		case "e":
			x.failed = s.ranges()
		case "c":
			n := s.array(codec.MaxTasks)
			x.children = make([]childSet, 0, n)
			for range n {
				if k := s.array(16); k < 3 {
					s.failf("a child has %d elements", k)
				} else {
					c := childSet{n: s.uint(maxAttempts), attempt: s.uint(maxAttempts), set: s.ranges()}
					for range k - 3 {
						s.value()
					}
					x.children = append(x.children, c)
				}
			}
		default:
			s.value()
		}
		if s.err != nil {
			return index{}, s.err
		}
	}
	return x, s.err
}

// encodeOutcomes writes "d" of a checked result.
func encodeOutcomes(settled []Settled) ([]byte, error) {
	size, failed := 16, 0
	for _, o := range settled {
		size += len(o.Value) + 1
		if o.Failure != nil {
			failed++
		}
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	e := encoder{enc: msgpack.NewEncoder(buf), buf: buf}
	if failed == 0 {
		e.mapLen(1)
	} else {
		e.mapLen(2)
	}
	e.str("r")
	e.array(len(settled) - failed)
	for _, o := range settled {
		if o.Failure == nil {
			e.raw(o.Value)
		}
	}
	if failed > 0 {
		e.str("f")
		e.array(failed)
		for _, o := range settled {
			if o.Failure != nil {
				e.failure(o.Failure)
			}
		}
	}
	return buf.Bytes(), e.err
}

// decodeOutcomes is the inverse; the values alias raw.
func decodeOutcomes(raw []byte, x index) ([]Settled, error) {
	nOK, nFailed := lenOf(x.ok), lenOf(x.failed)
	out := make([]Settled, 0, nOK+nFailed)
	var values, failures scanner
	s := scanner{b: raw}
	for range s.mapLen(codec.MaxEnvelopeKeys) {
		key := string(s.str(codec.MaxEnvelopeKeys))
		switch v := (scanner{b: s.value()}); key {
		case "r":
			values = v
		case "f":
			failures = v
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := expect(&values, nOK); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	if err := expect(&failures, nFailed); err != nil {
		return nil, fmt.Errorf("failures: %w", err)
	}
	for i, ok := range mergeSets(x.ok, x.failed) {
		if ok {
			out = append(out, Settled{Index: i, Value: values.value()})
		} else {
			out = append(out, Settled{Index: i, Failure: failures.failure()})
		}
	}
	if values.err != nil {
		return nil, values.err
	}
	return out, failures.err
}

// expect enters the array in s, which must have n elements; no bytes at all are the empty array.
func expect(s *scanner, n int) error {
	if len(s.b) == 0 && n == 0 {
		return nil
	}
	if got := s.array(codec.MaxTasks); s.err == nil && got != n {
		s.failf("%d are there, %d are expected", got, n)
	}
	return s.err
}

// mergeSets yields the indices of two disjoint sets in increasing order, true for those of the first.
func mergeSets(a, b []Range) func(yield func(int, bool) bool) {
	return func(yield func(int, bool) bool) {
		for len(a) > 0 || len(b) > 0 {
			first := len(b) == 0 || len(a) > 0 && a[0].From < b[0].From
			from := &b
			if first {
				from = &a
			}
			for i := (*from)[0].From; i < (*from)[0].To; i++ {
				if !yield(i, first) {
					return
				}
			}
			*from = (*from)[1:]
		}
	}
}

// encoder drives the library's encoder and keeps the first error.
type encoder struct {
	enc *msgpack.Encoder
	buf *bytes.Buffer
	err error
}

func (e *encoder) keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) mapLen(n int) { e.keep(e.enc.EncodeMapLen(n)) }
func (e *encoder) array(n int)  { e.keep(e.enc.EncodeArrayLen(n)) }
func (e *encoder) uint(n int)   { e.keep(e.enc.EncodeUint(uint64(n))) }
func (e *encoder) str(s string) { e.keep(e.enc.EncodeString(s)) }

// raw appends an encoded value; nil stands for the value nil.
func (e *encoder) raw(v []byte) {
	if v == nil {
		e.buf.WriteByte(0xc0)
		return
	}
	e.buf.Write(v)
}

func (e *encoder) ranges(rs []Range) {
	e.array(2 * len(rs))
	end := 0
	for _, r := range rs {
		e.uint(r.From - end)
		e.uint(r.Len())
		end = r.To
	}
}

func (e *encoder) failure(f *Failure) {
	n := 4
	if f.Argument != nil {
		n = 5
		if f.Detail != nil {
			n = 6
		}
	}
	e.array(n)
	e.str(text(string(f.Kind), maxKind))
	e.str(text(f.Message, MaxStack))
	e.str(text(f.Stack, MaxStack))
	e.uint(max(f.Attempts, 0))
	if f.Argument != nil {
		e.raw(f.Argument)
		if f.Detail != nil {
			e.raw(f.Detail)
		}
	}
}

// text makes s valid UTF-8 of at most limit bytes. Messages and stacks are for
// people and come from programs that may print anything at any length.
func text(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
		for range utf8.UTFMax - 1 { // not in the middle of a character
			if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(s, "?")
}

// ranges reads a flat set: increasing, disjoint, within 0..codec.MaxIndex and no larger than a message.
func (s *scanner) ranges() []Range {
	n := s.array(2 * maxRanges)
	if n%2 != 0 {
		s.failf("an index set has %d elements", n)
	}
	rs := make([]Range, 0, n/2)
	end, total := 0, 0
	for range n / 2 {
		from := end + s.uint(codec.MaxIndex)
		k := s.uint(codec.MaxTasks)
		end, total = from+k, total+k
		if s.err == nil && (k == 0 || end > codec.MaxIndex+1 || total > codec.MaxTasks) {
			s.failf("an index set leaves the limits")
		}
		if s.err != nil {
			return nil
		}
		rs = addRange(rs, Range{from, end})
	}
	return rs
}

func (s *scanner) failure() *Failure {
	n := s.array(16)
	if s.err == nil && n < 4 {
		s.failf("a failure has %d elements", n)
	}
	f := &Failure{
		Kind:     FailureKind(s.str(maxKind)),
		Message:  string(s.str(MaxStack)),
		Stack:    string(s.str(MaxStack)),
		Attempts: s.uint(maxAttempts),
	}
	for i := range n - 4 {
		switch v := s.value(); i {
		case 0:
			f.Argument = v
		case 1:
			f.Detail = v
		}
	}
	return f
}
