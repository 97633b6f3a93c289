package expr

import (
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Step is one element of a document path: a name, or an index when Name is "".
type Step struct {
	Name  string
	Index int
	// placeholder marks a Name that still is a #placeholder; only unbound trees have any.
	placeholder bool
}

// isIndex tells indices from names; attribute names are never empty.
func (s Step) isIndex() bool { return s.Name == "" }

// Path leads to an attribute, or to a place inside a list or map.
type Path []Step

// Top is the name of the top-level attribute.
func (p Path) Top() string { return p[0].Name }

// String is the form that DynamoDB's messages use: [a, [0], b].
func (p Path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = s.Name
		if s.isIndex() {
			parts[i] = "[" + strconv.Itoa(s.Index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// in takes the step into a list or map; Kind None when it leads nowhere.
func (s Step) in(v attr.Value) attr.Value {
	switch {
	case s.isIndex() && v.Kind == attr.L && s.Index < len(v.List):
		return v.List[s.Index]
	case !s.isIndex() && v.Kind == attr.M:
		return v.Map.Get(s.Name)
	}
	return attr.Value{}
}

// In follows the path into an item; the Kind is None when it leads nowhere.
func (p Path) In(it attr.Item) attr.Value {
	v := it.Get(p[0].Name)
	for _, s := range p[1:] {
		v = s.in(v)
	}
	return v
}

func (p Path) equal(o Path) bool {
	if len(p) != len(o) {
		return false
	}
	for i := range p {
		if p[i].Name != o[i].Name || p[i].Index != o[i].Index {
			return false
		}
	}
	return true
}

// overlap tells why two paths cannot be used in one expression: one contains the other
// ("overlap"), or they disagree on whether a place is a list or a map ("conflict"); "" when they can.
func (p Path) overlap(o Path) string {
	for i := 0; i < len(p) && i < len(o); i++ {
		if p[i].isIndex() != o[i].isIndex() {
			return "conflict"
		}
		if p[i] != o[i] {
			return ""
		}
	}
	return "overlap"
}

// distinct checks that no two paths overlap or conflict.
func distinct(paths []Path) error {
	for i, o := range paths {
		for _, p := range paths[:i] {
			if why := p.overlap(o); why != "" {
				return attr.Invalid("Two document paths %s with each other; must remove or rewrite one of these paths; path one: %v, path two: %v", why, p, o)
			}
		}
	}
	return nil
}
