package dynamodb

import (
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// selection is a parsed PartiQL statement of the kind this endpoint has:
//
//	SELECT * | name, … FROM "table"["."index"] [WHERE term AND …]
//
// A term compares an attribute with a literal or a ? by =, <>, <, <=, >, >=, BETWEEN or begins_with.
type selection struct {
	names        []string // nil for *
	table, index string
	terms        []sqlTerm
}

// sqlTerm is name op values[0], or name BETWEEN values[0] AND values[1].
type sqlTerm struct {
	name, op string
	values   []attr.Value
}

// sqlParser reads a statement token by token.
type sqlParser struct {
	rest       string
	parameters []attr.Value
	used       int
}

// sqlToken is a word or symbol in upper case, or the content of quotes.
type sqlToken struct {
	quote byte // 0, '"' for a name or '\'' for a string
	text  string
}

func (p *sqlParser) refuse(near string) error {
	return invalid("Statement wasn't well formed, can't be processed: unexpected %q (this local endpoint has SELECT … FROM … WHERE attribute = ? AND … only)", near)
}

// token takes the next token; its text is "" at the end.
func (p *sqlParser) token() (sqlToken, error) {
	s := strings.TrimLeft(p.rest, " \t\r\n")
	n := 1
	switch {
	case s == "":
		p.rest = ""
		return sqlToken{}, nil
	case s[0] == '"' || s[0] == '\'':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return sqlToken{}, p.refuse(s)
		}
		p.rest = s[end+2:]
		return sqlToken{s[0], s[1 : end+1]}, nil
	case wordByte(s[0]):
		for n < len(s) && wordByte(s[n]) {
			n++
		}
	case len(s) > 1 && slices.Contains([]string{"<=", ">=", "<>", "!="}, s[:2]):
		n = 2
	}
	p.rest = s[n:]
	return sqlToken{0, s[:n]}, nil
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
}

func (t sqlToken) is(word string) bool { return t.quote == 0 && strings.EqualFold(t.text, word) }

func (p *sqlParser) expect(word string) error {
	t, err := p.token()
	if err == nil && !t.is(word) {
		err = p.refuse(t.text)
	}
	return err
}

// accept takes the next token if it is the word.
func (p *sqlParser) accept(word string) bool {
	before := p.rest
	if t, err := p.token(); err == nil && t.is(word) {
		return true
	}
	p.rest = before
	return false
}

func (p *sqlParser) name() (string, error) {
	t, err := p.token()
	if err == nil && (t.quote == '\'' || t.text == "" || t.quote == 0 && !wordByte(t.text[0])) {
		err = p.refuse(t.text)
	}
	return t.text, err
}

func (p *sqlParser) parse() (sel selection, err error) {
	if err := p.expect("SELECT"); err != nil {
		return sel, err
	}
	if !p.accept("*") {
		for more := true; more; more = p.accept(",") {
			n, err := p.name()
			if err != nil {
				return sel, err
			}
			sel.names = append(sel.names, n)
		}
	}
	if err := p.expect("FROM"); err != nil {
		return sel, err
	}
	if sel.table, err = p.name(); err != nil {
		return sel, err
	}
	if p.accept(".") {
		if sel.index, err = p.name(); err != nil {
			return sel, err
		}
	}
	if p.accept("WHERE") {
		for more := true; more; more = p.accept("AND") {
			t, err := p.term()
			if err != nil {
				return sel, err
			}
			sel.terms = append(sel.terms, t)
		}
	}
	if end, err := p.token(); err != nil || end.text != "" && !end.is(";") {
		return sel, p.refuse(end.text)
	}
	if p.used != len(p.parameters) {
		return sel, invalid("Number of parameters in request and statement don't match.")
	}
	return sel, nil
}

func (p *sqlParser) term() (t sqlTerm, err error) {
	call := false
	if p.accept("begins_with") {
		t.op, call = "begins_with", true
		if err := p.expect("("); err != nil {
			return t, err
		}
	}
	if t.name, err = p.name(); err != nil {
		return t, err
	}
	operands := 1
	switch {
	case call:
		err = p.expect(",")
	case p.accept("BETWEEN"):
		t.op, operands = "BETWEEN", 2
	default:
		var o sqlToken
		o, err = p.token()
		t.op = o.text
		if t.op == "!=" {
			t.op = "<>"
		}
		if err == nil && (o.quote != 0 || !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, t.op)) {
			err = p.refuse(o.text)
		}
	}
	if err != nil {
		return t, err
	}
	for i := range operands {
		if i > 0 {
			if err := p.expect("AND"); err != nil {
				return t, err
			}
		}
		v, err := p.literal()
		if err != nil {
			return t, err
		}
		t.values = append(t.values, v)
	}
	if call {
		err = p.expect(")")
	}
	return t, err
}

// literal is a ?, a 'string', a number, true, false or null.
func (p *sqlParser) literal() (attr.Value, error) {
	t, err := p.token()
	switch {
	case err != nil:
		return attr.Value{}, err
	case t.quote == '\'':
		return attr.String(t.text), nil
	case t.is("?"):
		if p.used == len(p.parameters) {
			return attr.Value{}, invalid("Number of parameters in request and statement don't match.")
		}
		p.used++
		return p.parameters[p.used-1], nil
	case t.is("true"), t.is("false"):
		return attr.Value{Kind: attr.BOOL, Bool: t.is("true")}, nil
	case t.is("null"):
		return attr.Value{Kind: attr.NULL}, nil
	case t.quote == 0:
		number := t.text
		if p.rest != "" && p.rest[0] == '.' {
			p.rest = p.rest[1:]
			fraction, err := p.token()
			if err != nil {
				return attr.Value{}, err
			}
			number += "." + fraction.text
		}
		if d, err := attr.ParseDecimal(number); err == nil {
			return attr.Number(d), nil
		}
	}
	return attr.Value{}, p.refuse(t.text)
}
