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

// Lease says who leads a fleet.
type Lease struct {
	Fleet, Owner string
	// Expires is when another may take over, by the owner's clock.
	Expires time.Time
	// Generation rises with every change of hands. What a leader writes carries
	// it, so that a leader that slept through its lease can be told.
	Generation int64
}

// AcquireLease makes owner the leader of the fleet until now+ttl, when there is
// no leader, the leader's lease has run out, or it is owner already. Else ok is false and
// the lease is the present leader's. owner must name one process.
func (s *Store) AcquireLease(ctx context.Context, fleet, owner string, ttl time.Duration, now time.Time) (l Lease, ok bool, err error) {
	if err := errors.Join(checkName("fleet", fleet), checkName("lease owner", owner)); err != nil {
		return Lease{}, false, fmt.Errorf("acquire lease: %w", err)
	}
	expires := now.Add(ttl)
	have, held, err := s.changeLease(ctx, fleet, leaseChange{
		set: "SET #o = :me, #u = :until ADD #g :one", condition: "attribute_not_exists(pk) OR #u <= :now",
		values: item{":me": avS(owner), ":until": avMS(expires), ":one": avN(1), ":now": avMS(now)},
	})
	if err != nil || held {
		return have, held, err
	}
	if have.Owner != owner {
		return have, false, nil
	}
	// Ours already: our own earlier request, or a renewal under another name. The generation stays.
	return s.RenewLease(ctx, have, ttl, now)
}

// RenewLease extends a lease that is still l's owner's and generation's; ok is
// false when it has changed hands, and the lease is the present leader's.
func (s *Store) RenewLease(ctx context.Context, l Lease, ttl time.Duration, now time.Time) (renewed Lease, ok bool, err error) {
	return s.changeLease(ctx, l.Fleet, leaseChange{
		set: "SET #u = :until", condition: "#o = :me AND #g = :gen",
		values: item{":me": avS(l.Owner), ":gen": avN(l.Generation), ":until": avMS(now.Add(ttl))},
	})
}

// ReleaseLease lets another owner take over at once. A lease that has changed hands is left alone.
func (s *Store) ReleaseLease(ctx context.Context, l Lease) error {
	_, _, err := s.changeLease(ctx, l.Fleet, leaseChange{
		set: "SET #u = :until", condition: "#o = :me AND #g = :gen",
		values: item{":me": avS(l.Owner), ":gen": avN(l.Generation), ":until": avN(0)},
	})
	return err
}

type leaseChange struct {
	set, condition string
	values         item
}

// changeLease applies c and returns the lease as it then is, and whether c's condition held.
func (s *Store) changeLease(ctx context.Context, fleet string, c leaseChange) (Lease, bool, error) {
	names := map[string]string{"#u": "until", "#o": "owner", "#g": "generation"}
	var out *dynamodb.UpdateItemOutput
	err := s.patient(ctx, fmt.Sprintf("change the lease of fleet %q", fleet), func() (err error) {
		out, err = s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: s.table, Key: leaseKey(fleet).attrs(),
			UpdateExpression: aws.String(c.set), ConditionExpression: aws.String(c.condition),
			ExpressionAttributeNames: used(names, c.set+c.condition), ExpressionAttributeValues: c.values,
			ReturnValues:                        types.ReturnValueAllNew,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if failed, lost := errors.AsType[*types.ConditionalCheckFailedException](err); lost {
		l, err := decodeLease(failed.Item, fleet)
		return l, false, err
	}
	if err != nil {
		return Lease{}, false, err
	}
	l, err := decodeLease(out.Attributes, fleet)
	return l, err == nil, err
}

func decodeLease(it item, fleet string) (Lease, error) {
	f := fields{it: it}
	return Lease{Fleet: fleet, Owner: f.str("owner"), Expires: f.ms("until"), Generation: f.num("generation")}, f.err
}
