package expr

import (
	"slices"
	"strconv"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Limits of an expression (DynamoDB, "Service, account, and table quotas").
const (
	maxExpression = 4096 // bytes
	maxOperators  = 300
	maxIn         = 100 // operands of IN
	maxNesting    = attr.MaxDepth
)

// parser turns tokens into a tree by recursive descent. A syntax error ends it; what is wrong
// beyond syntax is noted in rule, because DynamoDB reports syntax errors first.
type parser struct {
	text      string
	tokens    []token
	at        int
	operators int
	rule      error
	// placeholders is set when the tree has any.
	placeholders bool
}

func (p *parser) next() token { return p.tokens[p.at] }

func (p *parser) is(kind tokenKind, text string) bool {
	return p.next().kind == kind && p.next().text == text
}

func (p *parser) accept(kind tokenKind, text string) bool {
	if p.is(kind, text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(kind tokenKind, text string) error {
	if !p.accept(kind, text) {
		return p.syntax()
	}
	return nil
}

// syntax is the error for the next token; near spans its neighbours.
func (p *parser) syntax() error {
	t := p.next()
	from, to := max(p.at-1, 0), min(p.at+1, len(p.tokens)-1)
	shown, start := p.text[t.start:t.end], p.tokens[from].start
	if t.kind == tokEnd {
		shown = t.text
		if p.at == 0 {
			start = 0 // nothing but white space
		}
	}
	return attr.Invalid(`Syntax error; token: "%s", near: "%s"`, shown, p.text[start:p.tokens[to].end])
}

func (p *parser) breaksf(format string, args ...any) {
	if p.rule == nil {
		p.rule = attr.Invalid(format, args...)
	}
}

func (p *parser) operator() {
	if p.operators++; p.operators == maxOperators+1 {
		p.breaksf("The expression contains too many operators; operator count: %d", p.operators)
	}
}

// condition parses a whole condition, filter or key condition.
func (p *parser) condition() (*node, error) {
	n, err := p.or()
	if err == nil && (!n.boolean() || p.next().kind != tokEnd) {
		err = p.syntax()
	}
	return n, err
}

func (p *parser) or() (*node, error) { return p.chain("OR", opOr, p.and) }

func (p *parser) and() (*node, error) { return p.chain("AND", opAnd, p.not) }

// chain parses terms joined by one of the binary connectives.
func (p *parser) chain(word string, o op, term func() (*node, error)) (*node, error) {
	first, err := term()
	if err != nil || !p.is(tokKeyword, word) {
		return first, err
	}
	n := &node{op: o, args: []*node{first}}
	for p.is(tokKeyword, word) {
		if !n.args[len(n.args)-1].boolean() {
			return nil, p.syntax()
		}
		p.at++
		p.operator()
		t, err := term()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, t)
	}
	if !n.args[len(n.args)-1].boolean() {
		return nil, p.syntax()
	}
	return n, nil
}

func (p *parser) not() (*node, error) {
	if !p.accept(tokKeyword, "NOT") {
		return p.comparison()
	}
	p.operator()
	x, err := p.not()
	if err != nil {
		return nil, err
	}
	if !x.boolean() {
		return nil, p.syntax()
	}
	return &node{op: opNot, args: []*node{x}}, nil
}

// comparison parses an operand with what follows it, or a condition in parentheses.
func (p *parser) comparison() (*node, error) {
	left, err := p.primary()
	if err != nil {
		return nil, err
	}
	t := p.next()
	o, isComparator := comparators[t.text]
	isComparator = isComparator && t.kind == tokSymbol
	if !isComparator && !p.is(tokKeyword, "BETWEEN") && !p.is(tokKeyword, "IN") {
		return left, nil
	}
	if !left.operand() {
		return nil, p.syntax()
	}
	p.at++
	p.operator()
	switch {
	case isComparator:
		right, err := p.operandNode()
		return &node{op: o, args: []*node{left, right}}, err
	case t.text == "BETWEEN":
		return p.between(left)
	}
	return p.in(left)
}

func (p *parser) between(x *node) (*node, error) {
	low, err := p.operandNode()
	if err != nil {
		return nil, err
	}
	if err := p.expect(tokKeyword, "AND"); err != nil {
		return nil, err
	}
	high, err := p.operandNode()
	return &node{op: opBetween, args: []*node{x, low, high}}, err
}

func (p *parser) in(x *node) (*node, error) {
	list, err := p.list()
	if len(list) > maxIn {
		p.breaksf("The IN operator is provided with too many operands; number of operands: %d", len(list))
	}
	return &node{op: opIn, args: append([]*node{x}, list...)}, err
}

// list parses operands in parentheses, at least one.
func (p *parser) list() ([]*node, error) {
	if err := p.expect(tokSymbol, "("); err != nil {
		return nil, err
	}
	var list []*node
	for {
		n, err := p.operandNode()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.accept(tokSymbol, ",") {
			return list, p.expect(tokSymbol, ")")
		}
	}
}

// primary is an operand, or anything in parentheses: which of both is not known before its end.
func (p *parser) primary() (*node, error) {
	if p.accept(tokSymbol, "(") {
		return p.closing(p.or())
	}
	return p.plain()
}

// operandNode is an operand, perhaps in parentheses.
func (p *parser) operandNode() (*node, error) {
	if p.accept(tokSymbol, "(") {
		return p.closing(p.operandNode())
	}
	return p.plain()
}

// closing marks a node as parenthesised and takes the closing parenthesis.
func (p *parser) closing(n *node, err error) (*node, error) {
	if err != nil {
		return nil, err
	}
	if n.parens {
		p.breaksf("The expression has redundant parentheses;")
	}
	n.parens = true
	return n, p.expect(tokSymbol, ")")
}

// plain is a value, a path or a call.
func (p *parser) plain() (*node, error) {
	t := p.next()
	switch t.kind {
	case tokValue:
		p.at++
		p.placeholders = true
		return &node{op: opValue, name: t.text}, nil
	case tokIdent:
		if p.tokens[p.at+1].text == "(" {
			p.at++
			args, err := p.list()
			return &node{op: opCall, name: t.text, args: args}, err
		}
		fallthrough
	case tokName:
		path, err := p.path()
		return &node{op: opPath, path: path}, err
	default:
		return nil, p.syntax()
	}
}

// path parses a document path.
func (p *parser) path() (Path, error) {
	first, err := p.name()
	if err != nil {
		return nil, err
	}
	path := Path{first}
	for {
		switch {
		case p.accept(tokSymbol, "."):
			s, err := p.name()
			if err != nil {
				return nil, err
			}
			path = append(path, s)
		case p.accept(tokSymbol, "["):
			s, err := p.index()
			if err != nil {
				return nil, err
			}
			path = append(path, s)
		default:
			if len(path) > maxNesting {
				p.breaksf("The document path has too many nesting levels; nesting levels: %d", len(path))
			}
			return slices.Clip(path), nil
		}
	}
}

func (p *parser) name() (Step, error) {
	t := p.next()
	switch t.kind {
	case tokName:
		p.placeholders = true
	case tokIdent:
		if isReserved(t.text) {
			p.breaksf("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
	default:
		return Step{}, p.syntax()
	}
	p.at++
	return Step{Name: t.text, placeholder: t.kind == tokName}, nil
}

func (p *parser) index() (Step, error) {
	t := p.next()
	if t.kind != tokNumber {
		return Step{}, p.syntax()
	}
	p.at++
	n, err := strconv.ParseInt(t.text, 10, 32)
	if err != nil {
		p.breaksf("List index is not within the allowable range; index: [%s]", t.text)
	}
	return Step{Index: int(n)}, p.expect(tokSymbol, "]")
}

// paths parses a whole projection.
func (p *parser) projection() ([]Path, error) {
	var paths []Path
	for {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
		if !p.accept(tokSymbol, ",") {
			break
		}
	}
	if p.next().kind != tokEnd {
		return nil, p.syntax()
	}
	return paths, nil
}
