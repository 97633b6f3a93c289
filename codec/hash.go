package codec

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Hasher computes the identity of a job's input: SHA-256 over each argument's
// length (eight bytes, big-endian) and bytes, in order. The lengths keep the
// borders: ["ab"] and ["a","b"] differ. The zero value is ready to use; a Hasher
// must not be shared between goroutines.
//
// Hash what this package encoded (Marshal, JSONToMsgpack), never bytes from
// elsewhere: msgpack has many encodings of one value.
type Hasher struct {
	sum hash.Hash
	buf []byte
}

// hasherBuffer gathers small arguments, because a hash.Hash call costs more than hashing them.
const hasherBuffer = 4 << 10

// Add adds the next argument.
func (h *Hasher) Add(raw []byte) {
	if h.buf == nil {
		h.sum, h.buf = sha256.New(), make([]byte, 0, hasherBuffer)
	}
	if len(h.buf)+8+len(raw) > hasherBuffer {
		h.sum.Write(h.buf)
		h.buf = h.buf[:0]
	}
	h.buf = binary.BigEndian.AppendUint64(h.buf, uint64(len(raw)))
	if len(raw) > hasherBuffer-8 {
		h.sum.Write(h.buf)
		h.sum.Write(raw)
		h.buf = h.buf[:0]
		return
	}
	h.buf = append(h.buf, raw...)
}

// Sum returns the hash of what was added so far; more may be added after it.
func (h *Hasher) Sum() [32]byte {
	if h.buf == nil {
		return sha256.Sum256(nil)
	}
	h.sum.Write(h.buf)
	h.buf = h.buf[:0]
	var out [32]byte
	h.sum.Sum(out[:0])
	return out
}
