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
// before, and returns the starts of it that have not been taken back, in no
// order and this one included: every other one is a run that is still going on or a death (SQS's
// receive count is neither). start must differ between any two starts; what else
// it says is the caller's. The same start again changes nothing.
func (s *Store) AddStart(ctx context.Context, job Job, id codec.Identity, start string) (starts []string, err error) {
	k, err := resultKey(job, id)
	if err != nil {
		return nil, fmt.Errorf("note start: %w", err)
	}
	return s.addStart(ctx, "note the start "+nameOf(job, "", id), markerKey(k), job, start)
}

// AddLooseStart is AddStart for a message of the task without a job that has
// the id; the note expires with the store's retention.
func (s *Store) AddLooseStart(ctx context.Context, id string, m codec.Identity, start string) (starts []string, err error) {
	job := Job{Expires: s.now().Add(s.retention)}
	return s.addStart(ctx, "note the start "+nameOf(job, id, m), markerKey(looseKey(id, m)), job, start)
}

func (s *Store) addStart(ctx context.Context, op string, k key, job Job, start string) ([]string, error) {
	in := &dynamodb.UpdateItemInput{
		TableName: s.table, Key: k.attrs(),
		UpdateExpression:          aws.String("ADD #s :me"), // of a set: repeating it is harmless, unlike a counter
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR attribute_not_exists(#e) OR #e > :created"),
		ExpressionAttributeNames:  map[string]string{"#s": "starts", "#e": attrExp},
		ExpressionAttributeValues: item{":me": avSS(start), ":created": avN(max(job.Created.Unix(), 0))},
		ReturnValues:              types.ReturnValueAllNew,
	}
	if !job.Expires.IsZero() {
		in.UpdateExpression = aws.String("ADD #s :me SET #e = :e")
		in.ExpressionAttributeValues[":e"] = avSecond(job.Expires)
	}
	var out *dynamodb.UpdateItemOutput
	err := s.patient(ctx, op, func() (err error) {
		out, err = s.api.UpdateItem(ctx, in)
		return err
	})
	if _, old := errors.AsType[*types.ConditionalCheckFailedException](err); old {
		return []string{start}, s.replaceMarker(ctx, op, k, job, start)
	}
	if err != nil {
		return nil, err
	}
	f := fields{it: out.Attributes}
	return f.set("starts"), f.err
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
	k, err := resultKey(job, id)
	if err != nil {
		return fmt.Errorf("take back start: %w", err)
	}
	return s.removeStart(ctx, "take back the start "+nameOf(job, "", id), markerKey(k), start)
}

// RemoveLooseStart is RemoveStart for a message of the task without a job that has the id.
func (s *Store) RemoveLooseStart(ctx context.Context, id string, m codec.Identity, start string) error {
	return s.removeStart(ctx, "take back the start "+nameOf(Job{}, id, m), markerKey(looseKey(id, m)), start)
}

func (s *Store) removeStart(ctx context.Context, op string, k key, start string) error {
	err := s.patient(ctx, op, func() error {
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
