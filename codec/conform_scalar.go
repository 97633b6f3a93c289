package codec

import (
	"encoding/binary"
	"math"
	"reflect"
	"time"
)

// loose reports booleans and strings of the wrong type.
func (c *conformer) loose(s *shape, off int) (int, error) {
	code := c.raw[off]
	_, _, isStr := readStr(c.raw, off)
	_, _, isBin := readBin(c.raw, off)
	if s.typ.Kind() == reflect.Bool && code != mpTrue && code != mpFalse ||
		s.typ.Kind() == reflect.String && !isStr && !isBin {
		return c.mismatch(s, off)
	}
	return skipValid(c.raw, off), nil
}

func (c *conformer) int(s *shape, off int) (int, error) {
	if b := c.raw[off]; b < mpFixMap || b >= mpNegFix {
		return off + 1, nil // -32..127 fits every signed type
	}
	num, end := readNumber(c.raw, off)
	if num.kind == 0 {
		return c.mismatch(s, off)
	}
	n, ok := num.integer()
	if !ok || n < s.lo || n > int64(s.hi) {
		return 0, c.doesNotFit(num, s)
	}
	if num.kind != 'i' {
		c.replace(off, end, appendInt(nil, n))
	}
	return end, nil
}

func (c *conformer) uint(s *shape, off int) (int, error) {
	num, end := readNumber(c.raw, off)
	switch num.kind {
	case 0:
		return c.mismatch(s, off)
	case 'u':
		if num.u > s.hi {
			return 0, c.doesNotFit(num, s)
		}
		return end, nil
	}
	n, ok := num.integer()
	if !ok || n < 0 || uint64(n) > s.hi {
		return 0, c.doesNotFit(num, s)
	}
	if num.kind != 'i' {
		c.replace(off, end, appendInt(nil, n))
	}
	return end, nil
}

func (c *conformer) doesNotFit(num number, s *shape) error {
	switch num.kind {
	case 'i':
		return c.fail("%d does not fit %s", num.i, s.typ)
	case 'u':
		return c.fail("%d does not fit %s", num.u, s.typ)
	}
	if num.f != math.Trunc(num.f) {
		return c.fail("%v is not an integer, as %s wants", num.f, s.typ)
	}
	return c.fail("%v does not fit %s (as a float, an integer goes to ±2^53)", num.f, s.typ)
}

func (c *conformer) float(s *shape, off int) (int, error) {
	code := c.raw[off]
	if s.kind == shapeFloat64 && code == mpFloat64 {
		return off + 9, nil
	}
	num, end := readNumber(c.raw, off)
	switch {
	case num.kind == 0:
		return c.mismatch(s, off)
	case num.kind == 'u' && s.kind == shapeFloat64:
		c.replace(off, end, appendFloat64(nil, float64(num.u)))
	case num.kind == 'u':
		c.replace(off, end, appendFloat32(nil, float32(num.u)))
	case num.kind == 'd': // and a float32 is declared
		f := float32(num.f)
		if math.IsInf(float64(f), 0) && !math.IsInf(num.f, 0) {
			return 0, c.fail("%v does not fit %s", num.f, s.typ)
		}
		c.replace(off, end, appendFloat32(nil, f))
	}
	return end, nil
}

// bytes accepts an array of small integers for binary: JSON has no binary, and
// Rust's serde writes Vec<u8> so.
func (c *conformer) bytes(s *shape, off int) (int, error) {
	n, next, ok := readArrayLen(c.raw, off)
	if !ok {
		_, _, isStr := readStr(c.raw, off)
		_, _, isBin := readBin(c.raw, off)
		if !isStr && !isBin {
			return c.mismatch(s, off)
		}
		return skipValid(c.raw, off), nil
	}
	b := make([]byte, n)
	for k := range b {
		num, end := readNumber(c.raw, next)
		i, ok := num.integer()
		if !ok || i < 0 || i > math.MaxUint8 {
			c.push(step{index: k})
			return 0, c.fail("not a byte")
		}
		b[k], next = byte(i), end
	}
	c.replace(off, next, AppendBin(nil, b))
	return next, nil
}

func (c *conformer) time(s *shape, off int) (int, error) {
	if c.raw[off] == mpNil {
		c.replace(off, off+1, appendTime(nil, time.Time{}))
		return off + 1, nil
	}
	text, end, ok := readStr(c.raw, off)
	if !ok {
		if !isExt(c.raw[off]) {
			return c.mismatch(s, off)
		}
		return skipValid(c.raw, off), nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return 0, c.fail("a string that is not an RFC 3339 time where %s is declared", s.typ)
	}
	c.replace(off, end, appendTime(nil, t))
	return end, nil
}

// appendTime writes the 96-bit timestamp extension, which holds every time.
func appendTime(dst []byte, t time.Time) []byte {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], uint32(t.Nanosecond()))
	binary.BigEndian.PutUint64(b[4:], uint64(t.Unix()))
	return appendExt(dst, -1, b[:])
}
