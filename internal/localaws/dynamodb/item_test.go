package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// values compares attribute values without the SDK's internal state.
var values = cmpopts.IgnoreUnexported(str{}, num{}, bin{}, list{}, dict{}, types.AttributeValueMemberBOOL{},
	types.AttributeValueMemberNULL{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{}, types.AttributeValueMemberBS{})

func TestItemsComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	want := item{
		"pk": s("p"), "sk": s("s"), "empty": s(""), "quote": s("a\"\\\n\x01é\u2028"),
		"n": n("123456789012345678901234567890.5"), "b": &bin{Value: []byte{0, 255, 1}},
		"yes": &types.AttributeValueMemberBOOL{Value: true}, "nil": &types.AttributeValueMemberNULL{Value: true},
		"m":  &dict{Value: item{"x": &list{Value: []types.AttributeValue{n("1"), s("2"), &dict{Value: item{}}}}}},
		"ss": &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"-1", "2.5"}},
		"bs": &types.AttributeValueMemberBS{Value: [][]byte{{0}, {1}}},
	}
	e.put(t, table, want)
	if d := cmp.Diff(want, e.get(t, table, "p", "s"), values); d != "" {
		t.Error(d)
	}
	if got := e.get(t, table, "p", "other"); got != nil {
		t.Errorf("an item that is not there: %v", got)
	}
}

func TestConditionalPutFailsWithTheOldItem(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	old := item{"pk": s("p"), "sk": s("s"), "v": n("1")}
	put := func(it item) error {
		_, err := e.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table, Item: it,
			ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: "ALL_OLD"})
		return err
	}
	if err := put(old); err != nil {
		t.Fatal(err)
	}
	err := put(item{"pk": s("p"), "sk": s("s"), "v": n("2")})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		t.Fatalf("not typed: %v", err)
	}
	if d := cmp.Diff(old, failed.Item, values); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(old, e.get(t, table, "p", "s"), values); d != "" {
		t.Error(d)
	}
}

func TestUpdateReturnsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	before := item{"pk": s("p"), "sk": s("s"), "a": n("1"), "m": &dict{Value: item{"x": n("1"), "y": n("2")}}}
	after := item{"pk": s("p"), "sk": s("s"), "a": n("3"), "m": &dict{Value: item{"x": n("9"), "y": n("2")}}}
	for which, want := range map[types.ReturnValue]item{
		"":            nil,
		"NONE":        nil,
		"ALL_OLD":     before,
		"ALL_NEW":     after,
		"UPDATED_OLD": {"a": n("1"), "m": &dict{Value: item{"x": n("1")}}},
		"UPDATED_NEW": {"a": n("3"), "m": &dict{Value: item{"x": n("9")}}},
	} {
		e.put(t, table, before)
		out, err := e.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{TableName: &table,
			Key: item{"pk": s("p"), "sk": s("s")}, UpdateExpression: aws.String("SET a = a + :two, m.#x = :nine"),
			ExpressionAttributeNames: map[string]string{"#x": "x"}, ExpressionAttributeValues: item{":two": n("2"), ":nine": n("9")},
			ReturnValues: which})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, out.Attributes, values, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q: %s", which, d)
		}
	}
}

func TestQueryPagesInOrder(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	for i := range 25 {
		e.put(t, table, item{"pk": s("p"), "sk": s(fmt.Sprintf("%03d", i))})
	}
	e.put(t, table, item{"pk": s("q"), "sk": s("000")})
	for _, forward := range []bool{true, false} {
		var got []string
		pages := dynamodb.NewQueryPaginator(e.Client, &dynamodb.QueryInput{TableName: &table, Limit: aws.Int32(10), ScanIndexForward: &forward,
			KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :a AND :b"), ExpressionAttributeValues: item{":p": s("p"), ":a": s("003"), ":b": s("022")}})
		for pages.HasMorePages() {
			out, err := pages.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range out.Items {
				got = append(got, it["sk"].(*str).Value)
			}
		}
		var want []string
		for i := 3; i <= 22; i++ {
			k := i
			if !forward {
				k = 25 - i
			}
			want = append(want, fmt.Sprintf("%03d", k))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("forward=%v: %s", forward, d)
		}
	}
}
