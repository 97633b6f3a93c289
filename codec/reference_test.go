package codec_test

import "encoding/binary"

// reference is a second reader of msgpack, written straight from the
// specification, slow and recursive: what Guard must agree with.
// It returns how many bytes the value takes, and whether it is well formed and at most depth levels deep.
func reference(b []byte, depth int) (n int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	c, rest := b[0], b[1:]
	number := func(size int) (uint64, []byte, bool) {
		if len(rest) < size {
			return 0, nil, false
		}
		var v [8]byte
		copy(v[8-size:], rest)
		return binary.BigEndian.Uint64(v[:]), rest[size:], true
	}
	payload := func(size int, extra uint64) (int, bool) {
		n, rest, ok := number(size)
		if !ok || n+extra > uint64(len(rest)) {
			return 0, false
		}
		return 1 + size + int(n+extra), true
	}
	fixed := func(size int) (int, bool) { return 1 + size, len(rest) >= size }
	children := func(size int, times uint64) (int, bool) {
		n, rest, ok := number(size)
		if size == 0 {
			n, rest, ok = uint64(c&0x0f), b[1:], true
		}
		if !ok || depth == 0 {
			return 0, false
		}
		used := 1 + size
		for range n * times {
			k, ok := reference(rest, depth-1)
			if !ok {
				return 0, false
			}
			used, rest = used+k, rest[k:]
		}
		return used, true
	}
	switch {
	case c <= 0x7f, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return 1, true
	case c <= 0x8f:
		return children(0, 2)
	case c <= 0x9f:
		return children(0, 1)
	case c <= 0xbf:
		return fixed(int(c & 0x1f))
	}
	switch c {
	case 0xc4, 0xd9:
		return payload(1, 0)
	case 0xc5, 0xda:
		return payload(2, 0)
	case 0xc6, 0xdb:
		return payload(4, 0)
	case 0xc7:
		return payload(1, 1)
	case 0xc8:
		return payload(2, 1)
	case 0xc9:
		return payload(4, 1)
	case 0xcc, 0xd0:
		return fixed(1)
	case 0xcd, 0xd1, 0xd4:
		return fixed(2)
	case 0xd5:
		return fixed(3)
	case 0xca, 0xce, 0xd2:
		return fixed(4)
	case 0xd6:
		return fixed(5)
	case 0xcb, 0xcf, 0xd3:
		return fixed(8)
	case 0xd7:
		return fixed(9)
	case 0xd8:
		return fixed(17)
	case 0xdc:
		return children(2, 1)
	case 0xdd:
		return children(4, 1)
	case 0xde:
		return children(2, 2)
	case 0xdf:
		return children(4, 2)
	}
	return 0, false // c1
}
