package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// JSONToMsgpack transcodes one JSON value (RFC 8259) to msgpack, strictly:
//
//   - a number without fraction and exponent is an integer and must fit int64 or
//     uint64; every other number is a float64 and must fit it;
//   - an object with the single key "$bin" and a base64 string is binary, and one
//     with the single key "$ext" and [type, base64 string] an extension value, so
//     that MsgpackToJSON can be undone;
//   - duplicate keys (in objects of up to 64 entries), invalid UTF-8, unpaired
//     surrogates, more than MaxDepth levels and anything after the value are errors.
//
// Key order is kept. The error is a *BadMessageError that tells the byte.
func JSONToMsgpack(json []byte) (msgpack.RawMessage, error) {
	p := jsonReader{src: json, dst: make([]byte, 0, len(json)+16)}
	p.space()
	if err := p.value(0); err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(json) {
		return nil, p.fail("more text after the value")
	}
	if p.objects {
		if _, err := checkKeys(p.dst, 0); err != nil {
			return nil, bad(ReasonJSON, "an object has a duplicate key")
		}
	}
	return p.dst, nil
}

// jsonReader reads src and appends msgpack to dst as it goes.
type jsonReader struct {
	src     []byte
	pos     int
	dst     []byte
	scratch []byte // unescaped strings, decoded base64
	objects bool   // some object had two keys or more
}

func (p *jsonReader) fail(what string) error {
	return bad(ReasonJSON, "%s at byte %d", what, p.pos)
}

// peek returns the next byte, 0 at the end (which is no byte that JSON can begin with).
func (p *jsonReader) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *jsonReader) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *jsonReader) value(depth int) error {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return bad(ReasonLimit, "nested deeper than %d levels at byte %d", MaxDepth, p.pos)
		}
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case c == '"':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return p.word("true", mpTrue)
	case c == 'f':
		return p.word("false", mpFalse)
	case c == 'n':
		return p.word("null", mpNil)
	case p.pos >= len(p.src):
		return p.fail("the text ends where a value should be")
	}
	return p.fail("no JSON value")
}

func (p *jsonReader) word(w string, code byte) error {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(w)) {
		return p.fail("no JSON value")
	}
	p.pos += len(w)
	p.dst = append(p.dst, code)
	return nil
}

func (p *jsonReader) array(depth int) error {
	at := p.open()
	for n := 0; ; n++ {
		if n == 0 && p.peek() == ']' {
			p.pos++
			return nil
		}
		if err := p.value(depth); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case ']':
			p.pos++
			p.close(at, n+1, mpFixArray, mpArray16)
			return nil
		default:
			return p.fail(`want "," or "]"`)
		}
	}
}

func (p *jsonReader) object(depth int) error {
	at := p.open()
	p.dst[at] = mpFixMap
	for n := 0; ; n++ {
		if n == 0 && p.peek() == '}' {
			p.pos++
			return nil
		}
		if p.peek() != '"' {
			return p.fail("want a key in double quotes")
		}
		if err := p.str(); err != nil {
			return err
		}
		p.space()
		if p.peek() != ':' {
			return p.fail(`want ":"`)
		}
		p.pos++
		p.space()
		if err := p.value(depth); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case '}':
			p.pos++
			p.close(at, n+1, mpFixMap, mpMap16)
			p.objects = p.objects || n > 0
			if n == 0 {
				return p.escapes(at)
			}
			return nil
		default:
			return p.fail(`want "," or "}"`)
		}
	}
}

// open steps over the bracket and reserves one byte for the header, which is
// enough for up to 15 elements; at is where.
func (p *jsonReader) open() (at int) {
	p.pos++
	p.space()
	p.dst = append(p.dst, mpFixArray)
	return len(p.dst) - 1
}

// close writes the header at at, making room when one byte is not enough.
func (p *jsonReader) close(at, n int, fix, code16 byte) {
	switch {
	case n < 16:
		p.dst[at] = fix | byte(n)
	case n <= math.MaxUint16:
		p.dst = slices.Insert(p.dst, at+1, 0, 0)
		p.dst[at] = code16
		binary.BigEndian.PutUint16(p.dst[at+1:], uint16(n))
	default:
		p.dst = slices.Insert(p.dst, at+1, 0, 0, 0, 0)
		p.dst[at] = code16 + 1
		binary.BigEndian.PutUint32(p.dst[at+1:], uint32(n))
	}
}

// escapes replaces the one-entry map at at when it is {"$bin": …} or {"$ext": …}.
func (p *jsonReader) escapes(at int) error {
	key, val, _ := readStr(p.dst, at+1)
	switch string(key) {
	case "$bin":
		text, _, ok := readStr(p.dst, val)
		if !ok {
			return nil
		}
		if !p.base64(text) {
			return p.fail(`"$bin" is not base64`)
		}
		p.dst = AppendBin(p.dst[:at], p.scratch)
	case "$ext":
		n, off, ok := readArrayLen(p.dst, val)
		if !ok || n != 2 {
			return nil
		}
		num, off := readNumber(p.dst, off)
		typ, isInt := num.integer()
		if !isInt || num.kind != 'i' || typ < math.MinInt8 || typ > math.MaxInt8 {
			return nil
		}
		text, _, ok := readStr(p.dst, off)
		if !ok {
			return nil
		}
		if !p.base64(text) {
			return p.fail(`"$ext" is not base64`)
		}
		p.dst = appendExt(p.dst[:at], int8(typ), p.scratch)
	}
	return nil
}

// base64 decodes text, which may be part of dst, into scratch.
func (p *jsonReader) base64(text []byte) (ok bool) {
	b, err := base64.StdEncoding.AppendDecode(p.scratch[:0], text)
	p.scratch = b
	return err == nil
}

// maxExactDigits is how many decimal digits every integer below 2^53 has; the
// quotient of two such numbers, the divisor a power of ten up to 10^22, is the
// nearest float64 to the decimal fraction (W. Clinger, 1990).
const maxExactDigits = 15

var powersOfTen = [maxExactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func (p *jsonReader) number() error {
	start := p.pos
	negative := p.peek() == '-'
	if negative {
		p.pos++
	}
	var digits uint64 // of number and fraction; wrong when there are more than 19
	whole, fraction, exponent := 1, 0, false
	if p.peek() == '0' {
		p.pos++
	} else if whole, digits = p.digits(0); whole == 0 {
		return p.fail("want a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if fraction, digits = p.digits(digits); fraction == 0 {
			return p.fail("want a digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		exponent = true
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if n, _ := p.digits(0); n == 0 {
			return p.fail("want a digit")
		}
	}
	switch {
	case exponent || whole+fraction > maxExactDigits:
		return p.longNumber(p.src[start:p.pos], fraction == 0 && !exponent)
	case fraction > 0:
		f := float64(digits) / powersOfTen[fraction]
		if negative {
			f = -f
		}
		p.dst = appendFloat64(p.dst, f)
	case negative:
		p.dst = appendInt(p.dst, -int64(digits))
	default:
		p.dst = appendUint(p.dst, digits)
	}
	return nil
}

// longNumber appends a number that takes more than arithmetic with float64.
func (p *jsonReader) longNumber(digits []byte, isInt bool) error {
	text := string(digits)
	if !isInt {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return p.fail("a number that does not fit a 64-bit float ends")
		}
		p.dst = appendFloat64(p.dst, f)
		return nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		p.dst = appendInt(p.dst, i)
		return nil
	}
	u, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return p.fail("an integer that does not fit 64 bits (a float needs a decimal point) ends")
	}
	p.dst = appendUint(p.dst, u)
	return nil
}

// digits reads decimal digits, counts them and appends them to value.
func (p *jsonReader) digits(value uint64) (n int, more uint64) {
	for p.pos < len(p.src) {
		d := p.src[p.pos] - '0'
		if d > 9 {
			break
		}
		value = 10*value + uint64(d)
		p.pos++
		n++
	}
	return n, value
}
