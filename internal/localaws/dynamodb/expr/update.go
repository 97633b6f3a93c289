package expr

import (
	"cmp"
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

var (
	errMissing = attr.Invalid("The provided expression refers to an attribute that does not exist in the item")
	errOperand = attr.Invalid("An operand in the update expression has an incorrect data type")
	errPath    = attr.Invalid("The document path provided in the update expression is invalid for update")
)

// Update is an update, ready to be applied.
type Update struct{ actions []action }

// Paths are the places that the update names as targets.
func (u *Update) Paths() []Path {
	paths := make([]Path, len(u.actions))
	for i, a := range u.actions {
		paths[i] = a.target
	}
	return paths
}

// removed marks a list element or attribute that goes away once all actions are done: until then it
// keeps the positions of its neighbours, which all actions count in the item as it was.
const removed = ^attr.Kind(0)

// Apply gives the item after the update; it leaves the given one alone. All values are computed from
// the item as it was.
func (u *Update) Apply(it attr.Item) (attr.Item, error) {
	type change struct {
		path  Path
		value attr.Value
	}
	changes := make([]change, 0, len(u.actions))
	for _, a := range u.actions {
		v, err := a.compute(it)
		if err != nil {
			return nil, err
		}
		if v.Kind != attr.None {
			changes = append(changes, change{a.target, v})
		}
	}
	// In the order of their indices, so that elements set beyond a list's end are appended in that order.
	slices.SortStableFunc(changes, func(a, b change) int { return comparePaths(a.path, b.path) })
	root := attr.Value{Kind: attr.M, Map: it}
	removes := false
	for _, c := range changes {
		removes = removes || c.value.Kind == removed
		var err error
		if root, err = put(root, c.path, c.value); err != nil {
			return nil, err
		}
	}
	if removes {
		root = sweep(root)
	}
	return root.Map, nil
}

func comparePaths(a, b Path) int {
	return slices.CompareFunc(a, b, func(x, y Step) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Index, y.Index)) })
}

// compute is what the action puts at its target: a value, removed, or None for no change at all.
func (a action) compute(it attr.Item) (attr.Value, error) {
	switch a.section {
	case "SET":
		return a.value.assigned(it)
	case "REMOVE":
		return attr.Value{Kind: removed}, nil
	}
	old, operand := a.target.In(it), a.value.value
	switch {
	case old.Kind == attr.None && a.section == "ADD":
		return operand, nil
	case old.Kind == attr.None:
		// Nothing to delete from, yet the path must be one that could hold something.
		return attr.Value{}, a.reachable(it)
	case old.Kind != operand.Kind:
		return attr.Value{}, errOperand
	case a.section == "DELETE":
		left := attr.Difference(old, operand)
		if len(left.List) == 0 {
			left.Kind = removed
		}
		return left, nil
	case operand.Kind == attr.N:
		return add(old, operand, false)
	}
	return attr.Union(old, operand), nil
}

// reachable checks that the parent of the target exists and is of the type the path supposes.
func (a action) reachable(it attr.Item) error {
	_, err := put(attr.Value{Kind: attr.M, Map: it}, a.target, attr.Value{Kind: removed})
	return err
}

// assigned is the value of a SET.
func (n *node) assigned(it attr.Item) (attr.Value, error) {
	switch n.op {
	case opValue:
		return n.value, nil
	case opPath:
		if v := n.path.In(it); v.Kind != attr.None {
			return v, nil
		}
		return attr.Value{}, errMissing
	case opCall:
		if n.name == "if_not_exists" {
			// The alternative must have a value even when it is not taken.
			other, err := n.args[1].assigned(it)
			if v := n.args[0].path.In(it); v.Kind != attr.None && err == nil {
				return v, nil
			}
			return other, err
		}
	default: // a sum or a difference: both operands are needed, as for list_append
	}
	a, err := n.args[0].assigned(it)
	if err != nil {
		return attr.Value{}, err
	}
	b, err := n.args[1].assigned(it)
	if err != nil {
		return attr.Value{}, err
	}
	if n.op != opCall {
		return add(a, b, n.op == opMinus)
	}
	if a.Kind != attr.L || b.Kind != attr.L {
		return attr.Value{}, errOperand
	}
	return attr.Value{Kind: attr.L, List: slices.Concat(a.List, b.List)}, nil
}

func add(a, b attr.Value, subtract bool) (attr.Value, error) {
	if a.Kind != attr.N || b.Kind != attr.N {
		return attr.Value{}, errOperand
	}
	x := b.Decimal()
	if subtract {
		x = x.Neg()
	}
	sum, err := a.Decimal().Add(x)
	if err != nil {
		return attr.Value{}, err
	}
	return attr.Number(sum), nil
}

// put gives parent with v at path. Setting beyond a list's end appends; removing there, or a name that is not there, does nothing.
func put(parent attr.Value, path Path, v attr.Value) (attr.Value, error) {
	step := path[0]
	if step.isIndex() && parent.Kind != attr.L || !step.isIndex() && parent.Kind != attr.M {
		return attr.Value{}, errPath
	}
	old := step.in(parent)
	if len(path) > 1 {
		var err error
		if v, err = put(old, path[1:], v); err != nil {
			return attr.Value{}, err
		}
	}
	switch {
	case old.Kind == attr.None && v.Kind == removed:
	case parent.Kind == attr.M:
		parent.Map = parent.Map.With(step.Name, v)
	case old.Kind == attr.None:
		parent.List = append(slices.Clip(parent.List), v)
	default:
		parent.List = slices.Clone(parent.List)
		parent.List[step.Index] = v
	}
	return parent, nil
}

// sweep drops what is marked as removed.
func sweep(v attr.Value) attr.Value {
	switch {
	case v.Kind == attr.M && slices.ContainsFunc(v.Map, func(a attr.Attr) bool { return marked(a.Value) }):
		kept := make(attr.Item, 0, len(v.Map))
		for _, a := range v.Map {
			if a.Value.Kind != removed {
				kept = append(kept, attr.Attr{Name: a.Name, Value: sweep(a.Value)})
			}
		}
		v.Map = kept
	case v.Kind == attr.L && slices.ContainsFunc(v.List, marked):
		kept := make([]attr.Value, 0, len(v.List))
		for _, e := range v.List {
			if e.Kind != removed {
				kept = append(kept, sweep(e))
			}
		}
		v.List = kept
	}
	return v
}

// marked tells whether anything in v is marked as removed.
func marked(v attr.Value) bool {
	return v.Kind == removed ||
		v.Kind == attr.L && slices.ContainsFunc(v.List, marked) ||
		v.Kind == attr.M && slices.ContainsFunc(v.Map, func(a attr.Attr) bool { return marked(a.Value) })
}

// Projection selects the targets of the update.
func (u *Update) Projection() *Projection { return &Projection{u.Paths()} }
