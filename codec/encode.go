package codec

import (
	"fmt"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
)

// AppendMessage appends m to dst as one msgpack map and returns the extended
// slice. "v" comes first and keys with their default value are left out; a chunk
// of n tasks costs its arguments plus some 30 bytes and no allocation per task.
//
// It refuses every message that DecodeMessage would refuse, so that a mistake
// shows at the producer and not as a bad message on the queue. On error dst is
// returned unchanged and the error wraps a *BadMessageError.
func AppendMessage(dst []byte, m *Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, fmt.Errorf("encode message %s of handler %q: %w", m.Self(), m.Handler, err)
	}
	size := 64 + len(m.Handler) + len(m.Job) + len(m.Identity) + len(m.ID) + len(m.Trace) + 5*len(m.Indices)
	for k, arg := range m.Args {
		if err := checkArg(arg); err != nil {
			return dst, fmt.Errorf("encode message %s of handler %q: task %d: %w", m.Self(), m.Handler, m.Index(k), err)
		}
		size += len(arg)
	}
	start := len(dst)
	b := appendEnvelope(slices.Grow(dst, size), m)
	if n := len(b) - start; n > MaxRaw {
		return dst, fmt.Errorf("encode message %s of handler %q: %w", m.Self(), m.Handler,
			bad(ReasonLimit, "%d bytes; a message has at most %d", n, MaxRaw))
	}
	return b, nil
}

func appendEnvelope(b []byte, m *Message) []byte {
	isChild := m.Identity != "" && !m.Identity.IsRoot()
	keys := 3 // v, f, t
	for _, given := range []bool{
		m.Job != "", m.First != 0, m.Indices != nil, isChild,
		m.ID != "", m.Attempt > 1, m.deadlineMS() != 0, m.Trace != "",
	} {
		if given {
			keys++
		}
	}
	if m.Offload != nil {
		keys += 3 // s3, sha, len, n instead of t
	}
	b = AppendMapLen(b, keys)
	b = appendInt(AppendStr(b, "v"), Version)
	b = AppendStr(AppendStr(b, "f"), m.Handler)
	if m.Job != "" {
		b = AppendStr(AppendStr(b, "j"), m.Job)
	}
	if m.First != 0 {
		b = appendInt(AppendStr(b, "q"), int64(m.First))
	}
	if m.Indices != nil {
		b = AppendArrayLen(AppendStr(b, "i"), len(m.Indices))
		for _, i := range m.Indices {
			b = appendInt(b, int64(i))
		}
	}
	if isChild {
		b = AppendStr(AppendStr(b, "m"), string(m.Identity))
	}
	if m.ID != "" {
		b = AppendStr(AppendStr(b, "id"), m.ID)
	}
	if m.Attempt > 1 {
		b = appendInt(AppendStr(b, "a"), int64(m.Attempt))
	}
	if ms := m.deadlineMS(); ms != 0 {
		b = appendInt(AppendStr(b, "dl"), ms)
	}
	if m.Trace != "" {
		b = AppendStr(AppendStr(b, "tp"), m.Trace)
	}
	if o := m.Offload; o != nil {
		b = AppendStr(AppendStr(b, "s3"), o.Key)
		b = AppendBin(AppendStr(b, "sha"), o.SHA256[:])
		b = appendInt(AppendStr(b, "len"), o.Len)
		return appendInt(AppendStr(b, "n"), int64(o.Count))
	}
	b = AppendArrayLen(AppendStr(b, "t"), len(m.Args))
	for _, arg := range m.Args {
		b = append(b, arg...)
	}
	return b
}

// checkArg checks one encoded argument as DecodeMessage will.
func checkArg(arg []byte) error {
	end, err := checkArgument(arg, 0)
	if err == nil && end != len(arg) {
		return bad(ReasonMsgpack, "%d bytes after the argument", len(arg)-end)
	}
	return err
}

// EncodeArgs returns the msgpack array of args: what an Offload points to. The
// elements are copied as they are.
func EncodeArgs(args []msgpack.RawMessage) []byte {
	size := 5
	for _, arg := range args {
		size += len(arg)
	}
	b := AppendArrayLen(make([]byte, 0, size), len(args))
	for _, arg := range args {
		b = append(b, arg...)
	}
	return b
}
