package codec

import (
	"encoding/binary"
	"math"
)

// Guard reports whether b is exactly one well-formed msgpack value that nests
// at most maxDepth arrays and maps (a scalar nests 0; values above MaxDepth
// count as MaxDepth). It allocates nothing unless it refuses.
//
// It must run before any library sees foreign bytes: five bytes
// (dd 7f ff ff ff, an array that claims 2^31-1 elements) make
// vmihailenco/msgpack reserve 32 GiB, and deep nesting overflows its stack;
// neither can be recovered from. Every element takes at least one byte, so a
// count above the bytes left is a lie, and what Guard accepts has at most
// len(b) elements.
//
// Strings are not checked for UTF-8 and maps not for duplicate keys: whether
// that matters depends on where the value goes. The error is a *BadMessageError.
func Guard(b []byte, maxDepth int) error {
	end, _, err := skip(b, 0, maxDepth)
	if err != nil {
		return err
	}
	if end != len(b) {
		return bad(ReasonMsgpack, "%d bytes after the value, which ends at byte %d", len(b)-end, end)
	}
	return nil
}

// valueSize is the size of a whole value, its format byte included, where the
// format byte alone tells it; 0 where more must be read. It makes the common
// path of skip one load, one add and one compare.
var valueSize = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < mpFixMap, c >= mpNegFix:
			t[c] = 1
		case c >= mpFixStr && c < mpNil:
			t[c] = 1 + uint8(c&0x1f)
		}
	}
	for c, n := range map[byte]uint8{
		mpNil: 1, mpFalse: 1, mpTrue: 1,
		mpUint8: 2, mpUint16: 3, mpUint32: 5, mpUint64: 9,
		mpInt8: 2, mpInt16: 3, mpInt32: 5, mpInt64: 9,
		mpFloat32: 5, mpFloat64: 9,
		mpFixExt1: 3, mpFixExt1 + 1: 4, mpFixExt1 + 2: 6, mpFixExt1 + 3: 10, mpFixExt16: 18,
	} {
		t[c] = n
	}
	return t
}()

// skip validates the value at b[off:] and returns where it ends and whether it
// holds a map of two entries or more. It does not recurse: a level costs four
// bytes of a fixed stack.
//
//nolint:gocognit // one loop over the format's first bytes, which every byte from outside goes through
func skip(b []byte, off, maxDepth int) (end int, maps bool, err error) {
	if uint64(len(b)) > math.MaxUint32 {
		return 0, false, bad(ReasonLimit, "%d bytes; nothing above 4 GiB is read", len(b))
	}
	var stack [MaxDepth]uint32
	maxDepth = min(maxDepth, MaxDepth)
	depth, left := 0, uint32(1)
	for {
		for left > 0 {
			if uint(off) >= uint(len(b)) {
				return 0, false, truncated(b, off)
			}
			c := b[off]
			left--
			// The commonest values by comparison: a predicted branch lets the CPU go on to
			// the next value, where a table look-up makes it wait for this one's size.
			if c < mpFixMap {
				off++
				continue
			}
			if c == mpFloat64 {
				off += 9
				continue
			}
			length, header, container := uint64(c&0x0f), 1, true
			switch {
			case c < mpFixArray: // a short map
				length *= 2
				maps = maps || length > 2
			case c < mpFixStr: // a short array
			default:
				if n := valueSize[c]; n != 0 {
					off += int(n)
					continue
				}
				length, header, container = lengthOf(b[off:], c)
				if header == 0 {
					return 0, false, headerError(b, off)
				}
				maps = maps || length > 2 && c >= mpMap16
			}
			off += header
			// Two comparisons rather than one sum: off+length could overflow on 32-bit machines.
			if off > len(b) || length > uint64(len(b)-off) {
				return 0, false, bad(ReasonMsgpack, "%s at byte %d declares %d, but only %d bytes follow",
					typeName(c), off-header, length, max(0, len(b)-off))
			}
			if !container {
				off += int(length)
				continue
			}
			if depth >= maxDepth {
				return 0, false, bad(ReasonLimit, "nested deeper than %d levels at byte %d", maxDepth, off-header)
			}
			stack[depth] = left
			depth++
			left = uint32(length)
		}
		if depth == 0 {
			break
		}
		depth--
		left = stack[depth] //nolint:gosec // depth was below maxDepth before it was raised, which is at most MaxDepth
	}
	if off > len(b) {
		return 0, false, truncated(b, off)
	}
	return off, maps, nil
}

// lengthOf reads the header of a value of variable length: the bytes (of
// strings, binaries and extensions) or the elements (of arrays and maps, whose
// entries count twice) that follow it. header is 0 when b cannot hold it.
func lengthOf(b []byte, c byte) (length uint64, header int, container bool) {
	switch c & 0xf0 {
	case mpFixMap:
		return 2 * uint64(c&0x0f), 1, true
	case mpFixArray:
		return uint64(c & 0x0f), 1, true
	}
	switch c {
	case mpStr8, mpBin8, mpExt8:
		if len(b) < 2 {
			return 0, 0, false
		}
		length, header = uint64(b[1]), 2
	case mpStr16, mpBin16, mpExt16, mpArray16, mpMap16:
		if len(b) < 3 {
			return 0, 0, false
		}
		length, header = uint64(binary.BigEndian.Uint16(b[1:])), 3
	case mpStr32, mpBin32, mpExt32, mpArray32, mpMap32:
		if len(b) < 5 {
			return 0, 0, false
		}
		length, header = uint64(binary.BigEndian.Uint32(b[1:])), 5
	default:
		return 0, 0, false
	}
	switch c {
	case mpExt8, mpExt16, mpExt32:
		header++ // the type byte
	case mpArray16, mpArray32:
		container = true
	case mpMap16, mpMap32:
		length, container = 2*length, true
	}
	return length, header, container
}

func truncated(b []byte, off int) *BadMessageError {
	if len(b) == 0 {
		return bad(ReasonMsgpack, "no bytes")
	}
	return bad(ReasonMsgpack, "ends at byte %d in the middle of a value", min(off, len(b)))
}

func headerError(b []byte, off int) *BadMessageError {
	if b[off] == mpUnused {
		return bad(ReasonMsgpack, "byte %d is c1, which msgpack does not use", off)
	}
	return truncated(b, off)
}
