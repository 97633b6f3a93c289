package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// change is one conditional update of a META item.
type change struct {
	op        string // for errors
	set       string // update expression
	condition string
	names     map[string]string
	values    item
}

// changeJob applies c. When the condition does not hold it returns held=false
// and the item as it is, nil when there is none.
func (s *Store) changeJob(ctx context.Context, id string, c change) (held bool, have item, err error) {
	if err := checkJobID(id); err != nil {
		return false, nil, err
	}
	err = s.patient(ctx, fmt.Sprintf("%s job %q", c.op, id), func() error {
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: jobKey(id).attrs(),
			UpdateExpression:                    aws.String(c.set),
			ConditionExpression:                 aws.String("attribute_exists(pk) AND " + c.condition),
			ExpressionAttributeNames:            c.names,
			ExpressionAttributeValues:           c.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if failed.Item == nil {
			return false, nil, fmt.Errorf("%s: job %q: %w", c.op, id, ErrNotFound)
		}
		return false, failed.Item, nil
	}
	return err == nil, nil, err
}

// SetConfirmed raises the number of tasks whose message SQS has confirmed; a lower number changes nothing.
func (s *Store) SetConfirmed(ctx context.Context, id string, n int) error {
	_, _, err := s.changeJob(ctx, id, change{
		op: "confirm tasks of", set: "SET #c = :n", condition: "#c < :n AND #n >= :n",
		names: map[string]string{"#c": "confirmed", "#n": "n"}, values: item{":n": avN(int64(n))},
	})
	return err
}

// Seal records that every chunk is confirmed on the queue. Sealing a sealed
// or finished job changes nothing; a cancelled one is a *StateError.
func (s *Store) Seal(ctx context.Context, id string) error {
	return s.setState(ctx, id, Sealed, time.Time{}, Open)
}

// Finish records the job's end: state is Done or Cancelled, at the time. The
// same end again changes nothing (the first time stands); another is a *StateError.
func (s *Store) Finish(ctx context.Context, id string, state State, at time.Time) error {
	if state != Done && state != Cancelled {
		return fmt.Errorf("finish job %q: %q is not a final state", id, state)
	}
	return s.setState(ctx, id, state, at, Open, Sealed)
}

// Reopen records that failed tasks of the job are about to be sent again, at the
// time: a done job becomes sealed, an open or sealed one stays what it is. A
// cancelled one is a *StateError. It may be repeated; nothing is extended by it.
func (s *Store) Reopen(ctx context.Context, id string, at time.Time) error {
	// An open job must not be sealed by this: its producer still sends.
	var have item
	for _, c := range []change{
		{set: "SET #s = :want, #r = :at REMOVE #f", condition: "#s IN (:want, :done)",
			names: map[string]string{"#s": "state", "#r": "retried", "#f": "finished"}, values: item{":want": avS(string(Sealed)), ":done": avS(string(Done))}},
		{set: "SET #r = :at", condition: "#s = :open",
			names: map[string]string{"#s": "state", "#r": "retried"}, values: item{":open": avS(string(Open))}},
	} {
		c.op, c.values[":at"] = "reopen", avMS(at)
		held, is, err := s.changeJob(ctx, id, c)
		if held || err != nil {
			return err
		}
		have = is
	}
	f := fields{it: have}
	return &StateError{Job: id, Have: State(f.str("state")), Want: Sealed}
}

func (s *Store) setState(ctx context.Context, id string, want State, at time.Time, from ...State) error {
	c := change{
		op: "set the state of", set: "SET #s = :want", condition: "#s IN (:a, :b)",
		names:  map[string]string{"#s": "state"},
		values: item{":want": avS(string(want)), ":a": avS(string(from[0])), ":b": avS(string(from[len(from)-1]))},
	}
	if !at.IsZero() {
		c.set += ", #f = :at"
		c.names["#f"], c.values[":at"] = "finished", avMS(at)
	}
	held, have, err := s.changeJob(ctx, id, c)
	if held || err != nil {
		return err
	}
	f := fields{it: have}
	is := State(f.str("state"))
	if is == want || want == Sealed && is == Done {
		return f.err
	}
	return &StateError{Job: id, Have: is, Want: want}
}

// ExtendJob moves the expiry of the job and all its items to exp. An earlier
// time than the present one changes nothing. When the call fails half way,
// calling it again completes it.
func (s *Store) ExtendJob(ctx context.Context, id string, exp time.Time) error {
	j, err := s.Job(ctx, id)
	if err != nil {
		return err
	}
	// META goes first: what is written from now on copies its expiry from there.
	_, _, err = s.changeJob(ctx, id, change{
		op: "extend", set: "SET #e = :e", condition: "#e < :e",
		names: map[string]string{"#e": attrExp}, values: item{":e": avSecond(exp)},
	})
	if err != nil {
		return err
	}
	if j.Expires.IsZero() {
		return nil
	}
	for _, k := range append(j.partitions(), indexKey(j.ID, j.Created)) {
		if err := s.extendItems(ctx, k, exp); err != nil {
			return fmt.Errorf("extend job %q: %w", id, err)
		}
	}
	return nil
}

// extendItems raises the expiry of the items under k.pk, or of the one item when k.sk is given.
func (s *Store) extendItems(ctx context.Context, k key, exp time.Time) error {
	if k.sk != "" {
		return s.extendItem(ctx, k, exp)
	}
	q := query{pk: k.pk, attrs: []string{attrPK, attrSK, attrExp}}
	for it, err := range s.items(ctx, q) {
		if err != nil {
			return err
		}
		if err := s.extendItem(ctx, it.key(), exp); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) extendItem(ctx context.Context, k key, exp time.Time) error {
	err := s.patient(ctx, "extend item "+k.String(), func() error {
		_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: k.attrs(),
			UpdateExpression:          aws.String("SET #e = :e"),
			ConditionExpression:       aws.String("attribute_exists(pk) AND #e < :e"),
			ExpressionAttributeNames:  map[string]string{"#e": attrExp},
			ExpressionAttributeValues: item{":e": avSecond(exp)},
		})
		return err
	})
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return nil
	}
	return err
}
