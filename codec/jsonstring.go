package codec

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string; without escapes it is copied in one piece.
func (p *jsonReader) str() error {
	p.pos++
	start, ascii := p.pos, true
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			s := p.src[start:p.pos]
			if !ascii && !utf8.Valid(s) {
				return p.fail("a string that is not UTF-8 ends")
			}
			p.pos++
			p.dst = append(appendStrLen(p.dst, len(s)), s...)
			return nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return p.fail("a control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		p.pos++
	}
	return p.fail("the text ends inside a string")
}

// escaped reads on from the first backslash of a string that began at start.
func (p *jsonReader) escaped(start int) error {
	s := append(p.scratch[:0], p.src[start:p.pos]...) //nolint:gocritic // scratch becomes s when the string ends
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch {
		case c == '"':
			if !utf8.Valid(s) {
				return p.fail("a string that is not UTF-8 ends")
			}
			p.scratch = s
			p.dst = append(appendStrLen(p.dst, len(s)), s...)
			return nil
		case c < ' ':
			return p.fail("a control character in a string")
		case c != '\\':
			s = append(s, c)
			continue
		}
		c = p.peek()
		p.pos++
		switch c {
		case '"', '\\', '/':
			s = append(s, c)
		case 'b':
			s = append(s, '\b')
		case 'f':
			s = append(s, '\f')
		case 'n':
			s = append(s, '\n')
		case 'r':
			s = append(s, '\r')
		case 't':
			s = append(s, '\t')
		case 'u':
			r, err := p.unicode()
			if err != nil {
				return err
			}
			s = utf8.AppendRune(s, r)
		default:
			return p.fail("an unknown escape")
		}
	}
	return p.fail("the text ends inside a string")
}

// unicode reads the four digits after \u, and a second \uXXXX after a high surrogate.
func (p *jsonReader) unicode() (rune, error) {
	r, ok := p.hex4()
	if !ok {
		return 0, p.fail(`want four hexadecimal digits after \u`)
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if bytes.HasPrefix(p.src[min(p.pos, len(p.src)):], []byte(`\u`)) {
		p.pos += 2
		if low, ok := p.hex4(); ok {
			if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
				return full, nil
			}
		}
	}
	return 0, p.fail("half of a surrogate pair")
}

func (p *jsonReader) hex4() (rune, bool) {
	if p.pos+4 > len(p.src) {
		return 0, false
	}
	var r rune
	for _, c := range p.src[p.pos : p.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}
