package codec

import (
	"encoding/hex"
	"math"

	"github.com/vmihailenco/msgpack/v5"
)

// DecodeMessage decodes one msgpack map, the raw form of a message. Args alias
// raw, which must not change while the message is in use.
//
// It reads raw once, allocates a handful of times per message and never per
// task, and needs no guard in front of it. The error is a *BadMessageError.
func DecodeMessage(raw []byte) (*Message, error) {
	e, err := scanEnvelope(raw)
	if err != nil {
		return nil, err
	}
	m, bm := e.message()
	if bm != nil {
		return nil, bm
	}
	return m, nil
}

// DecodeArgs slices the msgpack array of arguments that an Offload points to.
// The elements alias raw. The caller has checked its length and SHA-256; the
// bytes are validated here like those of a body, but may be MaxOffload long.
// The error is a *BadMessageError.
func DecodeArgs(raw []byte) ([]msgpack.RawMessage, error) {
	if len(raw) > MaxOffload {
		return nil, bad(ReasonLimit, "%d bytes; offloaded arguments have at most %d", len(raw), MaxOffload)
	}
	n, first, ok := arrayAt(raw, 0)
	if !ok {
		if err := Guard(raw, MaxDepth); err != nil {
			return nil, err
		}
		return nil, bad(ReasonEnvelope, "the object holds %s, want an array of arguments", typeName(raw[0]))
	}
	if n > MaxTasks {
		return nil, bad(ReasonLimit, "%d arguments; a message holds at most %d tasks", n, MaxTasks)
	}
	args, end, err := scanArgs(raw, first, n)
	if err != nil {
		return nil, err
	}
	if end != len(raw) {
		return nil, bad(ReasonMsgpack, "%d bytes after the arguments", len(raw)-end)
	}
	return args, nil
}

// message judges the values that the scan found.
func (e *envelope) message() (*Message, *BadMessageError) {
	v := fields{e: e}
	if version := v.int(keyV, 1, 1, math.MaxInt64); v.err == nil && version != Version {
		return nil, bad(ReasonVersion, `"v" is %d; this program knows version %d`, version, Version)
	}
	m := &Message{
		Handler:  v.text(keyF),
		Args:     e.args,
		Job:      v.text(keyJ),
		First:    int(v.int(keyQ, 0, 0, MaxIndex)),
		Indices:  v.indices(),
		Identity: Identity(v.text(keyM)),
		ID:       v.text(keyID),
		Attempt:  int(v.int(keyA, 1, 1, MaxIndex)),
		Deadline: deadlineFrom(v.int(keyDL, 0, 0, maxDeadline)),
		Trace:    v.text(keyTP),
	}
	v.tasks(m)
	if v.err != nil {
		return nil, v.err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// fields reads typed values and remembers the first error, so that the list of
// keys above stays a list.
type fields struct {
	e   *envelope
	err *BadMessageError
}

func (v *fields) fail(key envelopeKey, want string) {
	if v.err == nil {
		v.err = bad(ReasonEnvelope, "%q is %s, want %s", envelopeNames[key], typeName(v.e.raw[v.e.at[key]]), want)
	}
}

func (v *fields) text(key envelopeKey) string {
	at := v.e.at[key]
	if at == 0 {
		return ""
	}
	s, _, ok := readStr(v.e.raw, at)
	if !ok {
		v.fail(key, "a string")
	}
	return string(s) // UTF-8 is checked with the other rules, in Message.check
}

func (v *fields) int(key envelopeKey, missing, lo, hi int64) int64 {
	at := v.e.at[key]
	if at == 0 {
		return missing
	}
	num, _ := readNumber(v.e.raw, at)
	n, ok := num.integer()
	switch {
	case !ok:
		v.fail(key, "an integer that fits 64 bits")
	case (n < lo || n > hi) && v.err == nil:
		v.err = bad(ReasonEnvelope, "%q is %d; it goes from %d to %d", envelopeNames[key], n, lo, hi)
	}
	return n
}

func (v *fields) indices() []int {
	at := v.e.at[keyI]
	if at == 0 {
		return nil
	}
	n, off, ok := readArrayLen(v.e.raw, at)
	if !ok {
		v.fail(keyI, "an array of integers")
		return nil
	}
	if n > MaxTasks {
		if v.err == nil {
			v.err = bad(ReasonLimit, `"i" has %d indices; a message holds at most %d tasks`, n, MaxTasks)
		}
		return nil
	}
	out := make([]int, n)
	for k := range out {
		num, next := readNumber(v.e.raw, off)
		i, ok := num.integer()
		if !ok || i < 0 || i > MaxIndex {
			if v.err == nil {
				v.err = bad(ReasonEnvelope, `"i" must hold integers from 0 to %d; element %d is not`, MaxIndex, k)
			}
			return nil
		}
		out[k], off = int(i), next
	}
	return out
}

// tasks reads where the arguments are and how many, and fills in what follows from it.
func (v *fields) tasks(m *Message) {
	at := &v.e.at
	if at[keyT] != 0 && m.Args == nil {
		n, _, ok := readArrayLen(v.e.raw, at[keyT])
		if !ok {
			v.fail(keyT, "an array with one argument per task")
		} else if v.err == nil {
			v.err = bad(ReasonLimit, "%d tasks; a message holds at most %d", n, MaxTasks)
		}
		return
	}
	if at[keyQ] == 0 && len(m.Indices) > 0 {
		m.First = m.Indices[0]
	}
	count := v.int(keyN, int64(max(len(m.Args), len(m.Indices))), 1, MaxTasks)
	if at[keyS3] != 0 || at[keySHA] != 0 || at[keyLen] != 0 {
		m.Offload = v.offload(int(count))
	} else if at[keyN] != 0 && int(count) != len(m.Args) && v.err == nil {
		v.err = bad(ReasonEnvelope, `"n" is %d but "t" holds %d tasks`, count, len(m.Args))
	}
}

func (v *fields) offload(count int) *Offload {
	for _, key := range []envelopeKey{keyS3, keySHA, keyLen} {
		if v.e.at[key] == 0 && v.err == nil {
			v.err = bad(ReasonEnvelope, `%q is missing: offloaded arguments need "s3", "sha" and "len"`, envelopeNames[key])
		}
	}
	if v.err != nil {
		return nil
	}
	o := &Offload{Key: v.text(keyS3), Len: v.int(keyLen, 0, 1, MaxOffload), Count: count}
	at := v.e.at[keySHA]
	// JSON has no binary, so hexadecimal text is accepted as well.
	if sum, _, ok := readBin(v.e.raw, at); ok && len(sum) == len(o.SHA256) {
		copy(o.SHA256[:], sum)
	} else if text, _, ok := readStr(v.e.raw, at); ok && len(text) == 2*len(o.SHA256) {
		if _, err := hex.Decode(o.SHA256[:], text); err != nil {
			v.fail(keySHA, "32 bytes, or 64 hexadecimal digits")
		}
	} else {
		v.fail(keySHA, "32 bytes, or 64 hexadecimal digits")
	}
	return o
}
