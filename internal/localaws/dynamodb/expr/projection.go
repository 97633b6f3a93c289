package expr

import (
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Projection selects parts of items.
type Projection struct{ paths []Path }

// Names selects top-level attributes, as the projections of indexes do.
func Names(names []string) *Projection {
	paths := make([]Path, len(names))
	for i, n := range names {
		paths[i] = Path{{Name: n}}
	}
	return &Projection{paths}
}

// Apply gives the selected parts of the item. Elements selected from a list follow each other in the
// order of their indices, without gaps. A nil Projection selects everything.
func (p *Projection) Apply(it attr.Item) attr.Item {
	if p == nil {
		return it
	}
	return pick(attr.Value{Kind: attr.M, Map: it}, p.paths).Map
}

// pick selects what the paths lead to inside v, which is a list or map that at least one of them
// enters; Kind None when they lead nowhere.
func pick(v attr.Value, paths []Path) attr.Value {
	out := attr.Value{Kind: v.Kind}
	groups := slices.Clone(paths)
	slices.SortStableFunc(groups, comparePaths)
	for len(groups) > 0 {
		step := groups[0][0]
		n := 1
		for n < len(groups) && groups[n][0] == step {
			n++
		}
		child := step.in(v)
		if len(groups[0]) > 1 && child.Kind != attr.None {
			rest := make([]Path, n)
			for i := range rest {
				rest[i] = groups[i][1:]
			}
			child = pick(child, rest)
		}
		switch {
		case child.Kind == attr.None:
		case v.Kind == attr.L:
			out.List = append(out.List, child)
		default:
			out.Map = append(out.Map, attr.Attr{Name: step.Name, Value: child}) // groups are sorted by name
		}
		groups = groups[n:]
	}
	if out.Map == nil && out.List == nil {
		return attr.Value{}
	}
	return out
}

// Tops are the names of the top-level attributes that parts are selected from.
func (p *Projection) Tops() []string {
	if p == nil {
		return nil
	}
	names := make([]string, len(p.paths))
	for i, path := range p.paths {
		names[i] = path.Top()
	}
	return names
}
