package expr

import (
	"errors"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Kind is the request field that an expression came in; messages name it.
type Kind string

// The kinds of expressions.
const (
	ConditionExpression    Kind = "ConditionExpression"
	FilterExpression       Kind = "FilterExpression"
	KeyConditionExpression Kind = "KeyConditionExpression"
	UpdateExpression       Kind = "UpdateExpression"
	ProjectionExpression   Kind = "ProjectionExpression"
)

// Engine prepares expressions and remembers their trees by text: programs send the same few over and
// over. It may be used from any goroutine.
type Engine struct{ trees cache }

// DefaultCached is how many parsed expressions an Engine keeps at least.
const DefaultCached = 512

// NewEngine makes an Engine that keeps at least size and at most twice as many parsed expressions. Default: DefaultCached.
func NewEngine(size int) *Engine {
	if size <= 0 {
		size = DefaultCached
	}
	return &Engine{trees: newCache(size)}
}

// tree parses text, or finds it parsed.
func (e *Engine) tree(kind Kind, text string) (*tree, error) {
	grammar := kind
	if kind == FilterExpression || kind == KeyConditionExpression {
		grammar = ConditionExpression
	}
	key := cacheKey{grammar, text}
	if t := e.trees.get(key); t != nil {
		return t, nil
	}
	// The tree's names are substrings of the text, and the text of a whole request: keep only a copy.
	key.text = strings.Clone(text)
	t, err := parse(grammar, key.text)
	if err != nil {
		return nil, err
	}
	e.trees.put(key, t)
	return t, nil
}

func parse(grammar Kind, text string) (*tree, error) {
	switch {
	case text == "":
		return nil, attr.Invalid("The expression can not be empty;")
	case len(text) > maxExpression:
		return nil, attr.Invalid("Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	p := &parser{text: text, tokens: lex(text)}
	t := new(tree)
	var err error
	switch grammar {
	case UpdateExpression:
		t.actions, err = p.update()
	case ProjectionExpression:
		t.paths, err = p.projection()
	default:
		t.root, err = p.condition()
	}
	if err == nil {
		err = p.rule
	}
	t.placeholders = p.placeholders
	return t, err
}

// prepare parses, binds and checks.
func (e *Engine) prepare(s *Scope, kind Kind, text string) (*tree, error) {
	t, err := e.tree(kind, text)
	if err == nil {
		t, err = s.bind(t)
	}
	if err == nil {
		switch kind {
		case UpdateExpression:
			err = checkUpdate(t.actions)
		case ProjectionExpression:
			err = distinct(t.paths)
		default:
			err = checkTerm(t.root)
		}
	}
	if invalid := (*attr.InvalidError)(nil); errors.As(err, &invalid) {
		return nil, attr.Invalid("Invalid %s: %s", kind, invalid.Message)
	}
	return t, err
}

// Condition prepares a condition or filter.
func (e *Engine) Condition(s *Scope, kind Kind, text string) (*Condition, error) {
	t, err := e.prepare(s, kind, text)
	if err != nil {
		return nil, err
	}
	return &Condition{t.root}, nil
}

// KeyCondition prepares a key condition and gives its terms, at most one for an attribute.
func (e *Engine) KeyCondition(s *Scope, text string) ([]KeyTerm, error) {
	t, err := e.prepare(s, KeyConditionExpression, text)
	if err != nil {
		return nil, err
	}
	terms, err := keyTerms(t.root)
	if err != nil {
		return nil, err
	}
	for i := range terms {
		for _, o := range terms[:i] {
			if o.Name == terms[i].Name {
				return nil, attr.Invalid("KeyConditionExpressions must only contain one condition per key")
			}
		}
	}
	return terms, nil
}

// Update prepares an update.
func (e *Engine) Update(s *Scope, text string) (*Update, error) {
	t, err := e.prepare(s, UpdateExpression, text)
	if err != nil {
		return nil, err
	}
	return &Update{t.actions}, nil
}

// Projection prepares a projection.
func (e *Engine) Projection(s *Scope, text string) (*Projection, error) {
	t, err := e.prepare(s, ProjectionExpression, text)
	if err != nil {
		return nil, err
	}
	return &Projection{t.paths}, nil
}
