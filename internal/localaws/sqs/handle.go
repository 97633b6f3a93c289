package sqs

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// receipt is what a receipt handle says: which message of which queue, and which
// of its receives. It holds nothing of the process that made it, so handles
// stay valid when the endpoint is restarted.
type receipt struct {
	queue    int64
	message  int64
	receives uint32
}

const (
	receiptVersion = 1
	receiptLen     = 1 + 8 + 8 + 4 + 4
)

// appendTo appends the handle: base64url of version, queue, message, receives
// and a checksum, which tells a handle from any other text.
func (r receipt) appendTo(dst []byte) []byte {
	var b [receiptLen]byte
	b[0] = receiptVersion
	binary.BigEndian.PutUint64(b[1:], uint64(r.queue))
	binary.BigEndian.PutUint64(b[9:], uint64(r.message))
	binary.BigEndian.PutUint32(b[17:], r.receives)
	binary.BigEndian.PutUint32(b[21:], crc32.ChecksumIEEE(b[:21]))
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

func parseReceipt(handle string) (receipt, bool) {
	var b [receiptLen]byte
	if len(handle) != base64.RawURLEncoding.EncodedLen(receiptLen) {
		return receipt{}, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(handle)); err != nil {
		return receipt{}, false
	}
	if b[0] != receiptVersion || crc32.ChecksumIEEE(b[:21]) != binary.BigEndian.Uint32(b[21:]) {
		return receipt{}, false
	}
	return receipt{
		queue:    int64(binary.BigEndian.Uint64(b[1:])),
		message:  int64(binary.BigEndian.Uint64(b[9:])),
		receives: binary.BigEndian.Uint32(b[17:]),
	}, true
}
