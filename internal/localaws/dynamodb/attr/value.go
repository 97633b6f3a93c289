package attr

import (
	"slices"
	"strings"
)

// Kind is the data type of a value.
type Kind uint8

// The data types of DynamoDB. The zero Kind is no value at all.
const (
	None Kind = iota
	S
	N
	B
	BOOL
	NULL
	M
	L
	SS
	NS
	BS
)

var kindNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}

// String is the descriptor used on the wire: "S", "N", "BOOL" …
func (k Kind) String() string { return kindNames[k] }

// ParseKind is the inverse of String; it gives None for a name that is no type.
func ParseKind(name string) Kind {
	for i, n := range kindNames {
		if i > 0 && n == name {
			return Kind(i)
		}
	}
	return None
}

// IsSet reports whether k is one of the three set types.
func (k Kind) IsSet() bool { return k == SS || k == NS || k == BS }

// Element is the type of a set's elements, or None.
func (k Kind) Element() Kind {
	switch k {
	case SS:
		return S
	case NS:
		return N
	case BS:
		return B
	default:
		return None
	}
}

// Value is one attribute value. Values are treated as immutable: whoever changes one makes a new one.
type Value struct {
	Kind Kind
	// Bool is the value of a BOOL.
	Bool bool
	// Text is the text of an S, the canonical decimal of an N, the raw bytes of a B.
	Text string
	// List holds the elements of an L in order, or those of a set, sorted and distinct.
	List []Value
	// Map holds an M.
	Map Item
}

// String makes an S.
func String(s string) Value { return Value{Kind: S, Text: s} }

// Number makes an N.
func Number(d Decimal) Value { return Value{Kind: N, Text: d.String()} }

// Decimal is the number of an N.
func (v Value) Decimal() Decimal {
	d, _ := ParseDecimal(v.Text) // canonical by construction
	return d
}

// Attr is a named value.
type Attr struct {
	Name  string
	Value Value
}

// Item is a set of attributes in increasing order of their names' bytes.
type Item []Attr

func (it Item) find(name string) (int, bool) {
	return slices.BinarySearchFunc(it, name, func(a Attr, name string) int { return strings.Compare(a.Name, name) })
}

// Get gives the attribute of that name; its Kind is None when there is none.
func (it Item) Get(name string) Value {
	if i, ok := it.find(name); ok {
		return it[i].Value
	}
	return Value{}
}

// With is a copy of the item in which name has the value v.
func (it Item) With(name string, v Value) Item {
	i, ok := it.find(name)
	if ok {
		out := slices.Clone(it)
		out[i].Value = v
		return out
	}
	out := make(Item, 0, len(it)+1)
	out = append(out, it[:i]...)
	out = append(out, Attr{name, v})
	return append(out, it[i:]...)
}

// Without is a copy of the item that lacks name.
func (it Item) Without(name string) Item {
	i, ok := it.find(name)
	if !ok {
		return it
	}
	return slices.Delete(slices.Clone(it), i, i+1)
}

// Equal reports whether two values are the same: of one type, numbers by value, sets and maps without regard to order.
func Equal(a, b Value) bool {
	if a.Kind != b.Kind || a.Bool != b.Bool || a.Text != b.Text || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		if !Equal(a.List[i], b.List[i]) {
			return false
		}
	}
	return EqualItems(a.Map, b.Map)
}

// EqualItems reports whether two items have the same attributes.
func EqualItems(a, b Item) bool {
	return slices.EqualFunc(a, b, func(x, y Attr) bool { return x.Name == y.Name && Equal(x.Value, y.Value) })
}

// Compare orders two values of one scalar type (S and B by bytes, N by value); ok is false for all others.
func Compare(a, b Value) (order int, ok bool) {
	if a.Kind != b.Kind {
		return 0, false
	}
	switch a.Kind {
	case S, B:
		return strings.Compare(a.Text, b.Text), true
	case N:
		return a.Decimal().Compare(b.Decimal()), true
	default:
		return 0, false
	}
}

// Contains reports whether a set has the element e.
func (v Value) Contains(e Value) bool {
	if v.Kind.Element() != e.Kind {
		return false
	}
	_, ok := slices.BinarySearchFunc(v.List, e, compareElements)
	return ok
}

// compareElements orders the elements of one set.
func compareElements(a, b Value) int {
	c, _ := Compare(a, b)
	return c
}

// NewSet makes a set of the given kind; ok is false when an element occurs twice.
func NewSet(kind Kind, elements []Value) (set Value, ok bool) {
	slices.SortFunc(elements, compareElements)
	for i := 1; i < len(elements); i++ {
		if elements[i].Text == elements[i-1].Text {
			return Value{}, false
		}
	}
	return Value{Kind: kind, List: elements}, true
}

// Union is the set of the elements of either set; both are of one kind.
func Union(a, b Value) Value {
	out := slices.Clone(a.List)
	for _, e := range b.List {
		if !a.Contains(e) {
			out = append(out, e)
		}
	}
	set, _ := NewSet(a.Kind, out)
	return set
}

// Difference is the set of a's elements that are not in b; both are of one kind. It may come out empty.
func Difference(a, b Value) Value {
	out := make([]Value, 0, len(a.List))
	for _, e := range a.List {
		if !b.Contains(e) {
			out = append(out, e)
		}
	}
	return Value{Kind: a.Kind, List: out}
}
