package codec

import (
	"bytes"
	"encoding/hex"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// envelopeKey numbers the keys that the envelope knows.
type envelopeKey int

const (
	keyV envelopeKey = iota
	keyF
	keyT
	keyJ
	keyQ
	keyI
	keyM
	keyID
	keyA
	keyDL
	keyTP
	keyS3
	keySHA
	keyLen
	keyN
	keyCount
)

// keyUnknown is a key that this version does not know.
const keyUnknown envelopeKey = -1

// envelopeNames are the keys as they stand on the wire, by envelopeKey.
var envelopeNames = [keyCount]string{"v", "f", "t", "j", "q", "i", "m", "id", "a", "dl", "tp", "s3", "sha", "len", "n"}

func lookupKey(k []byte) envelopeKey {
	// A switch on a converted byte slice compiles to comparisons without an allocation.
	switch string(k) {
	case "v":
		return keyV
	case "f":
		return keyF
	case "t":
		return keyT
	case "j":
		return keyJ
	case "q":
		return keyQ
	case "i":
		return keyI
	case "m":
		return keyM
	case "id":
		return keyID
	case "a":
		return keyA
	case "dl":
		return keyDL
	case "tp":
		return keyTP
	case "s3":
		return keyS3
	case "sha":
		return keySHA
	case "len":
		return keyLen
	case "n":
		return keyN
	}
	return keyUnknown
}

// envelope is an envelope whose bytes are valid but whose values are not judged yet.
type envelope struct {
	raw []byte
	// at is the offset of each known key's value; 0 when the key is absent or nil.
	at [keyCount]int
	// args are the sliced tasks; nil when there is no "t", or it is no array or too long.
	args []msgpack.RawMessage
}

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

// scanEnvelope is the pass over the bytes: it validates all of them, finds the
// known keys and slices the tasks. Values are judged afterwards, because "v" may
// come last and an unknown version must be reported as such, not as a mistake in
// a key that it has redefined.
func scanEnvelope(raw []byte) (*envelope, error) {
	if len(raw) > MaxRaw {
		return nil, bad(ReasonLimit, "%d bytes; a message has at most %d", len(raw), MaxRaw)
	}
	if len(raw) == 0 {
		return nil, bad(ReasonMsgpack, "no bytes")
	}
	if raw[0]&0xf0 != mpFixMap && raw[0] != mpMap16 && raw[0] != mpMap32 {
		return nil, bad(ReasonEnvelope, "the body begins with %s, want a map%s", typeName(raw[0]), hint(raw))
	}
	entries, off, _ := lengthOf(raw, raw[0])
	if off == 0 {
		return nil, truncated(raw, 0)
	}
	if entries /= 2; entries > MaxEnvelopeKeys {
		return nil, bad(ReasonLimit, "%d keys; an envelope has at most %d", entries, MaxEnvelopeKeys)
	}
	e := &envelope{raw: raw}
	var known uint32                 // bit per envelopeKey
	var unknown [MaxEnvelopeKeys]int // offsets of the unknown keys
	unknowns := 0
	for range entries {
		next, _, err := skip(raw, off, MaxDepth-1)
		if err != nil {
			return nil, err
		}
		name, _, ok := readStr(raw, off)
		if !ok || !utf8.Valid(name) {
			return nil, bad(ReasonEnvelope, "the key at byte %d is %s, want a string in UTF-8", off, typeName(raw[off]))
		}
		key := lookupKey(name)
		if key != keyUnknown {
			if known&(1<<key) != 0 {
				return nil, bad(ReasonEnvelope, "%q is there twice", name)
			}
			known |= 1 << key
		} else {
			for _, o := range unknown[:unknowns] {
				if other, _, _ := readStr(raw, o); bytes.Equal(other, name) {
					return nil, bad(ReasonEnvelope, "the key at byte %d is there twice", off)
				}
			}
			unknown[unknowns] = off
			unknowns++
		}
		if off, err = e.scanValue(key, next); err != nil {
			return nil, err
		}
	}
	if off != len(raw) {
		return nil, bad(ReasonMsgpack, "%d bytes after the message, which ends at byte %d", len(raw)-off, off)
	}
	return e, nil
}

// hintBytes is how much of a body is looked at for a hint: whole groups of base64.
const hintBytes = 1024

// hint names the two commonest ways to get the body wrong.
func hint(raw []byte) string {
	if raw[0] == '{' {
		return " (it looks like base64 of JSON: send the JSON itself)"
	}
	head := raw[:min(len(raw), hintBytes)]
	if inner, err := decodeBase64(trimSpace(string(head))); err == nil && len(inner) > 2 {
		return " (it looks like base64 of base64)"
	}
	return ""
}

// scanValue validates the value of key at off and returns where it ends.
func (e *envelope) scanValue(key envelopeKey, off int) (end int, err error) {
	if n, first, ok := arrayAt(e.raw, off); ok && key == keyT && n <= MaxTasks {
		e.at[keyT] = off
		e.args, end, err = scanArgs(e.raw, first, n)
		return end, err
	}
	if end, _, err = skip(e.raw, off, MaxDepth-1); err != nil {
		return 0, err
	}
	if key != keyUnknown && e.raw[off] != mpNil {
		e.at[key] = off
	}
	return end, nil
}

// arrayAt reads an array header from bytes that have not been validated. ok is
// false for anything but an array whose count fits the bytes that follow.
func arrayAt(b []byte, off int) (n, first int, ok bool) {
	if off >= len(b) {
		return 0, 0, false
	}
	length, header, container := lengthOf(b[off:], b[off])
	isMap := b[off]&0xf0 == mpFixMap || b[off] >= mpMap16
	if !container || isMap || length > uint64(len(b)-off-header) {
		return 0, 0, false
	}
	return int(length), off + header, true
}

// scanArgs validates n arguments from off on and slices them. n must not exceed the bytes left.
func scanArgs(b []byte, off, n int) (args []msgpack.RawMessage, end int, err error) {
	args = make([]msgpack.RawMessage, n)
	for k := range args {
		next, maps, err := skip(b, off, MaxValueDepth)
		if err != nil {
			return nil, 0, err
		}
		if maps {
			if _, err := checkKeys(b, off); err != nil {
				return nil, 0, err
			}
		}
		// The third index keeps an append to one argument out of the next.
		args[k] = b[off:next:next]
		off = next
	}
	return args, off, nil
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
