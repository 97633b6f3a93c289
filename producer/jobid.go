package producer

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// idAlphabet is base32 in an order that ASCII agrees with, so that ids sort by time.
var idAlphabet = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewJobID returns a job id of 16 lowercase letters and digits that sorts by
// time: the first 48 bits of a UUID version 7 (milliseconds since 1970, RFC 9562 §5.7)
// and 32 random ones. Creating a job is conditional, so two jobs of the same
// millisecond that draw the same number do not meet unnoticed; the UUID's other
// bits would only make the id longer to type.
func NewJobID(now time.Time) string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand)
	return idAlphabet.EncodeToString(b[:])
}
