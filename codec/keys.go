package codec

import (
	"bytes"
	"encoding/binary"
)

// maxCheckedKeys is how large a map may be for its keys to be checked for
// duplicates. Records have few keys; a table with thousands is its decoder's
// business, and comparing all pairs of it would cost too much here.
const maxCheckedKeys = 64

// checkKeys refuses duplicate keys in the maps of the value at b[off:]
// that have at most maxCheckedKeys entries: decoders disagree on which one wins,
// so such a task would mean different things in different languages. The value
// must have passed skip, which also bounds the recursion.
func checkKeys(b []byte, off int) (end int, err error) {
	if n := valueSize[b[off]]; n != 0 {
		return off + int(n), nil
	}
	length, header, container := lengthOf(b[off:], b[off])
	if !container {
		return off + header + int(length), nil
	}
	if n, next, ok := readMapLen(b, off); ok && n <= maxCheckedKeys {
		return checkMap(b, next, n)
	}
	off += header
	for range length {
		if off, err = checkKeys(b, off); err != nil {
			return 0, err
		}
	}
	return off, nil
}

func checkMap(b []byte, off, entries int) (end int, err error) {
	var seen [maxCheckedKeys]struct {
		hash     uint32
		off, end uint32
	}
	for n := range entries {
		next, err := checkKeys(b, off) // a key may hold maps itself
		if err != nil {
			return 0, err
		}
		var scratch, other [numberKey]byte
		class, key := mapKey(b[off:next], scratch[:0])
		h := keyHash(key) ^ uint32(class)
		for _, s := range seen[:n] {
			if s.hash != h {
				continue
			}
			if c, k := mapKey(b[s.off:s.end], other[:0]); c == class && bytes.Equal(k, key) {
				return 0, bad(ReasonMsgpack, "map with a duplicate key at byte %d", off)
			}
		}
		seen[n].hash, seen[n].off, seen[n].end = h, uint32(off), uint32(next)
		if off, err = checkKeys(b, next); err != nil {
			return 0, err
		}
	}
	return off, nil
}

// numberKey is how many bytes a number takes as a map key.
const numberKey = 9

// mapKey returns what tells a map's key from the others: the content of a string or
// binary, whatever the form of its length; the value of a number, as Python takes
// 1 and 1.0 for one key; the bytes of anything else. scratch is used for numbers.
func mapKey(b, scratch []byte) (class byte, key []byte) {
	if s, _, ok := readStr(b, 0); ok {
		return 's', s
	}
	if s, _, ok := readBin(b, 0); ok {
		return 'b', s
	}
	num, _ := readNumber(b, 0)
	if num.kind == 0 {
		return 'x', b
	}
	if i, ok := num.integer(); ok {
		return 'n', appendInt64(scratch, i)
	}
	if num.kind == 'u' {
		return 'n', binary.BigEndian.AppendUint64(append(scratch, mpUint64), num.u)
	}
	return 'n', appendFloat64(scratch, num.f)
}

// keyHash only has to tell most different keys apart: equal hashes are compared in full.
func keyHash(k []byte) uint32 {
	h := uint64(len(k))
	if len(k) >= 8 {
		h ^= binary.LittleEndian.Uint64(k) * 0x9e3779b97f4a7c15
		h ^= binary.LittleEndian.Uint64(k[len(k)-8:]) * 0xc2b2ae3d27d4eb4f
	} else {
		for _, c := range k {
			h = h<<8 | uint64(c)
		}
		h *= 0x9e3779b97f4a7c15
	}
	return uint32(h >> 32)
}
