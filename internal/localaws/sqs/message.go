package sqs

import (
	"crypto/md5" //nolint:gosec // SQS's checksum
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// state of a message in its queue's index.
type state uint8

const (
	gone     state = iota // not in the index: deleted, purged, expired or moved
	ready                 // can be received
	delayed               // sent with a delay that has not passed
	inFlight              // received, and its visibility timeout has not passed
)

// message is one message of a queue. Its queue's mutex protects it.
type message struct {
	// id orders messages by their arrival and is the key of its row.
	id   int64
	uuid [16]byte // the MessageId

	body    string // "" when stored is true
	stored  bool   // the body must be read from the database
	size    int32  // body, attribute names, types and values, in bytes
	bodyMD5 [md5.Size]byte
	extra   *extra // never changed in place; nil for most messages

	// Times are Unix milliseconds.
	sent      int64
	visibleAt int64 // when it can be received (again)
	first     int64 // first receive in any queue, 0 before
	received  int64 // last receive in this queue
	receives  uint32
	earlier   uint32 // those of receives that happened in other queues

	state state
	dirty bool // the row does not show the last receive yet
	group *group

	// Places in the index: a link of a list while ready, a position in the heap
	// of hidden messages otherwise.
	prev, next *message
	order      int64
	heapIndex  int
}

// extra is what only some messages have. It is stored as JSON.
type extra struct {
	Attributes map[string]attribute `json:"a,omitempty"`
	Trace      string               `json:"x,omitempty"` // AWSTraceHeader
	Group      string               `json:"g,omitempty"`
	Dedup      string               `json:"d,omitempty"`
	Sequence   string               `json:"q,omitempty"`
	Source     string               `json:"s,omitempty"` // DeadLetterQueueSourceArn
	MD5        string               `json:"m,omitempty"` // of all Attributes
}

// attribute is a message attribute value, in the protocol's own JSON form.
type attribute struct {
	DataType    string  `json:"DataType"`
	StringValue *string `json:"StringValue,omitempty"`
	BinaryValue []byte  `json:"BinaryValue,omitempty"`

	StringListValues []string `json:"StringListValues,omitempty"`
	BinaryListValues [][]byte `json:"BinaryListValues,omitempty"`
}

func (m *message) groupName() string {
	if m.extra == nil {
		return ""
	}
	return m.extra.Group
}

// attributesMD5 is MD5OfMessageAttributes (SQS developer guide, "Calculating the
// MD5 message digest for message attributes"): names in order; for each its name
// and type with their lengths, a byte for the transport type, and the value with
// its length. Empty for no attributes.
func attributesMD5(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	field := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		field(name)
		field(a.DataType)
		if strings.HasPrefix(a.DataType, "Binary") {
			b = append(b, 2)
			field(string(a.BinaryValue))
		} else {
			b = append(b, 1)
			field(a.text())
		}
	}
	sum := md5.Sum(b) //nolint:gosec // SQS's checksum
	return hex.EncodeToString(sum[:])
}

func (a attribute) text() string {
	if a.StringValue == nil {
		return ""
	}
	return *a.StringValue
}

// newUUID returns a random UUID (version 4). Message ids are names, not secrets.
func newUUID() (u [16]byte) {
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

func appendUUID(dst []byte, u [16]byte) []byte {
	for i, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
