package codec

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// MsgpackToJSON renders one msgpack value as JSON, for people and for tools that
// speak only JSON. It never fails on well-formed msgpack of up to MaxDepth levels:
//
//   - integers keep all their digits; floats keep a decimal point or an exponent,
//     so that JSONToMsgpack reads them back as floats;
//   - NaN and the infinities, which JSON lacks, become the strings "NaN",
//     "Infinity" and "-Infinity";
//   - binary becomes {"$bin":"<base64>"}, and so does a str that is not UTF-8;
//   - timestamps become RFC 3339 strings, other extensions {"$ext":[type,"<base64>"]};
//   - map keys that are not strings become their JSON text.
//
// Key order is kept. The error is a *BadMessageError.
func MsgpackToJSON(raw []byte) ([]byte, error) {
	if err := Guard(raw, MaxDepth); err != nil {
		return nil, err
	}
	dst, _ := appendJSON(make([]byte, 0, 2*len(raw)), raw, 0)
	return dst, nil
}

// appendJSON renders the value at raw[off:], which skip has validated and so bounds the recursion.
func appendJSON(dst, raw []byte, off int) ([]byte, int) {
	if num, next := readNumber(raw, off); num.kind != 0 {
		return appendJSONNumber(dst, num), next
	}
	if s, next, ok := readStr(raw, off); ok {
		return appendJSONString(dst, s), next
	}
	if n, next, ok := readArrayLen(raw, off); ok {
		dst = append(dst, '[')
		for k := range n {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst, next = appendJSON(dst, raw, next)
		}
		return append(dst, ']'), next
	}
	if n, next, ok := readMapLen(raw, off); ok {
		dst = append(dst, '{')
		for k := range n {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst, next = appendJSONKey(dst, raw, next)
			dst, next = appendJSON(append(dst, ':'), raw, next)
		}
		return append(dst, '}'), next
	}
	if b, next, ok := readBin(raw, off); ok {
		return appendJSONBinary(dst, b), next
	}
	if typ, b, next, ok := readExt(raw, off); ok {
		return appendJSONExt(dst, typ, b), next
	}
	switch raw[off] {
	case mpTrue:
		return append(dst, "true"...), off + 1
	case mpFalse:
		return append(dst, "false"...), off + 1
	}
	return append(dst, "null"...), off + 1
}

// appendJSONKey renders a map key: a string as it is, anything else as the text of its JSON.
func appendJSONKey(dst, raw []byte, off int) ([]byte, int) {
	if s, next, ok := readStr(raw, off); ok && utf8.Valid(s) {
		return appendJSONString(dst, s), next
	}
	text, next := appendJSON(nil, raw, off)
	if len(text) > 0 && text[0] == '"' {
		return append(dst, text...), next
	}
	return appendJSONString(dst, text), next
}

func appendJSONNumber(dst []byte, n number) []byte {
	switch n.kind {
	case 'i':
		return strconv.AppendInt(dst, n.i, 10)
	case 'u':
		return strconv.AppendUint(dst, n.u, 10)
	}
	switch {
	case math.IsNaN(n.f):
		return append(dst, `"NaN"`...)
	case math.IsInf(n.f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(n.f, -1):
		return append(dst, `"-Infinity"`...)
	}
	bits := 64
	if n.kind == 'f' {
		bits = 32
	}
	// Like encoding/json and ECMAScript: exponents for the very large and the very small only.
	format, a := byte('f'), math.Abs(n.f)
	if a != 0 && (bits == 64 && (a < 1e-6 || a >= 1e21) || bits == 32 && (float32(a) < 1e-6 || float32(a) >= 1e21)) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, n.f, format, -1, bits)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

const hexDigits = "0123456789abcdef"

func appendJSONString(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return appendJSONBinary(dst, s)
	}
	dst = append(dst, '"')
	done := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(append(dst, s[done:]...), '"')
}

func appendJSONBinary(dst, b []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, `{"$bin":"`...), b)
	return append(dst, `"}`...)
}

func appendJSONExt(dst []byte, typ int8, b []byte) []byte {
	if t, ok := timestamp(typ, b); ok {
		return t.AppendFormat(append(dst, '"'), `2006-01-02T15:04:05.999999999Z07:00"`)
	}
	dst = strconv.AppendInt(append(dst, `{"$ext":[`...), int64(typ), 10)
	dst = base64.StdEncoding.AppendEncode(append(dst, `,"`...), b)
	return append(dst, `"]}`...)
}

// timestamp reads the msgpack timestamp extension (type -1), when it lies in the
// years that RFC 3339 can write.
func timestamp(typ int8, b []byte) (time.Time, bool) {
	if typ != -1 {
		return time.Time{}, false
	}
	var sec, nsec int64
	switch len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		v := binary.BigEndian.Uint64(b)
		sec, nsec = int64(v&(1<<34-1)), int64(v>>34)
	case 12:
		sec, nsec = int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint32(b))
	default:
		return time.Time{}, false
	}
	const year0, year10000 = -62167219200, 253402300800
	if nsec > 999999999 || sec < year0 || sec >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(sec, nsec).UTC(), true
}
