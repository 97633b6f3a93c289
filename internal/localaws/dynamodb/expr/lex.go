package expr

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd     tokenKind = iota
	tokIdent             // attribute or function name
	tokName              // #placeholder
	tokValue             // :placeholder
	tokNumber            // list index
	tokKeyword           // AND OR NOT BETWEEN IN SET REMOVE ADD DELETE, in upper case
	tokSymbol            // operators and punctuation; also a character that has no place here
)

// token is a piece of the expression; text of a keyword is in upper case.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

var keywords = map[string]bool{
	"AND": true, "OR": true, "NOT": true, "BETWEEN": true, "IN": true,
	"SET": true, "REMOVE": true, "ADD": true, "DELETE": true,
}

// lex cuts an expression into tokens; the last one is tokEnd. It never fails: a strange
// character becomes a symbol that no rule of the grammar expects.
func lex(s string) []token {
	tokens := make([]token, 0, 16)
	for i := 0; i < len(s); {
		if c := s[i]; c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		t := lexOne(s, i)
		tokens = append(tokens, t)
		i = t.end
	}
	return append(tokens, token{tokEnd, "<EOF>", len(s), len(s)})
}

func lexOne(s string, i int) token {
	c := s[i]
	switch {
	case letter(c):
		end := wordEnd(s, i)
		text := s[i:end]
		if up := strings.ToUpper(text); len(text) <= len("BETWEEN") && keywords[up] {
			return token{tokKeyword, up, i, end}
		}
		return token{tokIdent, text, i, end}
	case c == '#' || c == ':':
		kind := tokName
		if c == ':' {
			kind = tokValue
		}
		if end := wordEnd(s, i+1); end > i+1 {
			return token{kind, s[i:end], i, end}
		}
	case digit(c):
		end := i + 1
		for c != '0' && end < len(s) && digit(s[end]) { // 01 is two numbers
			end++
		}
		return token{tokNumber, s[i:end], i, end}
	case c == '<' || c == '>':
		if i+1 < len(s) && (s[i+1] == '=' || c == '<' && s[i+1] == '>') {
			return token{tokSymbol, s[i : i+2], i, i + 2}
		}
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return token{tokSymbol, s[i : i+n], i, i + n}
}

func wordEnd(s string, i int) int {
	for i < len(s) && (letter(s[i]) || digit(s[i]) || s[i] == '_') {
		i++
	}
	return i
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
