package virtual

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// The attributes of the primary key, as package store has them.
const (
	partKey = "pk"
	sortKey = "sk"
)

// Table is a DynamoDB table with the string keys pk and sk, in memory: the calls
// that package store makes, and of each call what it uses. What is not supported
// is an error. Any table name means this one. Nothing expires by itself. It is safe for concurrent use.
type Table struct {
	engine *expr.Engine

	mu    sync.Mutex           // protects parts
	parts map[string][]sortRow // by partition key, ordered by sort key
}

type sortRow struct {
	sk   string
	item attr.Item
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{engine: expr.NewEngine(0), parts: map[string][]sortRow{}} }

// Keys lists the sort keys of a partition, in order.
func (t *Table) Keys(pk string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []string
	for _, r := range t.parts[pk] {
		keys = append(keys, r.sk)
	}
	return keys
}

// find returns the place of the key in its partition. Callers hold mu.
func (t *Table) find(pk, sk string) (at int, found attr.Item) {
	rows := t.parts[pk]
	at, ok := slices.BinarySearchFunc(rows, sk, func(r sortRow, sk string) int { return strings.Compare(r.sk, sk) })
	if !ok {
		return at, nil
	}
	return at, rows[at].item
}

// write puts the item at its key, where old was found. Callers hold mu.
func (t *Table) write(it, old attr.Item, at int) {
	pk, sk := it.Get(partKey).Text, it.Get(sortKey).Text
	if old != nil {
		t.parts[pk][at].item = it
		return
	}
	t.parts[pk] = slices.Insert(t.parts[pk], at, sortRow{sk, it})
}

// request is what the calls with expressions have in common.
type request struct {
	names  map[string]string
	values map[string]types.AttributeValue
	cond   *string
}

// prepare returns the request's scope and its condition, nil for none.
func (t *Table) prepare(r request) (*expr.Scope, *expr.Condition, error) {
	var values map[string]attr.Value
	for name, v := range r.values {
		a, err := toAttr(v)
		if err != nil {
			return nil, nil, err
		}
		if values == nil {
			values = map[string]attr.Value{}
		}
		values[name] = a
	}
	scope, err := expr.NewScope(r.names, values)
	if err != nil || r.cond == nil {
		return scope, nil, err
	}
	cond, err := t.engine.Condition(scope, expr.ConditionExpression, *r.cond)
	return scope, cond, err
}

func refused(old attr.Item, want types.ReturnValuesOnConditionCheckFailure) error {
	e := &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	if want == types.ReturnValuesOnConditionCheckFailureAllOld {
		e.Item = fromItem(old)
	}
	return e
}

// PutItem implements store.API.
func (t *Table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	it, err := toItem(in.Item)
	if err != nil {
		return nil, err
	}
	scope, cond, err := t.prepare(request{in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ConditionExpression})
	if err != nil {
		return nil, err
	}
	if err := scope.Unused(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, old := t.find(it.Get(partKey).Text, it.Get(sortKey).Text)
	if !cond.Match(old) {
		return nil, refused(old, in.ReturnValuesOnConditionCheckFailure)
	}
	t.write(it, old, at)
	return &dynamodb.PutItemOutput{}, nil
}

// UpdateItem implements store.API.
func (t *Table) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	key, err := toItem(in.Key)
	if err != nil {
		return nil, err
	}
	scope, cond, err := t.prepare(request{in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ConditionExpression})
	if err != nil {
		return nil, err
	}
	update, err := t.engine.Update(scope, aws.ToString(in.UpdateExpression))
	if err != nil {
		return nil, err
	}
	if err := scope.Unused(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, old := t.find(key.Get(partKey).Text, key.Get(sortKey).Text)
	if !cond.Match(old) {
		return nil, refused(old, in.ReturnValuesOnConditionCheckFailure)
	}
	before := old
	if before == nil {
		before = key
	}
	after, err := update.Apply(before)
	if err != nil {
		return nil, err
	}
	t.write(after, old, at)
	out := &dynamodb.UpdateItemOutput{}
	switch in.ReturnValues {
	case types.ReturnValueAllNew:
		out.Attributes = fromItem(after)
	case types.ReturnValueAllOld:
		out.Attributes = fromItem(old)
	case types.ReturnValueNone, "":
	default:
		return nil, attr.Invalid("ReturnValues %s is not supported here", in.ReturnValues)
	}
	return out, nil
}

// GetItem implements store.API. It returns all attributes, whatever the projection.
func (t *Table) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	key, err := toItem(in.Key)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, it := t.find(key.Get(partKey).Text, key.Get(sortKey).Text)
	return &dynamodb.GetItemOutput{Item: fromItem(it)}, nil
}

// BatchGetItem implements store.API. It returns all attributes, whatever the projection.
func (t *Table) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	for table, want := range in.RequestItems {
		for _, k := range want.Keys {
			key, err := toItem(k)
			if err != nil {
				return nil, err
			}
			if _, it := t.find(key.Get(partKey).Text, key.Get(sortKey).Text); it != nil {
				out.Responses[table] = append(out.Responses[table], fromItem(it))
			}
		}
	}
	return out, nil
}

// pageSize is how many items a page of a query has at most. DynamoDB's pages end
// at 1 MB; small ones show what a reader does between two.
const pageSize = 25

// Query implements store.API. It returns all attributes, whatever the projection.
func (t *Table) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if in.FilterExpression != nil || in.IndexName != nil {
		return nil, attr.Invalid("filters and indexes are not supported here")
	}
	scope, _, err := t.prepare(request{in.ExpressionAttributeNames, in.ExpressionAttributeValues, nil})
	if err != nil {
		return nil, err
	}
	terms, err := t.engine.KeyCondition(scope, aws.ToString(in.KeyConditionExpression))
	if err != nil {
		return nil, err
	}
	start, err := toItem(in.ExclusiveStartKey)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	rows, err := t.match(terms)
	if err != nil {
		return nil, err
	}
	descending := in.ScanIndexForward != nil && !*in.ScanIndexForward
	if descending {
		slices.Reverse(rows)
	}
	if after := start.Get(sortKey).Text; start != nil {
		rows = slices.DeleteFunc(rows, func(r sortRow) bool {
			if descending {
				return r.sk >= after
			}
			return r.sk <= after
		})
	}
	limit := pageSize
	if in.Limit != nil {
		limit = min(limit, int(*in.Limit))
	}
	out := &dynamodb.QueryOutput{}
	for _, r := range rows[:min(limit, len(rows))] {
		out.Items = append(out.Items, fromItem(r.item))
	}
	if len(rows) > limit {
		last := out.Items[limit-1]
		out.LastEvaluatedKey = map[string]types.AttributeValue{partKey: last[partKey], sortKey: last[sortKey]}
	}
	out.Count = int32(len(out.Items))
	return out, nil
}

// match returns a copy of the rows for which the key terms hold. Callers hold mu.
func (t *Table) match(terms []expr.KeyTerm) ([]sortRow, error) {
	var pk string
	var rest []expr.KeyTerm
	for _, term := range terms {
		if term.Name == partKey && term.Op == "=" {
			pk = term.Value.Text
		} else {
			rest = append(rest, term)
		}
	}
	if pk == "" {
		return nil, attr.Invalid("Query condition missed key schema element: %s", partKey)
	}
	var rows []sortRow
	for _, r := range t.parts[pk] {
		all := true
		for _, term := range rest {
			ok, err := holds(term, r.sk)
			if err != nil {
				return nil, err
			}
			all = all && ok
		}
		if all {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func holds(term expr.KeyTerm, sk string) (bool, error) {
	if term.Name != sortKey {
		return false, attr.Invalid("Query condition on %s, which is no key", term.Name)
	}
	switch term.Op {
	case "=":
		return sk == term.Value.Text, nil
	case "<":
		return sk < term.Value.Text, nil
	case "<=":
		return sk <= term.Value.Text, nil
	case ">":
		return sk > term.Value.Text, nil
	case ">=":
		return sk >= term.Value.Text, nil
	case "BETWEEN":
		return sk >= term.Value.Text && sk <= term.High.Text, nil
	case "begins_with":
		return strings.HasPrefix(sk, term.Value.Text), nil
	}
	return false, fmt.Errorf("key condition operator %q", term.Op)
}
