package expr

import (
	"strings"
	"unicode/utf16"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Condition is a condition or filter, ready to be asked.
type Condition struct{ root *node }

// Match tells whether the item satisfies the condition. A missing item is the empty one. A nil Condition matches all.
func (c *Condition) Match(it attr.Item) bool { return c == nil || c.root.match(it) }

// NotExists gives the attribute when the condition is attribute_not_exists of a top-level attribute and
// nothing else. If that is a key attribute the condition asks for a new item, which a store can tell
// without reading one.
func (c *Condition) NotExists() (name string, ok bool) {
	if c == nil || c.root.op != opCall || c.root.name != "attribute_not_exists" || len(c.root.args[0].path) != 1 {
		return "", false
	}
	return c.root.args[0].path.Top(), true
}

func (n *node) match(it attr.Item) bool {
	switch n.op {
	case opAnd:
		for _, a := range n.args {
			if !a.match(it) {
				return false
			}
		}
		return true
	case opOr:
		for _, a := range n.args {
			if a.match(it) {
				return true
			}
		}
		return false
	case opNot:
		return !n.args[0].match(it)
	case opEQ:
		return same(n.args[0].eval(it), n.args[1].eval(it))
	case opNE:
		return !same(n.args[0].eval(it), n.args[1].eval(it))
	case opBetween:
		x := n.args[0].eval(it)
		return holds(opGE, x, n.args[1].eval(it)) && holds(opLE, x, n.args[2].eval(it))
	case opIn:
		x := n.args[0].eval(it)
		for _, a := range n.args[1:] {
			if same(x, a.eval(it)) {
				return true
			}
		}
		return false
	case opCall:
		return n.test(it)
	default:
		return holds(n.op, n.args[0].eval(it), n.args[1].eval(it))
	}
}

// same is equality of values that are there: nothing equals an absent attribute.
func same(a, b attr.Value) bool { return a.Kind != attr.None && attr.Equal(a, b) }

// holds is an order comparison; it is false between values that have no order.
func holds(o op, a, b attr.Value) bool {
	c, ok := attr.Compare(a, b)
	if !ok {
		return false
	}
	switch o {
	case opLT:
		return c < 0
	case opLE:
		return c <= 0
	case opGT:
		return c > 0
	default:
		return c >= 0
	}
}

// eval is the value of an operand of a condition; Kind None when there is none.
func (n *node) eval(it attr.Item) attr.Value {
	switch n.op {
	case opValue:
		return n.value
	case opPath:
		return n.path.In(it)
	default:
		return size(n.args[0].eval(it))
	}
}

// size is the number of a string's UTF-16 units, a binary's bytes or a collection's elements.
func size(v attr.Value) attr.Value {
	count := 0
	switch v.Kind {
	case attr.S:
		for _, r := range v.Text {
			count += utf16.RuneLen(r)
		}
	case attr.B:
		count = len(v.Text)
	case attr.M:
		count = len(v.Map)
	case attr.L, attr.SS, attr.NS, attr.BS:
		count = len(v.List)
	default:
		return attr.Value{}
	}
	return attr.Number(attr.NewDecimal(int64(count)))
}

// test is a boolean function.
func (n *node) test(it attr.Item) bool {
	a := n.args[0].eval(it)
	switch n.name {
	case "attribute_exists":
		return a.Kind != attr.None
	case "attribute_not_exists":
		return a.Kind == attr.None
	}
	b := n.args[1].eval(it)
	switch n.name {
	case "attribute_type":
		return b.Kind == attr.S && a.Kind != attr.None && a.Kind == attr.ParseKind(b.Text)
	case "begins_with":
		return a.Kind == b.Kind && (a.Kind == attr.S || a.Kind == attr.B) && strings.HasPrefix(a.Text, b.Text)
	}
	return contains(a, b)
}

func contains(a, b attr.Value) bool {
	switch a.Kind {
	case attr.S, attr.B:
		return b.Kind == a.Kind && strings.Contains(a.Text, b.Text)
	case attr.SS, attr.NS, attr.BS:
		return a.Contains(b)
	case attr.L:
		for _, e := range a.List {
			if attr.Equal(e, b) {
				return true
			}
		}
		return false
	default:
		return false
	}
}

// Uses tells whether the condition looks at the top-level attribute.
func (c *Condition) Uses(name string) bool { return c != nil && c.root.uses(name) }

func (n *node) uses(name string) bool {
	if n.op == opPath {
		return n.path.Top() == name
	}
	for _, a := range n.args {
		if a.uses(name) {
			return true
		}
	}
	return false
}
