package codec

import (
	"bytes"
	"slices"
)

// sortMaps sorts the entries of every map in b by key, in place, and returns the
// end of the value at off. Go iterates maps in random order and the library sorts
// only three map types, but the hash of a job's input must be the same each time
// the same program submits it. b must have passed skip.
func sortMaps(b []byte, off int) int {
	if n := valueSize[b[off]]; n != 0 {
		return off + int(n)
	}
	length, header, container := lengthOf(b[off:], b[off])
	off += header
	if !container {
		return off + int(length)
	}
	if _, _, isMap := readMapLen(b, off-header); !isMap {
		for range length {
			off = sortMaps(b, off)
		}
		return off
	}
	entries := make([]mapEntry, length/2)
	sorted := true
	start := off
	for i := range entries {
		e := &entries[i]
		e.start, e.value = off, sortMaps(b, off)
		e.end = sortMaps(b, e.value)
		off = e.end
		sorted = sorted && (i == 0 || compareKeys(b, entries[i-1], *e) <= 0)
	}
	if sorted {
		return off
	}
	slices.SortStableFunc(entries, func(x, y mapEntry) int { return compareKeys(b, x, y) })
	moved := make([]byte, 0, off-start)
	for _, e := range entries {
		moved = append(moved, b[e.start:e.end]...)
	}
	copy(b[start:off], moved)
	return off
}

// mapEntry is where a map's key starts, its value starts, and the entry ends.
type mapEntry struct{ start, value, end int }

// compareKeys orders string keys as text, as the library does, and other keys by their bytes.
func compareKeys(b []byte, x, y mapEntry) int {
	kx, _, okx := readStr(b, x.start)
	ky, _, oky := readStr(b, y.start)
	if !okx || !oky {
		kx, ky = b[x.start:x.value], b[y.start:y.value]
	}
	return bytes.Compare(kx, ky)
}
