package awsjson

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as in encoding/json; nothing is escaped for the sake of HTML.
func AppendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := 0; i < len(s); {
		if i += PlainPrefix(s[i:]); i == len(s) {
			break
		}
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[plain:i]...)
		switch {
		case b >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		}
		i++
		plain = i
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

// PlainPrefix returns how many bytes at the start of s surely are printable ASCII
// that needs no escape in JSON (at most seven more are, before one that is not),
// looking at eight at a time: most of what is sent is base64, by the 64 KiB.
func PlainPrefix[S ~string | ~[]byte](s S) (n int) {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; n+8 <= len(s); n += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[n : n+8]))
		// A byte's high bit is set by: the byte itself at 0x80 and above, a
		// borrow at less than 0x20, a borrow at 0 after XOR for '"' and '\\'.
		// Borrows can spread upwards and only make it say "look closer".
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if (w|(w-ones*0x20)|(quote-ones)|(slash-ones))&highs != 0 {
			return n
		}
	}
	return n
}
