package codec

import (
	"bytes"
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
		next, err := checkArgument(b, off)
		if err != nil {
			return nil, 0, err
		}
		// The third index keeps an append to one argument out of the next.
		args[k] = b[off:next:next]
		off = next
	}
	return args, off, nil
}
