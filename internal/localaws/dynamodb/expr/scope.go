package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Scope holds the placeholders of one request and notes which of them are used.
// It belongs to one goroutine. A nil Scope has no placeholders.
type Scope struct {
	names      map[string]string
	values     map[string]attr.Value
	usedNames  map[string]bool
	usedValues map[string]bool
}

// NewScope checks the keys of ExpressionAttributeNames and ExpressionAttributeValues. Either may
// be nil; given but empty is refused.
func NewScope(names map[string]string, values map[string]attr.Value) (*Scope, error) {
	if names == nil && values == nil {
		return nil, nil
	}
	s := &Scope{names: names, values: values}
	if names != nil {
		s.usedNames = make(map[string]bool, len(names))
		if err := checkPlaceholders("ExpressionAttributeNames", '#', names); err != nil {
			return nil, err
		}
	}
	if values != nil {
		s.usedValues = make(map[string]bool, len(values))
		if err := checkPlaceholders("ExpressionAttributeValues", ':', values); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func checkPlaceholders[V any](field string, sigil byte, given map[string]V) error {
	if len(given) == 0 {
		return attr.Invalid("%s must not be empty", field)
	}
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if len(k) < 2 || k[0] != sigil || wordEnd(k, 1) != len(k) {
			return attr.Invalid("%s contains invalid key: Syntax error; key: \"%s\"", field, k)
		}
	}
	return nil
}

func (s *Scope) name(placeholder string) (string, error) {
	if s != nil {
		if n, ok := s.names[placeholder]; ok {
			s.usedNames[placeholder] = true
			return n, nil
		}
	}
	return "", attr.Invalid("An expression attribute name used in the document path is not defined; attribute name: %s", placeholder)
}

func (s *Scope) value(placeholder string) (attr.Value, error) {
	if s != nil {
		if v, ok := s.values[placeholder]; ok {
			s.usedValues[placeholder] = true
			return v, nil
		}
	}
	return attr.Value{}, attr.Invalid("An expression attribute value used in expression is not defined; attribute value: %s", placeholder)
}

// Unused is an error when a placeholder was given that no expression used. Call it after all
// expressions of the request are prepared.
func (s *Scope) Unused() error {
	if s == nil {
		return nil
	}
	if err := unused("ExpressionAttributeNames", s.names, s.usedNames); err != nil {
		return err
	}
	return unused("ExpressionAttributeValues", s.values, s.usedValues)
}

func unused[V any](field string, given map[string]V, used map[string]bool) error {
	if len(given) == len(used) {
		return nil
	}
	var left []string
	for k := range given {
		if !used[k] {
			left = append(left, k)
		}
	}
	slices.Sort(left)
	return attr.Invalid("Value provided in %s unused in expressions: keys: {%s}", field, strings.Join(left, ", "))
}
