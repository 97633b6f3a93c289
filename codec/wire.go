package codec

import (
	"encoding/binary"
	"math"
)

// The msgpack format bytes (github.com/msgpack/msgpack/blob/master/spec.md)
// that the hand-driven readers and writers of this package need by name.
const (
	mpFixMap   = 0x80
	mpFixArray = 0x90
	mpFixStr   = 0xa0
	mpNil      = 0xc0
	mpUnused   = 0xc1
	mpFalse    = 0xc2
	mpTrue     = 0xc3
	mpBin8     = 0xc4
	mpBin16    = 0xc5
	mpBin32    = 0xc6
	mpExt8     = 0xc7
	mpExt16    = 0xc8
	mpExt32    = 0xc9
	mpFloat32  = 0xca
	mpFloat64  = 0xcb
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpInt8     = 0xd0
	mpInt16    = 0xd1
	mpInt32    = 0xd2
	mpInt64    = 0xd3
	mpFixExt1  = 0xd4
	mpFixExt16 = 0xd8
	mpStr8     = 0xd9
	mpStr16    = 0xda
	mpStr32    = 0xdb
	mpArray16  = 0xdc
	mpArray32  = 0xdd
	mpMap16    = 0xde
	mpMap32    = 0xdf
	mpNegFix   = 0xe0
)

// maxExactInt is the largest magnitude up to which every integer has a float64
// of its own; beyond it an "integral float" may be the rounding of another number.
const maxExactInt = 1 << 53

// AppendMapLen begins a map of n entries in msgpack; its keys and values are to follow.
func AppendMapLen(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, mpFixMap|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpMap16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, mpMap32), uint32(n))
}

// AppendArrayLen begins an array of n elements in msgpack; they are to follow.
func AppendArrayLen(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, mpFixArray|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpArray16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, mpArray32), uint32(n))
}

func appendStrLen(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, mpFixStr|byte(n))
	case n <= math.MaxUint8:
		return append(dst, mpStr8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpStr16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, mpStr32), uint32(n))
}

// AppendStr writes a msgpack string of at most 4 GiB. Whether it is UTF-8 is the caller's business.
func AppendStr(dst []byte, s string) []byte {
	return append(appendStrLen(dst, len(s)), s...)
}

// AppendBin writes msgpack binary of at most 4 GiB.
func AppendBin(dst, b []byte) []byte {
	switch n := len(b); {
	case n <= math.MaxUint8:
		dst = append(dst, mpBin8, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, mpBin16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, mpBin32), uint32(n))
	}
	return append(dst, b...)
}

// appendExt writes an extension value; fixext forms where the spec has one.
func appendExt(dst []byte, typ int8, b []byte) []byte {
	switch n := len(b); {
	case n == 1 || n == 2 || n == 4 || n == 8 || n == 16:
		code := byte(mpFixExt1)
		for ; n > 1; n >>= 1 {
			code++
		}
		dst = append(dst, code)
	case n <= math.MaxUint8:
		dst = append(dst, mpExt8, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, mpExt16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, mpExt32), uint32(n))
	}
	return append(append(dst, byte(typ)), b...)
}

// appendInt writes n in its shortest form.
func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, mpInt8, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, mpInt16), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, mpInt32), uint32(n))
	}
	return appendInt64(dst, n)
}

// appendInt64 writes n in nine bytes whatever its size.
func appendInt64(dst []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, mpInt64), uint64(n))
}

// appendUint writes n in its shortest form.
func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n < 128:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, mpUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpUint16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, mpUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, mpUint64), n)
}

func appendFloat64(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, mpFloat64), math.Float64bits(f))
}

func appendFloat32(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, mpFloat32), math.Float32bits(f))
}

// The readers below run on bytes that skip has already accepted, at the offset
// of a value: they check the value's type, not its bounds.

func readMapLen(b []byte, off int) (n, next int, ok bool) {
	switch c := b[off]; {
	case c&0xf0 == mpFixMap:
		return int(c & 0x0f), off + 1, true
	case c == mpMap16:
		return int(binary.BigEndian.Uint16(b[off+1:])), off + 3, true
	case c == mpMap32:
		return int(binary.BigEndian.Uint32(b[off+1:])), off + 5, true
	}
	return 0, off, false
}

func readArrayLen(b []byte, off int) (n, next int, ok bool) {
	switch c := b[off]; {
	case c&0xf0 == mpFixArray:
		return int(c & 0x0f), off + 1, true
	case c == mpArray16:
		return int(binary.BigEndian.Uint16(b[off+1:])), off + 3, true
	case c == mpArray32:
		return int(binary.BigEndian.Uint32(b[off+1:])), off + 5, true
	}
	return 0, off, false
}

// readStr returns the bytes of a str value.
func readStr(b []byte, off int) (s []byte, next int, ok bool) {
	var n int
	switch c := b[off]; {
	case c&0xe0 == mpFixStr:
		n, off = int(c&0x1f), off+1
	case c == mpStr8:
		n, off = int(b[off+1]), off+2
	case c == mpStr16:
		n, off = int(binary.BigEndian.Uint16(b[off+1:])), off+3
	case c == mpStr32:
		n, off = int(binary.BigEndian.Uint32(b[off+1:])), off+5
	default:
		return nil, off, false
	}
	return b[off : off+n], off + n, true
}

// readBin returns the bytes of a bin value.
func readBin(b []byte, off int) (s []byte, next int, ok bool) {
	var n int
	switch b[off] {
	case mpBin8:
		n, off = int(b[off+1]), off+2
	case mpBin16:
		n, off = int(binary.BigEndian.Uint16(b[off+1:])), off+3
	case mpBin32:
		n, off = int(binary.BigEndian.Uint32(b[off+1:])), off+5
	default:
		return nil, off, false
	}
	return b[off : off+n], off + n, true
}

// readExt returns the type and the bytes of an extension value.
func readExt(b []byte, off int) (typ int8, data []byte, next int, ok bool) {
	var n int
	switch c := b[off]; {
	case c >= mpFixExt1 && c <= mpFixExt16:
		n, off = 1<<(c-mpFixExt1), off+1
	case c == mpExt8:
		n, off = int(b[off+1]), off+2
	case c == mpExt16:
		n, off = int(binary.BigEndian.Uint16(b[off+1:])), off+3
	case c == mpExt32:
		n, off = int(binary.BigEndian.Uint32(b[off+1:])), off+5
	default:
		return 0, nil, off, false
	}
	return int8(b[off]), b[off+1 : off+1+n], off + 1 + n, true
}

func isExt(c byte) bool {
	return c >= mpExt8 && c <= mpExt32 || c >= mpFixExt1 && c <= mpFixExt16
}

// number is a msgpack number as it stands on the wire.
type number struct {
	kind byte // 'i', 'u' (only above math.MaxInt64), 'f' (float32) or 'd' (float64); 0 for a value that is no number
	i    int64
	u    uint64
	f    float64
}

func readNumber(b []byte, off int) (number, int) {
	be := binary.BigEndian
	switch c := b[off]; c {
	case mpUint8:
		return number{kind: 'i', i: int64(b[off+1])}, off + 2
	case mpUint16:
		return number{kind: 'i', i: int64(be.Uint16(b[off+1:]))}, off + 3
	case mpUint32:
		return number{kind: 'i', i: int64(be.Uint32(b[off+1:]))}, off + 5
	case mpUint64:
		u := be.Uint64(b[off+1:])
		if u > math.MaxInt64 {
			return number{kind: 'u', u: u}, off + 9
		}
		return number{kind: 'i', i: int64(u)}, off + 9
	case mpInt8:
		return number{kind: 'i', i: int64(int8(b[off+1]))}, off + 2
	case mpInt16:
		return number{kind: 'i', i: int64(int16(be.Uint16(b[off+1:])))}, off + 3
	case mpInt32:
		return number{kind: 'i', i: int64(int32(be.Uint32(b[off+1:])))}, off + 5
	case mpInt64:
		return number{kind: 'i', i: int64(be.Uint64(b[off+1:]))}, off + 9
	case mpFloat32:
		return number{kind: 'f', f: float64(math.Float32frombits(be.Uint32(b[off+1:])))}, off + 5
	case mpFloat64:
		return number{kind: 'd', f: math.Float64frombits(be.Uint64(b[off+1:]))}, off + 9
	default:
		if c < mpFixMap || c >= mpNegFix {
			return number{kind: 'i', i: int64(int8(c))}, off + 1
		}
	}
	return number{}, off
}

// integer converts the number to an int64 under the rule of the format: an
// integral float up to ±2^53 is an integer, because R and JavaScript write
// their whole numbers so.
func (n number) integer() (int64, bool) {
	switch n.kind {
	case 'i':
		return n.i, true
	case 'f', 'd':
		if math.Abs(n.f) <= maxExactInt && n.f == math.Trunc(n.f) {
			return int64(n.f), true
		}
	}
	return 0, false
}

// typeName names the msgpack type of a format byte for error messages.
func typeName(c byte) string {
	switch {
	case c < mpFixMap, c >= mpNegFix, c >= mpUint8 && c <= mpInt64:
		return "an integer"
	case c&0xf0 == mpFixMap, c == mpMap16, c == mpMap32:
		return "a map"
	case c&0xf0 == mpFixArray, c == mpArray16, c == mpArray32:
		return "an array"
	case c&0xe0 == mpFixStr, c >= mpStr8 && c <= mpStr32:
		return "a string"
	case c == mpNil:
		return "nil"
	case c == mpTrue, c == mpFalse:
		return "a boolean"
	case c >= mpBin8 && c <= mpBin32:
		return "binary"
	case c == mpFloat32, c == mpFloat64:
		return "a float"
	case isExt(c):
		return "an extension"
	}
	return "an unknown type"
}
