package dynamodb

import (
	"context"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

func (s *Service) query(ctx context.Context, q *request) (raw, error) {
	p, err := q.prepare(s.engine)
	if err != nil {
		return nil, err
	}
	if q.keyCondition == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	w, err := s.queryWalk(q, p)
	if err != nil {
		return nil, err
	}
	return s.page(ctx, q, w)
}

// queryWalk is the walk through one partition that a request with a key condition asks for.
func (s *Service) queryWalk(q *request, p prepared) (*walk, error) {
	w, err := s.walk(q, p)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{w.keys.hash.name, w.keys.sort.name} {
		if name != "" && p.filter.Uses(name) {
			return nil, invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
		}
	}
	hash, span, err := w.keys.span(p.keys)
	if err != nil {
		return nil, err
	}
	w.one, w.span = attr.PartitionKey(hash), span
	if err := w.startAt(q.startKey); err != nil {
		return nil, err
	}
	if w.after != nil && (string(w.after.pk) != string(w.one) || !span.contains(w.after.sk)) {
		return nil, invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	return w, nil
}

// span is a range of sort keys. A nil bound is open.
type span struct {
	low, high             []byte
	lowStrict, highStrict bool
}

func (r span) contains(sk []byte) bool {
	if r.low != nil && (string(sk) < string(r.low) || r.lowStrict && string(sk) == string(r.low)) {
		return false
	}
	return r.high == nil || string(sk) < string(r.high) || !r.highStrict && string(sk) == string(r.high)
}

// span finds the partition and the range of sort keys that the terms of a key condition name.
func (k keys) span(terms []expr.KeyTerm) (hash attr.Value, r span, err error) {
	var sort *expr.KeyTerm
	for i, t := range terms {
		switch {
		case t.Name == k.hash.name && t.Op != "=":
			return hash, r, invalid("Query key condition not supported")
		case t.Name == k.hash.name:
			hash = t.Value
		case t.Name == k.sort.name && k.sort.name != "":
			sort = &terms[i]
		case len(terms) > 2:
			return hash, r, invalid("Conditions can be of length 1 or 2 only")
		default:
			return hash, r, invalid("Query condition missed key schema element: %s", k.missing(terms))
		}
	}
	if hash.Kind == attr.None {
		return hash, r, invalid("Query condition missed key schema element: %s", k.hash.name)
	}
	if err := k.hash.literal(hash, attr.MaxPartitionKey); err != nil {
		return hash, r, err
	}
	if sort != nil {
		r, err = k.sort.span(sort)
	}
	return hash, r, err
}

// missing is the key attribute that the terms do not mention.
func (k keys) missing(terms []expr.KeyTerm) string {
	for _, t := range terms {
		if t.Name == k.hash.name {
			return k.sort.name
		}
	}
	return k.hash.name
}

// literal checks a value that a key attribute is compared with.
func (a keyAttr) literal(v attr.Value, limit int) error {
	if v.Kind != a.kind {
		return invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	}
	return a.check(v, limit, "")
}

func (a keyAttr) span(t *expr.KeyTerm) (r span, err error) {
	if err := a.literal(t.Value, attr.MaxSortKey); err != nil {
		return r, err
	}
	v := attr.AppendKey([]byte{}, t.Value)
	switch t.Op {
	case "=":
		r.low, r.high = v, v
	case "<", "<=":
		r.high, r.highStrict = v, t.Op == "<"
	case ">", ">=":
		r.low, r.lowStrict = v, t.Op == ">"
	case "BETWEEN":
		if err := a.literal(t.High, attr.MaxSortKey); err != nil {
			return r, err
		}
		r.low, r.high = v, attr.AppendKey([]byte{}, t.High)
	case "begins_with":
		r.low, r.high, r.highStrict = v, successor(v), true
	}
	return r, nil
}

// successor is the first byte string behind all those with the prefix; nil when there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			out := append([]byte{}, prefix[:i+1]...)
			out[i]++
			return out
		}
	}
	return nil
}
