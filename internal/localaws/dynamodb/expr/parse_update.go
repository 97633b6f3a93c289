package expr

// update parses a whole update expression: sections in any order, each at most once.
func (p *parser) update() ([]action, error) {
	var actions []action
	seen := map[string]bool{}
	for {
		t := p.next()
		var one func() (action, error)
		switch {
		case t.kind != tokKeyword:
			return nil, p.syntax()
		case t.text == "SET":
			one = p.assignment
		case t.text == "REMOVE":
			one = p.removal
		case t.text == "ADD", t.text == "DELETE":
			one = p.element
		default:
			return nil, p.syntax()
		}
		if seen[t.text] {
			p.breaksf(`The "%s" section can only be used once in an update expression;`, t.text)
		}
		seen[t.text] = true
		p.at++
		for {
			a, err := one()
			if err != nil {
				return nil, err
			}
			a.section = t.text
			actions = append(actions, a)
			if !p.accept(tokSymbol, ",") {
				break
			}
		}
		if p.next().kind == tokEnd {
			return actions, nil
		}
	}
}

// assignment is path = value of a SET.
func (p *parser) assignment() (action, error) {
	target, err := p.path()
	if err != nil {
		return action{}, err
	}
	if err := p.expect(tokSymbol, "="); err != nil {
		return action{}, err
	}
	v, err := p.sum()
	return action{target: target, value: v}, err
}

// sum is an operand, or two with + or − between; all of it may stand in parentheses.
func (p *parser) sum() (*node, error) {
	var left *node
	var err error
	if p.accept(tokSymbol, "(") {
		left, err = p.closing(p.sum())
	} else {
		left, err = p.plain()
	}
	if err != nil {
		return nil, err
	}
	o := opPlus
	switch {
	case left.op == opPlus || left.op == opMinus: // (a + b) + c is no more allowed than a + b + c
		return left, nil
	case p.accept(tokSymbol, "+"):
	case p.accept(tokSymbol, "-"):
		o = opMinus
	default:
		return left, nil
	}
	p.operator()
	right, err := p.operandNode()
	return &node{op: o, args: []*node{left, right}}, err
}

// removal is the path of a REMOVE.
func (p *parser) removal() (action, error) {
	target, err := p.path()
	return action{target: target}, err
}

// element is the path and the value of an ADD or DELETE.
func (p *parser) element() (action, error) {
	target, err := p.path()
	if err != nil {
		return action{}, err
	}
	if p.next().kind != tokValue {
		return action{}, p.syntax()
	}
	v, err := p.plain()
	return action{target: target, value: v}, err
}
