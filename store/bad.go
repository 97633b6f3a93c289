package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// maxHead is the most of a bad message's body that is kept, in bytes; details and sender are cut likewise.
const maxHead = 1 << 10

// PutBad records a message that could not be understood. Each delivery of it
// comes here; the first one's record stands and later ones change nothing. It is kept for the store's retention.
func (s *Store) PutBad(ctx context.Context, b BadMessage) error {
	if err := checkName("message", b.MessageID); err != nil {
		return fmt.Errorf("record bad message: %w", err)
	}
	it := newItem(key{badPK(b.Sent, spread(b.MessageID, badShards)), b.MessageID})
	it.putMS("sent", b.Sent)
	it.putMS("seen", b.Seen)
	it.putS("reason", text(b.Reason, maxHead))
	it.putS("detail", text(b.Detail, maxHead))
	it.putS("sender", text(b.Sender, maxHead))
	it.putS("head", text(b.Head, maxHead))
	it.putN("receives", int64(b.ReceiveCount))
	it.putExp(s.now().Add(s.retention))
	err := s.patient(ctx, "record bad message "+b.MessageID, func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return err
	})
	if _, known := errors.AsType[*types.ConditionalCheckFailedException](err); known {
		return nil
	}
	return err
}

// Bad yields the bad messages that were sent on the day (UTC), in no particular order.
func (s *Store) Bad(ctx context.Context, day time.Time) iter.Seq2[BadMessage, error] {
	return func(yield func(BadMessage, error) bool) {
		for shard := range badShards {
			for it, err := range s.items(ctx, query{pk: badPK(day, shard)}) {
				if err != nil {
					yield(BadMessage{}, fmt.Errorf("read bad messages: %w", err))
					return
				}
				b, err := decodeBad(it)
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// BadMessage reads the record of one message that was sent on the day (UTC).
func (s *Store) BadMessage(ctx context.Context, id string, day time.Time) (b BadMessage, ok bool, err error) {
	it, err := s.getItem(ctx, "read the record of message "+id, key{badPK(day, spread(id, badShards)), id}, nil)
	if err != nil || it == nil {
		return BadMessage{}, false, err
	}
	b, err = decodeBad(it)
	return b, err == nil, err
}

func decodeBad(it item) (BadMessage, error) {
	f := fields{it: it}
	b := BadMessage{
		MessageID: it.key().sk, Sent: f.ms("sent"), Seen: f.ms("seen"), Reason: f.str("reason"), Detail: f.str("detail"),
		Sender: f.str("sender"), Head: f.str("head"), ReceiveCount: f.count("receives", math.MaxInt32),
	}
	return b, f.err
}
