package codec

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxCheckedKeys is how large a map may be for its keys to be checked for
// duplicates. Records have few keys; a table with thousands is its decoder's
// business, and comparing all pairs of it would cost too much here.
const maxCheckedKeys = 64

// fewKeys is the size of most records. Their keys are compared in pairs; more keys
// are found in a hash table, which takes time to clear.
const fewKeys = 16

// tableBits gives the table twice as many places as there are keys.
const tableBits = 7

// checkArgument validates the argument at b[off:], its keys included, and returns
// where it ends.
func checkArgument(b []byte, off int) (end int, err error) {
	if end, ok := flatRecord(b, off); ok {
		return end, nil
	}
	end, maps, err := skip(b, off, MaxValueDepth)
	if err == nil && maps {
		_, err = checkKeys(b, off)
	}
	return end, err
}

// flatRecord reads what most arguments are: a short map of short, distinct names to
// values whose first byte tells their size. It does in one pass what skip and
// checkKeys do in two, and leaves to them whatever is different or wrong.
func flatRecord(b []byte, off int) (end int, ok bool) {
	if off >= len(b) || b[off]&0xf0 != mpFixMap {
		return 0, false
	}
	entries := int(b[off] & 0x0f)
	off++
	var looks [fewKeys]uint64
	for n := range entries {
		if off >= len(b) {
			return 0, false
		}
		size := int(b[off] & 0x1f)
		if value := off + 1 + size; b[off]&0xe0 != mpFixStr || value >= len(b) {
			return 0, false
		}
		name := b[off+1 : off+1+size]
		var look uint64
		switch {
		case size > 8:
			look = keyHash(name)
		case off+9 <= len(b):
			look = binary.LittleEndian.Uint64(b[off+1:]) & (1<<(8*size) - 1)
		default:
			for i, c := range name {
				look |= uint64(c) << (8 * i)
			}
		}
		if slices.Contains(looks[:n], look) {
			return 0, false
		}
		looks[n] = look
		off += 1 + size
		step := valueSize[b[off]]
		if step == 0 {
			return 0, false
		}
		off += int(step)
	}
	return off, off <= len(b)
}

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
	if n, next, ok := readMapLen(b, off); ok && n > 1 && n <= maxCheckedKeys {
		if n <= fewKeys {
			var seen [fewKeys]seenKey
			return checkMap(b, next, seen[:n], nil)
		}
		var seen [maxCheckedKeys]seenKey
		var table [1 << tableBits]uint8
		return checkMap(b, next, seen[:n], &table)
	}
	off += header
	for range length {
		if n := valueSize[b[off]]; n != 0 { // as checkKeys, without the call
			off += int(n)
			continue
		}
		if off, err = checkKeys(b, off); err != nil {
			return 0, err
		}
	}
	return off, nil
}

// seenKey is a key of the map being checked.
type seenKey struct {
	look     uint64
	off, end uint32
}

// isInTable tells whether the key is among those that have been seen, and puts it
// into the table when it is not. The table holds places in seen, counted from 1; 0 is free.
func isInTable(b []byte, seen []seenKey, table *[1 << tableBits]uint8, key seenKey) bool {
	at := key.look * 0x9e3779b97f4a7c15 >> (64 - tableBits)
	for ; table[at] != 0; at = (at + 1) % (1 << tableBits) {
		if s := seen[table[at]-1]; s.look == key.look && sameKey(b, s, key) {
			return true
		}
	}
	table[at] = uint8(len(seen) + 1)
	return false
}

// checkMap checks a map of len(seen) entries that begin at b[off:]. table is nil
// when they are few.
func checkMap(b []byte, off int, seen []seenKey, table *[1 << tableBits]uint8) (end int, err error) {
	for n := range seen {
		// Most keys are short strings, whose look is their own bytes.
		size := int(b[off] & 0x1f)
		next := off + 1 + size
		var look uint64
		if b[off]&0xe0 == mpFixStr && size <= 8 && off+9 <= len(b) {
			look = binary.LittleEndian.Uint64(b[off+1:]) & (1<<(8*size) - 1)
		} else {
			if next, err = checkKeys(b, off); err != nil { // a key may hold maps itself
				return 0, err
			}
			look = keyLook(b[off:next])
		}
		key := seenKey{look, uint32(off), uint32(next)}
		twice := false
		if table == nil {
			for i := range n {
				twice = twice || seen[i].look == look && sameKey(b, seen[i], key)
			}
		} else {
			twice = isInTable(b, seen[:n], table, key)
		}
		if twice {
			return 0, bad(ReasonMsgpack, "map with a duplicate key at byte %d", off)
		}
		seen[n] = key                              //nolint:gosec // n ranges over seen
		if size := valueSize[b[next]]; size != 0 { // as checkKeys, without the call
			off = next + int(size)
		} else if off, err = checkKeys(b, next); err != nil {
			return 0, err
		}
	}
	return off, nil
}

// keyLook only has to tell most different keys apart, and to be equal for equal
// ones: keys of equal looks are compared in full. That of a string of up to eight
// bytes is its bytes, as in checkMap.
func keyLook(b []byte) uint64 {
	var scratch [numberKey]byte
	class, key := mapKey(b, scratch[:0])
	if class == 's' && len(key) <= 8 {
		var padded [8]byte
		copy(padded[:], key)
		return binary.LittleEndian.Uint64(padded[:])
	}
	return uint64(class) ^ keyHash(key)
}

func sameKey(b []byte, x, y seenKey) bool {
	var scratch, other [numberKey]byte
	classX, keyX := mapKey(b[x.off:x.end], scratch[:0])
	classY, keyY := mapKey(b[y.off:y.end], other[:0])
	return classX == classY && bytes.Equal(keyX, keyY)
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

func keyHash(k []byte) uint64 {
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
	return h
}
