package expr

import "github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"

// KeyTerm is one condition of a key condition: on one top-level attribute, against literals.
type KeyTerm struct {
	Name string
	// Op is "=", "<", "<=", ">", ">=", "BETWEEN" or "begins_with".
	Op string
	// Value is the literal; of BETWEEN the lower bound, and High the upper one.
	Value, High attr.Value
}

// mirrored is the operator after exchanging the operands: a literal may stand on the left.
var mirrored = map[op]op{opEQ: opEQ, opLT: opGT, opLE: opGE, opGT: opLT, opGE: opLE}

// keyTerms takes a checked condition apart.
func keyTerms(n *node) ([]KeyTerm, error) {
	if n.op == opAnd {
		var terms []KeyTerm
		for _, a := range n.args {
			t, err := keyTerms(a)
			if err != nil {
				return nil, err
			}
			terms = append(terms, t...)
		}
		return terms, nil
	}
	_, compares := mirrored[n.op]
	if !compares && n.op != opBetween && (n.op != opCall || n.name != "begins_with") {
		return nil, attr.Invalid("Invalid operator used in KeyConditionExpression: %s", n.label())
	}
	t, err := keyTerm(n)
	return []KeyTerm{t}, err
}

func keyTerm(n *node) (KeyTerm, error) {
	paths := 0
	for _, a := range n.args {
		switch a.op {
		case opCall:
			return KeyTerm{}, attr.Invalid("KeyConditionExpressions cannot contain nested operations")
		case opPath:
			paths++
		default:
		}
	}
	key, o := n.args[0], n.op
	values := n.args[1:]
	if key.op != opPath && len(n.args) == 2 && n.op != opCall {
		key, values, o = n.args[1], n.args[:1], mirrored[n.op]
	}
	switch {
	case paths == 0:
		return KeyTerm{}, attr.Invalid("Invalid condition in KeyConditionExpression: No key attribute specified")
	case key.op != opPath:
		return KeyTerm{}, attr.Invalid("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", n.label())
	case paths > 1:
		return KeyTerm{}, attr.Invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
	case len(key.path) > 1:
		return KeyTerm{}, attr.Invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: %s", key.path.Top())
	}
	t := KeyTerm{Name: key.path.Top(), Op: n.name, Value: values[0].value}
	if n.op != opCall {
		t.Op = opNames[o]
	}
	if n.op == opBetween {
		t.High = values[1].value
	}
	return t, nil
}
