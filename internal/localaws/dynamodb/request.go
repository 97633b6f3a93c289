package dynamodb

import (
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// request is the input of one operation on items: PutItem, GetItem, UpdateItem, DeleteItem, Query, Scan,
// and the parts of transactions. They share most of their parameters, so one decoder reads all; a
// parameter that an operation does not have is ignored, as AWS does.
type request struct {
	table, index string
	item, key    attr.Item
	startKey     attr.Item

	condition, update, projection, filter, keyCondition *string

	names  map[string]string
	values map[string]attr.Value

	returnValues, returnOnFailure, returnCapacity, selects string

	consistent bool
	backward   bool
	limit      *int64
	segment    *int64
	segments   *int64
}

// legacy parameters, superseded in 2014, and what to use instead.
var legacy = map[string]string{
	"Expected":            "use ConditionExpression",
	"ConditionalOperator": "use AND and OR in an expression",
	"AttributeUpdates":    "use UpdateExpression",
	"AttributesToGet":     "use ProjectionExpression",
	"KeyConditions":       "use KeyConditionExpression",
	"QueryFilter":         "use FilterExpression",
	"ScanFilter":          "use FilterExpression",
}

func decode(body []byte) (*request, error) {
	rd := attr.NewReader(string(body))
	q := new(request)
	if err := q.read(rd); err != nil {
		return nil, err
	}
	return q, rd.End()
}

// read reads one object.
func (q *request) read(rd *attr.Reader) error {
	return rd.Object(func(field string) error {
		if rd.Null() {
			return nil
		}
		return q.field(rd, field)
	})
}

func (q *request) field(rd *attr.Reader, field string) (err error) {
	switch field {
	case "TableName":
		q.table, err = tableName(rd)
	case "IndexName":
		q.index, err = rd.Str()
	case "Item":
		q.item, err = rd.Item()
	case "Key":
		q.key, err = rd.Item()
	case "ExclusiveStartKey":
		q.startKey, err = rd.Item()
	case "ConditionExpression":
		q.condition, err = text(rd)
	case "UpdateExpression":
		q.update, err = text(rd)
	case "ProjectionExpression":
		q.projection, err = text(rd)
	case "FilterExpression":
		q.filter, err = text(rd)
	case "KeyConditionExpression":
		q.keyCondition, err = text(rd)
	case "ExpressionAttributeNames":
		q.names, err = stringMap(rd)
	case "ExpressionAttributeValues":
		q.values, err = valueMap(rd)
	case "ReturnValues":
		q.returnValues, err = rd.Str()
	case "ReturnValuesOnConditionCheckFailure":
		q.returnOnFailure, err = rd.Str()
	case "ReturnConsumedCapacity":
		q.returnCapacity, err = rd.Str()
	case "Select":
		q.selects, err = rd.Str()
	case "ConsistentRead":
		q.consistent, err = rd.Bool()
	case "ScanIndexForward":
		var forward bool
		forward, err = rd.Bool()
		q.backward = !forward
	case "Limit":
		q.limit, err = integer(rd)
	case "Segment":
		q.segment, err = integer(rd)
	case "TotalSegments":
		q.segments, err = integer(rd)
	default:
		if instead, old := legacy[field]; old {
			return unsupported("the legacy parameter "+field, instead)
		}
		return rd.Skip()
	}
	return err
}

func text(rd *attr.Reader) (*string, error) {
	s, err := rd.Str()
	return &s, err
}

func integer(rd *attr.Reader) (*int64, error) {
	n, err := rd.Int()
	return &n, err
}

func stringMap(rd *attr.Reader) (map[string]string, error) {
	m := make(map[string]string)
	return m, rd.Object(func(k string) (err error) {
		m[k], err = rd.Str()
		return err
	})
}

func valueMap(rd *attr.Reader) (map[string]attr.Value, error) {
	m := make(map[string]attr.Value)
	return m, rd.Object(func(k string) (err error) {
		m[k], err = rd.Value()
		return err
	})
}

// scope makes the placeholders' scope; hasExpression tells whether any expression can use them.
func (q *request) scope() (*expr.Scope, error) {
	if q.condition == nil && q.update == nil && q.projection == nil && q.filter == nil && q.keyCondition == nil {
		switch {
		case q.names != nil:
			return nil, invalid("ExpressionAttributeNames can only be specified when using expressions")
		case q.values != nil:
			return nil, invalid("ExpressionAttributeValues can only be specified when using expressions")
		}
	}
	return expr.NewScope(q.names, q.values)
}

// prepared are the expressions of a request, ready for use; those not given are nil.
type prepared struct {
	condition  *expr.Condition
	filter     *expr.Condition
	update     *expr.Update
	projection *expr.Projection
	keys       []expr.KeyTerm
}

func (q *request) prepare(engine *expr.Engine) (p prepared, err error) {
	scope, err := q.scope()
	if err != nil {
		return p, err
	}
	if q.update != nil {
		if p.update, err = engine.Update(scope, *q.update); err != nil {
			return p, err
		}
	}
	if q.condition != nil {
		if p.condition, err = engine.Condition(scope, expr.ConditionExpression, *q.condition); err != nil {
			return p, err
		}
	}
	if q.filter != nil {
		if p.filter, err = engine.Condition(scope, expr.FilterExpression, *q.filter); err != nil {
			return p, err
		}
	}
	if q.projection != nil {
		if p.projection, err = engine.Projection(scope, *q.projection); err != nil {
			return p, err
		}
	}
	if q.keyCondition != nil {
		if p.keys, err = engine.KeyCondition(scope, *q.keyCondition); err != nil {
			return p, err
		}
	}
	return p, scope.Unused()
}

// oneOf checks an enumerated parameter; "" stands for its default.
func oneOf(field, value string, allowed ...string) error {
	if value == "" {
		return nil
	}
	if slices.Contains(allowed, value) {
		return nil
	}
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", value, field, allowed)
}
