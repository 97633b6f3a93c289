package expr

import "slices"

// bind gives the tree with its placeholders resolved: a copy where there are any, else the tree itself.
func (s *Scope) bind(t *tree) (*tree, error) {
	if !t.placeholders {
		return t, nil
	}
	out := &tree{actions: slices.Clone(t.actions), paths: slices.Clone(t.paths)}
	var err error
	if t.root != nil {
		if out.root, err = s.bindNode(t.root); err != nil {
			return nil, err
		}
	}
	for i := range out.actions {
		a := &out.actions[i]
		if a.target, err = s.bindPath(a.target); err != nil {
			return nil, err
		}
		if a.value == nil {
			continue
		}
		if a.value, err = s.bindNode(a.value); err != nil {
			return nil, err
		}
	}
	for i := range out.paths {
		if out.paths[i], err = s.bindPath(out.paths[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Scope) bindNode(n *node) (*node, error) {
	out := *n
	var err error
	switch n.op {
	case opValue:
		out.value, err = s.value(n.name)
		return &out, err
	case opPath:
		out.path, err = s.bindPath(n.path)
		return &out, err
	default:
		out.args = make([]*node, len(n.args))
		for i, a := range n.args {
			if out.args[i], err = s.bindNode(a); err != nil {
				return nil, err
			}
		}
		return &out, nil
	}
}

func (s *Scope) bindPath(p Path) (Path, error) {
	var out Path
	for i, step := range p {
		if !step.placeholder {
			continue
		}
		name, err := s.name(step.Name)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = slices.Clone(p)
		}
		out[i] = Step{Name: name}
	}
	if out == nil {
		return p, nil
	}
	return out, nil
}
