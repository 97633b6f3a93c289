package store_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/store"
)

// memTable is just enough of DynamoDB to put and query result items in
// memory: what the tests of pacing (virtual time), of the number of requests and the benchmarks
// need. Everything about conditions and expressions is tested against a server.
type memTable struct {
	store.API // panics on anything else

	mu       sync.Mutex
	parts    map[string][]memItem // by pk, sorted by sk
	pageSize int                  // items a page
	queries  int
	read     int // items returned by queries
}

type memItem struct {
	sk    string
	attrs map[string]types.AttributeValue
}

func newMemTable(pageSize int) *memTable {
	return &memTable{parts: map[string][]memItem{}, pageSize: pageSize}
}

func str(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func bySK(it memItem, sk string) int { return cmp.Compare(it.sk, sk) }

func (m *memTable) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pk, sk := str(in.Item["pk"]), str(in.Item["sk"])
	i, found := slices.BinarySearchFunc(m.parts[pk], sk, bySK)
	if found {
		return nil, &types.ConditionalCheckFailedException{Item: m.parts[pk][i].attrs}
	}
	m.parts[pk] = slices.Insert(m.parts[pk], i, memItem{sk, in.Item})
	return &dynamodb.PutItemOutput{}, nil
}

func (m *memTable) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries++
	from, to := str(in.ExpressionAttributeValues[":a"]), str(in.ExpressionAttributeValues[":b"])
	if cond := aws.ToString(in.KeyConditionExpression); strings.Contains(cond, "begins_with") || strings.Contains(cond, "<=") {
		return nil, errors.New("memTable: " + cond)
	}
	if in.ExclusiveStartKey != nil {
		from = str(in.ExclusiveStartKey["sk"]) + "\x00"
	}
	pk := str(in.ExpressionAttributeValues[":pk"])
	part := m.parts[pk]
	i, _ := slices.BinarySearchFunc(part, from, bySK)
	out := &dynamodb.QueryOutput{}
	for _, it := range part[i:] {
		if to != "" && it.sk > to {
			break
		}
		if len(out.Items) == m.pageSize {
			last := out.Items[len(out.Items)-1]
			out.LastEvaluatedKey = map[string]types.AttributeValue{"pk": last["pk"], "sk": last["sk"]}
			break
		}
		out.Items = append(out.Items, it.attrs)
	}
	m.read += len(out.Items)
	return out, nil
}

// clear empties the table.
func (m *memTable) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.parts)
}
