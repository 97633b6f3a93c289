package meter

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// askForUnits returns a copy of a call's parameters that asks for the consumed units.
func askForUnits(parameters any) any {
	const total = types.ReturnConsumedCapacityTotal
	switch p := parameters.(type) {
	case *dynamodb.PutItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.UpdateItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.DeleteItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.BatchWriteItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.TransactWriteItemsInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.GetItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.BatchGetItemInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	case *dynamodb.QueryInput:
		c := *p
		c.ReturnConsumedCapacity = total
		return &c
	}
	return parameters
}

// consumed returns the units that an answer names.
func consumed(result any) (name string, units float64) {
	switch r := result.(type) {
	case *dynamodb.PutItemOutput:
		return WriteUnits, sum(r.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		return WriteUnits, sum(r.ConsumedCapacity)
	case *dynamodb.DeleteItemOutput:
		return WriteUnits, sum(r.ConsumedCapacity)
	case *dynamodb.BatchWriteItemOutput:
		return WriteUnits, sum(pointers(r.ConsumedCapacity)...)
	case *dynamodb.TransactWriteItemsOutput:
		return WriteUnits, sum(pointers(r.ConsumedCapacity)...)
	case *dynamodb.GetItemOutput:
		return ReadUnits, sum(r.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		return ReadUnits, sum(pointers(r.ConsumedCapacity)...)
	case *dynamodb.QueryOutput:
		return ReadUnits, sum(r.ConsumedCapacity)
	}
	return "", 0
}

func pointers(all []types.ConsumedCapacity) []*types.ConsumedCapacity {
	out := make([]*types.ConsumedCapacity, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

func sum(all ...*types.ConsumedCapacity) (units float64) {
	for _, c := range all {
		if c != nil && c.CapacityUnits != nil {
			units += max(0, *c.CapacityUnits)
		}
	}
	return units
}

// refused reports whether a write's condition failed.
func refused(err error) bool {
	_, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	return ok
}
