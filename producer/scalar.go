package producer

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// parseNumber reads s as a JSON number, spaces around it aside: an int64, a
// uint64 above that, or a float64. Integers beyond 64 bits are no numbers here, since a
// float would silently change their digits; they are mostly identifiers.
func parseNumber(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 64 {
		return nil, false
	}
	isInt, ok := numberForm(s)
	if !ok {
		return nil, false
	}
	if !isInt {
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, true
	}
	u, err := strconv.ParseUint(s, 10, 64)
	return u, err == nil
}

// numberForm checks the grammar of RFC 8259 §6, which strconv is laxer than:
// no leading zeros or plus, no hexadecimal, no underscores, no "inf".
func numberForm(s string) (isInt, ok bool) {
	digits := func() bool {
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	s = strings.TrimPrefix(s, "-")
	if zero, found := strings.CutPrefix(s, "0"); found {
		s = zero
	} else if !digits() {
		return false, false
	}
	isInt = true
	if rest, found := strings.CutPrefix(s, "."); found {
		if s, isInt = rest, false; !digits() {
			return false, false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s, isInt = s[1:], false; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false, false
		}
	}
	return isInt, s == ""
}

// argWriter encodes maps whose keys have an order, which codec.Marshal cannot
// know of a Go map. Its buffer is used again for each argument.
type argWriter struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
	err error
}

func newArgWriter() *argWriter {
	w := &argWriter{}
	w.enc = msgpack.NewEncoder(&w.buf)
	return w
}

func (w *argWriter) reset() { w.buf.Reset() }

func (w *argWriter) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *argWriter) mapLen(n int) { w.keep(w.enc.EncodeMapLen(n)) }
func (w *argWriter) str(s string) { w.keep(w.enc.EncodeString(s)) }

// value writes a bool, a string or what parseNumber returns, in the forms that
// codec.JSONToMsgpack writes, so that the same value has the same hash.
func (w *argWriter) value(v any) {
	switch v := v.(type) {
	case int64:
		w.keep(w.enc.EncodeInt(v))
	case uint64:
		w.keep(w.enc.EncodeUint(v))
	case float64:
		w.keep(w.enc.EncodeFloat64(v))
	case bool:
		w.keep(w.enc.EncodeBool(v))
	case string:
		w.str(v)
	}
}

// bytes returns what was written since reset, valid until the next reset.
func (w *argWriter) bytes() (msgpack.RawMessage, error) { return w.buf.Bytes(), w.err }
