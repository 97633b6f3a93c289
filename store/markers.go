package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/codec"
)

// AddStart notes that start began to run a message that had been delivered
// before, and returns how many starts of it have not been released, this one
// included: every other one is a run that is still going on or a death (SQS's
// receive count is neither). start must differ between any two starts, for
// example the worker's name and the receive count. The same start again changes nothing.
func (s *Store) AddStart(ctx context.Context, job Job, id codec.Identity, start string) (starts int, err error) {
	k, err := markerKey(job, id)
	if err != nil {
		return 0, fmt.Errorf("note start: %w", err)
	}
	op := "note the start " + nameOf(job, "", id)
	in := &dynamodb.UpdateItemInput{
		TableName: s.table, Key: k.attrs(),
		UpdateExpression:          aws.String("ADD #s :me"), // of a set: repeating it is harmless, unlike a counter
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR attribute_not_exists(#e) OR #e > :created"),
		ExpressionAttributeNames:  map[string]string{"#s": "starts", "#e": attrExp},
		ExpressionAttributeValues: item{":me": avSS(start), ":created": avSecond(job.Created)},
		ReturnValues:              types.ReturnValueAllNew,
	}
	if !job.Expires.IsZero() {
		in.UpdateExpression = aws.String("ADD #s :me SET #e = :e")
		in.ExpressionAttributeValues[":e"] = avSecond(job.Expires)
	}
	var out *dynamodb.UpdateItemOutput
	err = s.patient(ctx, op, func() (err error) {
		out, err = s.api.UpdateItem(ctx, in)
		return err
	})
	if _, old := errors.AsType[*types.ConditionalCheckFailedException](err); old {
		return 1, s.replaceMarker(ctx, op, k, job, start)
	}
	if err != nil {
		return 0, err
	}
	f := fields{it: out.Attributes}
	return len(f.set("starts")), f.err
}

// replaceMarker overwrites the marker that an expired job of the same id left.
func (s *Store) replaceMarker(ctx context.Context, op string, k key, job Job, start string) error {
	it := newItem(k)
	it["starts"] = avSS(start)
	it.putExp(job.Expires)
	return s.patient(ctx, op, func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
}

// RemoveStart takes back a start: the message was released cleanly, so its next delivery tells nothing about it.
func (s *Store) RemoveStart(ctx context.Context, job Job, id codec.Identity, start string) error {
	k, err := markerKey(job, id)
	if err != nil {
		return fmt.Errorf("take back start: %w", err)
	}
	err = s.patient(ctx, "take back the start "+nameOf(job, "", id), func() error {
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: k.attrs(),
			UpdateExpression:          aws.String("DELETE #s :me"),
			ConditionExpression:       aws.String("attribute_exists(pk)"), // an update would create it
			ExpressionAttributeNames:  map[string]string{"#s": "starts"},
			ExpressionAttributeValues: item{":me": avSS(start)},
		})
		return err
	})
	if _, gone := errors.AsType[*types.ConditionalCheckFailedException](err); gone {
		return nil
	}
	return err
}
