package codec

import (
	"fmt"
	"strconv"
)

// conform checks an encoded value against the Go type it is about to be decoded
// into and returns the bytes to hand to the library: raw itself when nothing has
// to change, else a copy with some scalars replaced. It is here because the
// library by itself
//
//   - wraps integers that do not fit (300 into an int8 becomes 44, 2^63 into a
//     float64 becomes negative): refused, or replaced by the float;
//   - refuses a float64 where a float32 is declared and a float where an integer
//     is, though Python and JavaScript have no float32, and R writes whole numbers
//     as floats: replaced when the value fits;
//   - reads the payload of an extension as a map header where a map is declared,
//     which lets a forged count past the guard: refused;
//   - panics on nil, and refuses a string, where a time.Time is declared: replaced;
//   - decodes numbers into an interface as int8, uint16, float32, …, after whatever
//     width the sender chose: widened to int64, uint64 (only above 2^63-1) and float64;
//   - reserves count × element size for a slice: bounded.
//
// Values of types with decoders of their own are left to them, and so is every
// other mismatch, which the library reports.
func conform(raw []byte, s *shape) ([]byte, error) {
	c := conformer{raw: raw, budget: memoryBudget(raw)}
	if _, err := c.walk(s, 0); err != nil {
		return nil, err
	}
	if c.done == 0 && c.out == nil {
		return raw, nil
	}
	return append(c.out, raw[c.done:]...), nil
}

// What decoding may reserve for declared types: generous for every honest value
// (one byte is a zero struct at the worst), and far from killing a worker.
const (
	baseMemory    = 64 << 20
	memoryPerByte = 64
)

func memoryBudget(raw []byte) int64 { return baseMemory + memoryPerByte*int64(len(raw)) }

type conformer struct {
	raw    []byte
	out    []byte // raw[:done] as it shall be; nil while nothing has changed
	done   int
	budget int64
	path   []step // where in the value the walk is, for errors
	// strict also reports the mismatches that the library would report, because
	// here the place is known. It is set on a second walk after the library failed.
	strict bool
}

// step is one element of the path: a name, or an index when name is nil.
type step struct {
	name  []byte
	index int
}

// replace puts other bytes in the place of raw[off:end].
func (c *conformer) replace(off, end int, with []byte) {
	if c.out == nil {
		c.out = make([]byte, 0, len(c.raw)+len(c.raw)/4+16)
	}
	c.out = append(append(c.out, c.raw[c.done:off]...), with...)
	c.done = end
}

func (c *conformer) fail(format string, args ...any) error {
	where := ""
	for _, p := range c.path {
		switch {
		case p.name == nil:
			where += "[" + strconv.Itoa(p.index) + "]"
		case where == "":
			where = clip(p.name)
		default:
			where += "." + clip(p.name)
		}
	}
	if where != "" {
		where += ": "
	}
	return fmt.Errorf("%s%s", where, fmt.Sprintf(format, args...))
}

// clip makes a key fit for a line of an error: printable and short.
func clip(key []byte) string {
	if len(key) > 40 {
		return clip(key[:40]) + "…"
	}
	q := strconv.Quote(string(key))
	return q[1 : len(q)-1]
}

func (c *conformer) push(p step) { c.path = append(c.path, p) }
func (c *conformer) pop()        { c.path = c.path[:len(c.path)-1] }

func (c *conformer) charge(n, size int64) error {
	if size > 0 && n > c.budget/size {
		return c.fail("%d values of %d bytes each would take too much memory", n, size)
	}
	c.budget -= n * size
	return nil
}

// mismatch is what a value of the wrong type gets: nothing, unless a reason is wanted.
func (c *conformer) mismatch(s *shape, off int) (int, error) {
	if c.strict && c.raw[off] != mpNil {
		return 0, c.fail("got %s where %s is declared", typeName(c.raw[off]), s.typ)
	}
	return skipValid(c.raw, off), nil
}

// skipValid returns the end of a value that has passed skip.
func skipValid(b []byte, off int) int {
	if n := valueSize[b[off]]; n != 0 {
		return off + int(n)
	}
	end, _, _ := skip(b, off, MaxDepth)
	return end
}

func (c *conformer) walk(s *shape, off int) (end int, err error) {
	code := c.raw[off]
	switch s.kind {
	case shapeInt:
		return c.int(s, off)
	case shapeUint:
		return c.uint(s, off)
	case shapeFloat64, shapeFloat32:
		return c.float(s, off)
	case shapePtr:
		if code == mpNil {
			return off + 1, nil
		}
		return c.walk(s.elem, off)
	case shapeStruct:
		return c.structure(s, off)
	case shapeSlice, shapeArray:
		return c.slice(s, off)
	case shapeMap:
		return c.mapping(s, off)
	case shapeAny:
		return c.any(off)
	case shapeBytes:
		return c.bytes(s, off)
	case shapeTime:
		return c.time(s, off)
	case shapeLoose:
		if c.strict {
			return c.loose(s, off)
		}
	case shapeOpaque: // its own decoder is its judge
	}
	return skipValid(c.raw, off), nil
}

func (c *conformer) slice(s *shape, off int) (int, error) {
	n, next, ok := readArrayLen(c.raw, off)
	if !ok {
		return c.mismatch(s, off)
	}
	if s.kind == shapeSlice {
		if err := c.charge(int64(n), s.size); err != nil {
			return 0, err
		}
	} else if err := c.charge(1, int64(s.typ.Size())); err != nil {
		return 0, err
	}
	k := 0
	if s.elem.kind == shapeFloat64 {
		for ; k < n && c.raw[next] == mpFloat64; k++ { // the bulk of numeric work
			next += 9
		}
	}
	c.push(step{})
	for ; k < n; k++ {
		c.path[len(c.path)-1].index = k
		var err error
		if next, err = c.walk(s.elem, next); err != nil {
			return 0, err
		}
	}
	c.pop()
	return next, nil
}

func (c *conformer) mapping(s *shape, off int) (int, error) {
	if isExt(c.raw[off]) {
		return 0, c.fail("got an extension where %s is declared", s.typ)
	}
	n, next, ok := readMapLen(c.raw, off)
	if !ok {
		return c.mismatch(s, off)
	}
	if err := c.charge(int64(n), s.size); err != nil {
		return 0, err
	}
	for range n {
		key := c.raw[next:skipValid(c.raw, next)]
		if text, _, ok := readStr(c.raw, next); ok {
			key = text
		}
		c.push(step{name: key})
		var err error
		if next, err = c.walk(s.key, next); err != nil {
			return 0, err
		}
		if next, err = c.walk(s.elem, next); err != nil {
			return 0, err
		}
		c.pop()
	}
	return next, nil
}

func (c *conformer) structure(s *shape, off int) (int, error) {
	if err := c.charge(1, s.size); err != nil {
		return 0, err
	}
	if n, next, ok := readArrayLen(c.raw, off); ok {
		if n != len(s.list) && n != 0 {
			if c.strict {
				return 0, c.fail("an array of %d where %s has %d fields", n, s.typ, len(s.list))
			}
			return skipValid(c.raw, off), nil
		}
		for k := range n {
			c.push(step{index: k})
			var err error
			if next, err = c.walk(s.list[k], next); err != nil {
				return 0, err
			}
			c.pop()
		}
		return next, nil
	}
	n, next, ok := readMapLen(c.raw, off)
	if !ok {
		return c.mismatch(s, off)
	}
	for range n {
		name, value, ok := readStr(c.raw, next)
		if !ok {
			if name, value, ok = readBin(c.raw, next); !ok {
				value = skipValid(c.raw, next) // a key that no field has; the library decides
			}
		}
		field := s.fields[string(name)]
		if !ok || field == nil {
			next = skipValid(c.raw, value)
			continue
		}
		c.push(step{name: name})
		var err error
		if next, err = c.walk(field, value); err != nil {
			return 0, err
		}
		c.pop()
	}
	return next, nil
}

// any widens the numbers in a value that is decoded without a declared type.
func (c *conformer) any(off int) (int, error) {
	if n, next, ok := readArrayLen(c.raw, off); ok {
		var err error
		for range n {
			if next, err = c.any(next); err != nil {
				return 0, err
			}
		}
		return next, nil
	}
	if n, next, ok := readMapLen(c.raw, off); ok {
		var err error
		for range n {
			if _, _, ok := readStr(c.raw, next); !ok && c.strict {
				return 0, c.fail("a map key is %s, want a string", typeName(c.raw[next]))
			}
			if next, err = c.any(skipValid(c.raw, next)); err != nil {
				return 0, err
			}
		}
		return next, nil
	}
	num, end := readNumber(c.raw, off)
	switch code := c.raw[off]; {
	case num.kind == 'i' && code != mpInt64:
		c.replace(off, end, appendInt64(nil, num.i))
	case num.kind == 'f':
		c.replace(off, end, appendFloat64(nil, num.f))
	case num.kind == 0:
		end = skipValid(c.raw, off)
	}
	return end, nil
}
