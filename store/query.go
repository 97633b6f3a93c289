package store

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// query asks for the items of one partition in sort key order.
type query struct {
	pk string
	// from and to bound the sort key, both inclusive; empty means open.
	from, to string
	// prefix restricts the sort key instead of from and to.
	prefix string
	// attrs are the attributes to return; nil means all.
	attrs      []string
	descending bool
	consistent bool
	// start continues after the page that returned it.
	start item
}

func (s *Store) queryInput(q query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 s.table,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": avS(q.pk)},
		ConsistentRead:            aws.Bool(q.consistent),
		ScanIndexForward:          aws.Bool(!q.descending),
		ExclusiveStartKey:         q.start,
	}
	cond := func(expr string, values item) {
		in.KeyConditionExpression = aws.String("pk = :pk AND " + expr)
		maps.Copy(in.ExpressionAttributeValues, values)
	}
	switch {
	case q.prefix != "":
		cond("begins_with(sk, :p)", item{":p": avS(q.prefix)})
	case q.from != "" && q.to != "":
		cond("sk BETWEEN :a AND :b", item{":a": avS(q.from), ":b": avS(q.to)})
	case q.from != "":
		cond("sk >= :a", item{":a": avS(q.from)})
	case q.to != "":
		cond("sk <= :b", item{":b": avS(q.to)})
	}
	if q.attrs != nil {
		// Names go through placeholders: some, such as "exp" or "state", may be reserved words now or later.
		in.ExpressionAttributeNames = make(map[string]string, len(q.attrs))
		names := make([]string, len(q.attrs))
		for i, a := range q.attrs {
			names[i] = fmt.Sprintf("#p%d", i)
			in.ExpressionAttributeNames[names[i]] = a
		}
		in.ProjectionExpression = aws.String(strings.Join(names, ", "))
	}
	return in
}

// page runs q once and returns up to 1 MB of items; next is nil at the end.
func (s *Store) page(ctx context.Context, q query) (items []item, next item, err error) {
	in := s.queryInput(q)
	var out *dynamodb.QueryOutput
	err = s.patient(ctx, "query "+q.pk, func() (err error) {
		out, err = s.api.Query(ctx, in)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	items = make([]item, len(out.Items))
	for i, it := range out.Items {
		items[i] = it
	}
	if len(out.LastEvaluatedKey) > 0 {
		next = out.LastEvaluatedKey
	}
	return items, next, nil
}

// items yields all items of q, page by page.
func (s *Store) items(ctx context.Context, q query) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for {
			items, next, err := s.page(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, it := range items {
				if !yield(it, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			q.start = next
		}
	}
}

// batchGetMax is the most keys of one BatchGetItem (DynamoDB API reference).
const batchGetMax = 100

// batchGet returns the items that exist among keys, in no particular order.
// attrs restricts what is returned and must contain the key's names; nil means all.
func (s *Store) batchGet(ctx context.Context, keys []key, attrs []string, consistent bool) ([]item, error) {
	var got []item
	for chunk := range slices.Chunk(keys, batchGetMax) {
		ask := make([]map[string]types.AttributeValue, len(chunk))
		for i, k := range chunk {
			ask[i] = k.attrs()
		}
		want := types.KeysAndAttributes{Keys: ask, ConsistentRead: aws.Bool(consistent)}
		if attrs != nil {
			proj := s.queryInput(query{attrs: attrs})
			want.ProjectionExpression, want.ExpressionAttributeNames = proj.ProjectionExpression, proj.ExpressionAttributeNames
		}
		if err := s.batchGetPart(ctx, want, &got); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// batchGetPart asks until DynamoDB has processed all keys: an answer ends at
// 16 MB and may leave keys out under load.
func (s *Store) batchGetPart(ctx context.Context, want types.KeysAndAttributes, got *[]item) error {
	for wait := backoffMin; ; {
		var out *dynamodb.BatchGetItemOutput
		err := s.patient(ctx, "read a batch of items", func() (err error) {
			out, err = s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*s.table: want}})
			return err
		})
		if err != nil {
			return err
		}
		for _, it := range out.Responses[*s.table] {
			*got = append(*got, it)
		}
		rest := out.UnprocessedKeys[*s.table]
		if len(rest.Keys) == 0 {
			return nil
		}
		if len(rest.Keys) == len(want.Keys) { // no progress: throttled
			if !sleep(ctx, wait) {
				return fmt.Errorf("read a batch of items: %w", context.Cause(ctx))
			}
			wait = min(2*wait, backoffMax)
		}
		want.Keys = rest.Keys
	}
}
