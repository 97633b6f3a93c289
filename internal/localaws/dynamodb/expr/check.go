package expr

import (
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// function describes what a function takes.
type function struct {
	args int
	// path: the first argument must be a document path.
	path bool
	// update functions belong into SET, the others into conditions.
	update bool
	// kinds that a literal argument may have; nil for all.
	kinds []attr.Kind
	// distinct: the first argument must not be among the others.
	distinct bool
}

var functions = map[string]function{
	"attribute_exists":     {args: 1, path: true},
	"attribute_not_exists": {args: 1, path: true},
	"attribute_type":       {args: 2, path: true, distinct: true},
	"begins_with":          {args: 2, kinds: []attr.Kind{attr.S, attr.B}, distinct: true},
	"contains":             {args: 2, distinct: true},
	"size":                 {args: 1, kinds: []attr.Kind{attr.S, attr.B, attr.SS, attr.NS, attr.BS, attr.L, attr.M}},
	"if_not_exists":        {args: 2, path: true, update: true, distinct: true},
	"list_append":          {args: 2, update: true, kinds: []attr.Kind{attr.L}},
}

var ordered = []attr.Kind{attr.S, attr.N, attr.B}

// checkCondition refuses what DynamoDB refuses in a bound condition before it looks at an item.
func checkCondition(n *node) error {
	switch n.op {
	case opPath, opValue:
		return nil
	case opAnd, opOr, opNot:
		for _, a := range n.args {
			if err := checkTerm(a); err != nil {
				return err
			}
		}
		return nil
	case opCall:
		return checkCall(n, false)
	default: // a comparison, BETWEEN or IN
	}
	for _, a := range n.args {
		if err := checkOperand(a); err != nil {
			return err
		}
	}
	if err := distinctOperands(n); err != nil {
		return err
	}
	if n.op == opEQ || n.op == opNE || n.op == opIn {
		return nil
	}
	if err := literalKinds(n, ordered); err != nil {
		return err
	}
	return checkBounds(n)
}

// checkTerm checks a node that stands as a condition.
func checkTerm(n *node) error {
	if err := checkCondition(n); err != nil {
		return err
	}
	if n.op == opCall && n.name == "size" {
		return misplaced(n)
	}
	return nil
}

// checkOperand checks a node that stands as a value in a condition.
func checkOperand(n *node) error {
	if n.op == opPath || n.op == opValue {
		return nil
	}
	if err := checkCall(n, false); err != nil {
		return err
	}
	if n.name != "size" {
		return misplaced(n)
	}
	return nil
}

func misplaced(n *node) error {
	return attr.Invalid("The function is not allowed to be used this way in an expression; function: %s", n.name)
}

// checkCall checks a function and its arguments, in an update or in a condition.
func checkCall(n *node, update bool) error {
	f, ok := functions[n.name]
	switch {
	case !ok:
		return attr.Invalid("Invalid function name; function: %s", n.name)
	case f.update && !update:
		return attr.Invalid("The function is not allowed in a condition expression; function: %s", n.name)
	case !f.update && update:
		return attr.Invalid("The function is not allowed in an update expression; function: %s", n.name)
	case len(n.args) != f.args:
		return attr.Invalid("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", n.name, len(n.args))
	case f.path && n.args[0].op != opPath:
		return attr.Invalid("Operator or function requires a document path; operator or function: %s", n.name)
	}
	for _, a := range n.args {
		check := checkOperand
		if update {
			check = checkUpdateOperand
		}
		if err := check(a); err != nil {
			return err
		}
	}
	if f.distinct {
		if err := distinctOperands(n); err != nil {
			return err
		}
	}
	if n.name == "attribute_type" {
		return checkTypeName(n)
	}
	if f.kinds != nil {
		return literalKinds(n, f.kinds)
	}
	return nil
}

// checkUpdateOperand checks an argument inside an update's value: if_not_exists may nest, list_append not.
func checkUpdateOperand(n *node) error {
	if n.op != opCall {
		return nil
	}
	if err := checkCall(n, true); err != nil {
		return err
	}
	if n.name == "list_append" {
		return misplaced(n)
	}
	return nil
}

func checkTypeName(n *node) error {
	switch t := n.args[1]; {
	case t.kind() != attr.None && t.kind() != attr.S:
		return wrongKind(n, t.kind())
	case t.op == opValue && attr.ParseKind(t.value.Text) == attr.None:
		return attr.Invalid("Invalid attribute type name found; type: %s, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}", t.value.Text)
	}
	return nil
}

func wrongKind(n *node, k attr.Kind) error {
	return attr.Invalid("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", n.label(), k)
}

// literalKinds checks the types of those arguments that have one regardless of the item.
func literalKinds(n *node, allowed []attr.Kind) error {
	for _, a := range n.args {
		if k := a.kind(); k != attr.None && !slices.Contains(allowed, k) {
			return wrongKind(n, k)
		}
	}
	return nil
}

// distinctOperands refuses "a = a" and the like.
func distinctOperands(n *node) error {
	first := n.args[0]
	if first.op != opPath {
		return nil
	}
	for _, a := range n.args[1:] {
		if a.op == opPath && a.path.equal(first.path) {
			return attr.Invalid("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %v", n.label(), first.path)
		}
	}
	return nil
}

// checkBounds refuses a BETWEEN whose literal bounds cannot hold anything.
func checkBounds(n *node) error {
	if n.op != opBetween || n.args[1].op != opValue || n.args[2].op != opValue {
		return nil
	}
	low, high := n.args[1].value, n.args[2].value
	order, ok := attr.Compare(low, high)
	var why string
	switch {
	case !ok:
		why = "same data type for lower and upper bounds"
	case order > 0:
		why = "upper bound to be greater than or equal to lower bound"
	default:
		return nil
	}
	return attr.Invalid("The BETWEEN operator requires %s; lower bound operand: AttributeValue: {%s:%s}, upper bound operand: AttributeValue: {%s:%s}",
		why, low.Kind, low.Text, high.Kind, high.Text)
}

// checkUpdate refuses what DynamoDB refuses in a bound update before it looks at an item.
func checkUpdate(actions []action) error {
	paths := make([]Path, len(actions))
	for i, a := range actions {
		paths[i] = a.target
		if err := checkAction(a); err != nil {
			return err
		}
	}
	return distinct(paths)
}

// wireNames are the names of types in messages about ADD and DELETE, which differ from all others.
var wireNames = [...]string{"", "STRING", "NUMBER", "BINARY", "BOOLEAN", "NULL", "MAP", "LIST", "STRING_SET", "NUMBER_SET", "BINARY_SET"}

func checkAction(a action) error {
	switch a.section {
	case "SET":
		return checkAssigned(a.value)
	case "ADD", "DELETE":
		k := a.value.value.Kind
		if !k.IsSet() && (a.section != "ADD" || k != attr.N) {
			return attr.Invalid("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", a.section, wireNames[k], a.section)
		}
	}
	return nil
}

func checkAssigned(n *node) error {
	switch n.op {
	case opCall:
		return checkCall(n, true)
	case opPlus, opMinus:
		for _, a := range n.args {
			if err := checkUpdateOperand(a); err != nil {
				return err
			}
		}
		return literalKinds(n, []attr.Kind{attr.N})
	default:
		return nil
	}
}
