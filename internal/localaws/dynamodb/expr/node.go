package expr

import "github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"

type op uint8

const (
	opAnd op = iota
	opOr
	opNot
	opEQ
	opNE
	opLT
	opLE
	opGT
	opGE
	opBetween
	opIn
	opCall // a function; name says which
	opPlus
	opMinus
	opPath
	opValue
)

var opNames = [...]string{"AND", "OR", "NOT", "=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN", "", "+", "-", "", ""}

var comparators = map[string]op{"=": opEQ, "<>": opNE, "<": opLT, "<=": opLE, ">": opGT, ">=": opGE}

// node is an element of an expression's tree. Trees are immutable once parsed or bound.
type node struct {
	op op
	// name of a function, or of an unbound :placeholder.
	name string
	args []*node
	path Path
	// value of a bound opValue.
	value attr.Value
	// parens marks a node written in parentheses.
	parens bool
}

// label names the operator or function in messages.
func (n *node) label() string {
	if n.op == opCall {
		return n.name
	}
	return opNames[n.op]
}

// boolean tells whether the node can stand as a condition; a call can be either until it is checked.
func (n *node) boolean() bool { return n.op <= opCall }

// operand tells whether the node can be compared.
func (n *node) operand() bool { return n.op >= opCall }

// kind is the type the node's value has whatever the item: a literal's, or the number that size gives; None if unknown.
func (n *node) kind() attr.Kind {
	switch {
	case n.op == opValue:
		return n.value.Kind
	case n.op == opCall && n.name == "size":
		return attr.N
	}
	return attr.None
}

// action is one assignment or removal of an update, in section of SET, REMOVE, ADD or DELETE.
type action struct {
	section string
	target  Path
	value   *node // nil for REMOVE
}

// tree is a parsed expression of any sort: a condition's root, an update's actions or a projection's paths.
type tree struct {
	root    *node
	actions []action
	paths   []Path
	// placeholders is false when binding would change nothing.
	placeholders bool
}
