package attr

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxSkipDepth bounds the nesting of what Skip passes over, so that hostile text cannot grow the stack.
const maxSkipDepth = 256

// Reader reads one JSON text by hand, field by field. It exists because a request's items are most of
// its bytes and encoding/json would build a map and an interface for each value in them; strings are cut
// out of the text without copying where they hold no escape.
//
// Every method that fails gives a *SyntaxError or what a callback returned, and the Reader is spent.
type Reader struct {
	text string
	pos  int
}

// NewReader reads text.
func NewReader(text string) *Reader { return &Reader{text: text} }

func (r *Reader) fail(message string) error { return &SyntaxError{message, r.pos} }

// peek skips white space and gives the next byte, or 0 at the end.
func (r *Reader) peek() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) expect(c byte) error {
	if r.peek() != c {
		return r.unexpected("'" + string(rune(c)) + "'")
	}
	r.pos++
	return nil
}

// unexpected words the mismatch as AWS does: "NUMBER_VALUE cannot be converted to String".
func (r *Reader) unexpected(want string) error {
	got := "Unexpected character"
	switch c := r.peek(); {
	case c == 0:
		got = "End of input"
	case c == '"':
		got = "STRING_VALUE"
	case c == '{':
		got = "START_OBJECT"
	case c == '[':
		got = "START_ARRAY"
	case c == 't':
		got = "TRUE_VALUE"
	case c == 'f':
		got = "FALSE_VALUE"
	case c == 'n':
		got = "NULL_VALUE"
	case c == '-' || c >= '0' && c <= '9':
		got = "NUMBER_VALUE"
	}
	return r.fail(got + " cannot be converted to " + want)
}

// more steps to the i-th element of an object or array that ends with end.
func (r *Reader) more(i int, end byte) (bool, error) {
	c := r.peek()
	if c == end {
		r.pos++
		return false, nil
	}
	if i == 0 {
		return true, nil
	}
	if c != ',' {
		return false, r.unexpected("',' or '" + string(rune(end)) + "'")
	}
	r.pos++
	if r.peek() == end {
		return false, r.fail("Unexpected character after ','")
	}
	return true, nil
}

// key reads a member's name and the colon.
func (r *Reader) key() (string, error) {
	k, err := r.Str()
	if err != nil {
		return "", err
	}
	return k, r.expect(':')
}

// Object calls field for each member of an object; field reads the value.
func (r *Reader) Object(field func(key string) error) error {
	if r.peek() != '{' {
		return r.unexpected("Object")
	}
	r.pos++
	for i := 0; ; i++ {
		if ok, err := r.more(i, '}'); !ok {
			return err
		}
		k, err := r.key()
		if err != nil {
			return err
		}
		if err := field(k); err != nil {
			return err
		}
	}
}

// Array calls element for each element of an array; element reads it.
func (r *Reader) Array(element func() error) error {
	if r.peek() != '[' {
		return r.unexpected("List")
	}
	r.pos++
	for i := 0; ; i++ {
		if ok, err := r.more(i, ']'); !ok {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// Null consumes a null if that is what comes next.
func (r *Reader) Null() bool {
	if r.peek() == 'n' && strings.HasPrefix(r.text[r.pos:], "null") {
		r.pos += 4
		return true
	}
	return false
}

// Bool reads true or false.
func (r *Reader) Bool() (bool, error) {
	c := r.peek()
	switch rest := r.text[r.pos:]; {
	case c == 't' && strings.HasPrefix(rest, "true"):
		r.pos += 4
		return true, nil
	case c == 'f' && strings.HasPrefix(rest, "false"):
		r.pos += 5
		return false, nil
	}
	return false, r.unexpected("Boolean")
}

// Int reads an integer.
func (r *Reader) Int() (int64, error) {
	c := r.peek()
	if c != '-' && (c < '0' || c > '9') {
		return 0, r.unexpected("Integer")
	}
	start := r.pos
	r.number()
	n, err := strconv.ParseInt(r.text[start:r.pos], 10, 64)
	if err != nil {
		return 0, r.fail("NUMBER_VALUE cannot be converted to Integer")
	}
	return n, nil
}

// number passes over the characters a number is made of.
func (r *Reader) number() {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			r.pos++
		default:
			return
		}
	}
}

// Str reads a string. It must be valid UTF-8.
func (r *Reader) Str() (string, error) {
	if r.peek() != '"' {
		return "", r.unexpected("String")
	}
	r.pos++
	start, ascii := r.pos, true
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s := r.text[start:i]
			if !ascii && !utf8.ValidString(s) {
				return "", r.fail("Invalid UTF-8")
			}
			r.pos = i + 1
			return s, nil
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.pos = i
			return "", r.fail("Control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.pos = len(r.text)
	return "", r.fail("End of input inside a string")
}

// escaped reads a string that begins at start and has its first escape at i.
func (r *Reader) escaped(start, i int) (string, error) {
	buf := append(make([]byte, 0, i-start+32), r.text[start:i]...)
	for i < len(r.text) {
		c := r.text[i]
		r.pos = i
		switch {
		case c == '"':
			r.pos = i + 1
			if !utf8.Valid(buf) {
				return "", r.fail("Invalid UTF-8")
			}
			return string(buf), nil
		case c < ' ':
			return "", r.fail("Control character in a string")
		case c != '\\':
			buf = append(buf, c)
			i++
		case i+1 < len(r.text) && r.text[i+1] == 'u':
			u, n := unicodeEscape(r.text[i:])
			if n == 0 {
				return "", r.fail("Bad \\u escape")
			}
			buf = utf8.AppendRune(buf, u)
			i += n
		case i+1 < len(r.text) && escapes[r.text[i+1]] != 0:
			buf = append(buf, escapes[r.text[i+1]])
			i += 2
		default:
			return "", r.fail("Bad escape")
		}
	}
	r.pos = len(r.text)
	return "", r.fail("End of input inside a string")
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unicodeEscape decodes \uXXXX, or two of them that form a surrogate pair, at the start of s. A lone
// surrogate becomes U+FFFD, as in encoding/json. n is the number of bytes used, 0 when malformed.
func unicodeEscape(s string) (u rune, n int) {
	u, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(u) {
		return u, 6
	}
	if low, ok := hex4(s[6:]); ok {
		if full := utf16.DecodeRune(u, low); full != utf8.RuneError {
			return full, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

// Skip passes over any one value.
func (r *Reader) Skip() error { return r.skip(0) }

func (r *Reader) skip(depth int) error {
	if depth > maxSkipDepth {
		return r.fail("Nested too deeply")
	}
	next := func() error { return r.skip(depth + 1) }
	switch c := r.peek(); {
	case c == '{':
		return r.Object(func(string) error { return next() })
	case c == '[':
		return r.Array(next)
	case c == '"':
		_, err := r.Str()
		return err
	case c == 't' || c == 'f':
		_, err := r.Bool()
		return err
	case c == '-' || c >= '0' && c <= '9':
		r.number()
		return nil
	case r.Null():
		return nil
	}
	return r.unexpected("a value")
}

// End checks that nothing but white space is left.
func (r *Reader) End() error {
	if r.peek() != 0 || r.pos < len(r.text) {
		return r.fail("Unexpected text after the value")
	}
	return nil
}
