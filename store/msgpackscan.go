package store

import (
	"errors"
	"fmt"
	"math"
)

// errMalformed is the cause of all errors of scanner.
var errMalformed = errors.New("malformed msgpack")

// scanner reads msgpack from a slice without copying and without allocating by
// declared sizes: every length is checked against the bytes that are left. Its
// first error sticks. The library's decoder reads from an io.Reader and copies
// each value; one message holds up to 10,000.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) failf(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
	}
	s.b = nil
}

// take returns the next n bytes.
func (s *scanner) take(n int) []byte {
	if n < 0 || n > len(s.b) {
		s.failf("%d bytes are declared, %d are left", n, len(s.b))
		return nil
	}
	head := s.b[:n:n]
	s.b = s.b[n:]
	return head
}

// code takes the byte that begins a value.
func (s *scanner) code() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0xc1 // never used by msgpack
}

// size takes an n-byte big-endian unsigned integer, n ≤ 4.
func (s *scanner) size(n int) int {
	v := 0
	for _, c := range s.take(n) {
		v = v<<8 | int(c)
	}
	return v
}

// int reads a whole number of any width and sign that fits 64 bits.
func (s *scanner) int() int64 {
	c := s.code()
	switch {
	case c <= 0x7f, c >= 0xe0:
		return int64(int8(c))
	case c < 0xcc || c > 0xd3:
		s.failf("code %#x is not a whole number", c)
		return 0
	}
	signed := c >= 0xd0
	width := 1 << (c & 3)
	var v uint64
	for _, b := range s.take(width) {
		v = v<<8 | uint64(b)
	}
	if signed {
		shift := 64 - 8*width
		return int64(v<<shift) >> shift
	}
	if v > math.MaxInt64 {
		s.failf("%d does not fit 64 bits with a sign", v)
		return 0
	}
	return int64(v)
}

// uint reads a whole number in 0..limit.
func (s *scanner) uint(limit int) int {
	v := s.int()
	if v < 0 || v > int64(limit) {
		s.failf("%d is outside 0..%d", v, limit)
		return 0
	}
	return int(v)
}

// array reads an array's length, at most limit and at most the bytes that are left.
func (s *scanner) array(limit int) int {
	var n int
	switch c := s.code(); {
	case c&0xf0 == 0x90:
		n = int(c & 0x0f)
	case c == 0xdc:
		n = s.size(2)
	case c == 0xdd:
		n = s.size(4)
	default:
		s.failf("code %#x is not an array", c)
	}
	return s.bounded(n, limit)
}

// mapLen reads a map's length like array.
func (s *scanner) mapLen(limit int) int {
	var n int
	switch c := s.code(); {
	case c&0xf0 == 0x80:
		n = int(c & 0x0f)
	case c == 0xde:
		n = s.size(2)
	case c == 0xdf:
		n = s.size(4)
	default:
		s.failf("code %#x is not a map", c)
	}
	return s.bounded(n, limit)
}

func (s *scanner) bounded(n, limit int) int {
	if n > limit || n > len(s.b) {
		s.failf("%d elements are declared; the limit is %d and %d bytes are left", n, limit, len(s.b))
		return 0
	}
	return n
}

// str reads a string of at most limit bytes; the result aliases the input.
func (s *scanner) str(limit int) []byte {
	var n int
	switch c := s.code(); {
	case c&0xe0 == 0xa0:
		n = int(c & 0x1f)
	case c == 0xd9:
		n = s.size(1)
	case c == 0xda:
		n = s.size(2)
	case c == 0xdb:
		n = s.size(4)
	default:
		s.failf("code %#x is not a string", c)
	}
	return s.take(s.bounded(n, limit))
}

// value takes one value of any kind and returns its bytes, which alias the
// input. There is no recursion, so nesting needs no limit here.
func (s *scanner) value() []byte {
	begin := s.b
	for open := 1; open > 0 && s.err == nil; open-- {
		open += s.head()
		if open-1 > len(s.b) { // every open value needs a byte at least
			s.failf("%d values are declared, %d bytes are left", open-1, len(s.b))
		}
	}
	if s.err != nil {
		return nil
	}
	n := len(begin) - len(s.b)
	return begin[:n:n]
}

// head takes a scalar, or the head of a container, and returns how many values follow as its content.
func (s *scanner) head() int {
	c := s.code()
	switch {
	case c <= 0x7f, c >= 0xe0: // small integers
	case c <= 0x8f:
		return 2 * int(c&0x0f)
	case c <= 0x9f:
		return int(c & 0x0f)
	case c <= 0xbf:
		s.take(int(c & 0x1f))
	default:
		return s.wideHead(c)
	}
	return 0
}

// wideHead is head for the codes from 0xc0 to 0xdf.
func (s *scanner) wideHead(c byte) int {
	switch c {
	case 0xc0, 0xc2, 0xc3: // nil, false, true
	case 0xcc, 0xd0:
		s.take(1)
	case 0xcd, 0xd1:
		s.take(2)
	case 0xca, 0xce, 0xd2:
		s.take(4)
	case 0xcb, 0xcf, 0xd3:
		s.take(8)
	case 0xc4, 0xd9: // bin, str
		s.take(s.size(1))
	case 0xc5, 0xda:
		s.take(s.size(2))
	case 0xc6, 0xdb:
		s.take(s.size(4))
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // fixext 1 … 16
		s.take(1 + 1<<(c-0xd4))
	case 0xc7, 0xc8, 0xc9: // ext
		s.take(1 + s.size(1<<(c-0xc7)))
	case 0xdc:
		return s.size(2)
	case 0xdd:
		return s.size(4)
	case 0xde:
		return 2 * s.size(2)
	case 0xdf:
		return 2 * s.size(4)
	default:
		s.failf("code %#x", c)
	}
	return 0
}

// oneValue reports why b is not exactly one msgpack value.
func oneValue(b []byte) error {
	s := scanner{b: b}
	s.value()
	if s.err == nil && len(s.b) > 0 {
		s.failf("%d bytes follow the value", len(s.b))
	}
	return s.err
}
