package dynamodb

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// executeStatement runs a SELECT (see selection): as a Query when its terms name a partition, else as a
// Scan, which is what DynamoDB does. Other statements are refused.
func (s *Service) executeStatement(ctx context.Context, rd *attr.Reader) (raw, error) {
	in, err := decodeStatement(rd)
	if err != nil {
		return nil, err
	}
	if word, _, _ := strings.Cut(strings.TrimSpace(in.statement), " "); !strings.EqualFold(word, "SELECT") {
		return nil, unsupported("PartiQL "+strings.ToUpper(word), "use PutItem, UpdateItem or DeleteItem")
	}
	parser := sqlParser{rest: in.statement, parameters: in.parameters}
	sel, err := parser.parse()
	if err != nil {
		return nil, err
	}
	q, err := s.requestFor(sel)
	if err != nil {
		return nil, err
	}
	q.limit, q.consistent, q.returnCapacity = in.limit, in.consistent, in.capacity
	if q.startKey, err = parseToken(in.nextToken); err != nil {
		return nil, err
	}
	p, err := q.prepare(s.engine)
	if err != nil {
		return nil, err
	}
	prepare := s.scanWalk
	if q.keyCondition != nil {
		prepare = s.queryWalk
	}
	w, err := prepare(q, p)
	if err != nil {
		return nil, err
	}
	out, res, err := s.read(ctx, w)
	if err != nil {
		return nil, err
	}
	if res.last != nil {
		out = attr.AppendItem(field(out, "LastEvaluatedKey"), res.last)
		out = attr.AppendString(field(out, "NextToken"), base64.StdEncoding.EncodeToString(attr.AppendItem(nil, res.last)))
	}
	s.opt.OnUnits(true, readUnits(res.size, in.consistent))
	if reportsCapacity(in.capacity) {
		c := consumed{read: true, table: readUnits(res.size, in.consistent)}
		out = c.append(field(out, "ConsumedCapacity"), q.table, in.capacity, false)
	}
	return append(out, '}'), nil
}

type statementInput struct {
	statement  string
	parameters []attr.Value
	nextToken  string
	limit      *int64
	consistent bool
	capacity   string
}

func decodeStatement(rd *attr.Reader) (in statementInput, err error) {
	err = rd.Object(func(f string) (err error) {
		if rd.Null() {
			return nil
		}
		switch f {
		case "Statement":
			in.statement, err = rd.Str()
		case "Parameters":
			return rd.Array(func() error {
				v, err := rd.Value()
				in.parameters = append(in.parameters, v)
				return err
			})
		case "NextToken":
			in.nextToken, err = rd.Str()
		case "Limit":
			in.limit, err = integer(rd)
		case "ConsistentRead":
			in.consistent, err = rd.Bool()
		case "ReturnConsumedCapacity":
			in.capacity, err = rd.Str()
		default:
			return rd.Skip()
		}
		return err
	})
	if err == nil {
		err = rd.End()
	}
	return in, err
}

func parseToken(token string) (attr.Item, error) {
	if token == "" {
		return nil, nil
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, invalid("Invalid NextToken")
	}
	it, err := attr.ParseItem(string(text))
	if err != nil {
		return nil, invalid("Invalid NextToken")
	}
	return it, nil
}

// requestFor words a selection as expressions. Terms on the key become the key condition, if one of
// them names the partition; all others filter.
func (s *Service) requestFor(sel selection) (*request, error) {
	_, def, err := s.table(sel.table)
	if err != nil {
		return nil, err
	}
	k := def.keys
	if sel.index != "" {
		x := def.index(sel.index)
		if x == nil {
			return nil, invalid("The table does not have the specified index: %s", sel.index)
		}
		k = x.keys
	}
	q := &request{table: sel.table, index: sel.index}
	partition := slices.ContainsFunc(sel.terms, func(t sqlTerm) bool { return t.name == k.hash.name && t.op == "=" })
	var key, filter, names []string
	for _, t := range sel.terms {
		text := q.word(t)
		if partition && k.has(t.name) && t.op != "<>" {
			key = append(key, text)
		} else {
			filter = append(filter, text)
		}
	}
	for _, n := range sel.names {
		names = append(names, q.placeholder(n))
	}
	join := func(parts []string, by string) *string {
		if parts == nil {
			return nil
		}
		text := strings.Join(parts, by)
		return &text
	}
	q.keyCondition, q.filter, q.projection = join(key, " AND "), join(filter, " AND "), join(names, ", ")
	return q, nil
}

// word is a term in the expression language.
func (q *request) word(t sqlTerm) string {
	if q.values == nil {
		q.values = make(map[string]attr.Value)
	}
	name := q.placeholder(t.name)
	literals := make([]string, len(t.values))
	for i, v := range t.values {
		literals[i] = ":v" + strconv.Itoa(len(q.values))
		q.values[literals[i]] = v
	}
	switch t.op {
	case "begins_with":
		return "begins_with(" + name + ", " + literals[0] + ")"
	case "BETWEEN":
		return name + " BETWEEN " + literals[0] + " AND " + literals[1]
	}
	return name + " " + t.op + " " + literals[0]
}

func (q *request) placeholder(name string) string {
	if q.names == nil {
		q.names = make(map[string]string)
	}
	for k, n := range q.names {
		if n == name {
			return k
		}
	}
	k := "#n" + strconv.Itoa(len(q.names))
	q.names[k] = name
	return k
}
