package child

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/starburst-go/starburst/codec"
)

// Version is the version of the worker protocol.
const Version = 1

// MaxFrame is the largest payload of a frame, in bytes, both ways. Its first byte is
// below every printable character, so that stray text is no legal length.
const MaxFrame = 64 << 20

// The descriptors of the child's ends.
const (
	fdIn  = 3
	fdOut = 4
)

// headerLen is the length in front of each payload.
const headerLen = 4

// atOnce is how much of a payload is reserved before it has arrived.
const atOnce = 1 << 20

// BreachError says what a child has written that the protocol does not allow.
type BreachError struct{ What string }

// Error says it in one line.
func (e *BreachError) Error() string {
	return "the child broke the worker protocol: " + e.What
}

func breachf(format string, args ...any) *BreachError {
	return &BreachError{What: fmt.Sprintf(format, args...)}
}

// frameReader reads frames. deadline, when there is one, bounds the time from a
// frame's first byte to its last.
type frameReader struct {
	r        *bufio.Reader
	deadline func(time.Time) error
	timeout  time.Duration
}

// next returns the next payload, one well-formed map. The error is io.EOF
// between two frames, a *BreachError, or the pipe's.
func (f *frameReader) next() ([]byte, error) {
	if _, err := f.r.Peek(1); err != nil {
		return nil, err
	}
	if f.deadline != nil && !f.buffered() {
		_ = f.deadline(time.Now().Add(f.timeout)) // a pipe without deadlines waits on
		defer func() { _ = f.deadline(time.Time{}) }()
	}
	head, err := f.r.Peek(headerLen)
	if err != nil {
		return nil, cutShort(head, err)
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 || n > MaxFrame {
		if n := binary.LittleEndian.Uint32(head); n != 0 && n < 1<<16 {
			return nil, breachf("%q is not the length of a frame: it must be big-endian, and is %d in little-endian", head, n)
		}
		return nil, breachf("%q is not the length of a frame", head)
	}
	_, _ = f.r.Discard(headerLen) // cannot fail: it was peeked at
	payload, err := f.payload(int(n))
	if err != nil {
		return nil, cutShort(payload, err)
	}
	if err := codec.Guard(payload, codec.MaxDepth); err != nil {
		return nil, breachf("a frame is not well-formed msgpack (%v); it begins with %q", err, payload[:min(len(payload), 32)])
	}
	if c := payload[0]; c&0xf0 != 0x80 && c != 0xde && c != 0xdf {
		return nil, breachf("a frame is not a map; it begins with %q", payload[:min(len(payload), 32)])
	}
	return payload, nil
}

// buffered reports whether the whole next frame has arrived, as it has for most.
func (f *frameReader) buffered() bool {
	if f.r.Buffered() < headerLen {
		return false
	}
	head, err := f.r.Peek(headerLen)
	return err == nil && f.r.Buffered()-headerLen >= int(binary.BigEndian.Uint32(head))
}

// payload reads n bytes, reserving no more than has arrived beyond the first megabyte.
func (f *frameReader) payload(n int) ([]byte, error) {
	if n <= atOnce {
		b := make([]byte, n)
		got, err := io.ReadFull(f.r, b)
		return b[:got], err
	}
	var b bytes.Buffer
	b.Grow(atOnce)
	_, err := io.CopyN(&b, f.r, int64(n))
	return b.Bytes(), err
}

func cutShort(begin []byte, err error) error {
	return breachf("a frame ends too soon (%v); it begins with %q", err, begin[:min(len(begin), 32)])
}
