package dynamodb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

func keysOf(items []item, name string) []string {
	var out []string
	for _, it := range items {
		out = append(out, it[name].(*str).Value)
	}
	return out
}

func TestQueryStopsAtOneMebibyte(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	for i := range 25 {
		e.put(t, table, item{"pk": s("p"), "sk": s(fmt.Sprintf("%02d", i)), "d": s(strings.Repeat("z", 60_000))})
	}
	in := &dynamodb.QueryInput{TableName: &table, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": s("p")}, ReturnConsumedCapacity: "TOTAL"}
	first, err := e.Query(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	// 18 items of 60,010 bytes reach 1,048,576; 1,080,180 bytes are 264 units of 4 KiB, half of that as the read may be stale.
	if first.Count != 18 || *first.ConsumedCapacity.CapacityUnits != 132 {
		t.Errorf("%d items, %v units", first.Count, *first.ConsumedCapacity.CapacityUnits)
	}
	in.ExclusiveStartKey = first.LastEvaluatedKey
	in.Select = types.SelectCount
	second, err := e.Query(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if second.Count != 7 || second.Items != nil || second.LastEvaluatedKey != nil {
		t.Errorf("%d items, last %v", second.Count, second.LastEvaluatedKey)
	}
}

func TestFilterCountsWhatItLookedAt(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t)
	for i := range 10 {
		e.put(t, table, item{"pk": s("p"), "sk": s(strconv.Itoa(i)), "even": &types.AttributeValueMemberBOOL{Value: i%2 == 0}, "m": &dict{Value: item{"x": s(fmt.Sprint("x", i))}}})
	}
	out, err := e.Query(context.Background(), &dynamodb.QueryInput{TableName: &table, KeyConditionExpression: aws.String("pk = :p AND sk > :one"),
		FilterExpression: aws.String("even = :true"), ProjectionExpression: aws.String("m.x"), Limit: aws.Int32(5),
		ExpressionAttributeValues: item{":p": s("p"), ":one": s("1"), ":true": &types.AttributeValueMemberBOOL{Value: true}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []item{{"m": &dict{Value: item{"x": s("x2")}}}, {"m": &dict{Value: item{"x": s("x4")}}}, {"m": &dict{Value: item{"x": s("x6")}}}}
	if d := cmp.Diff(want, out.Items, values); d != "" || out.ScannedCount != 5 {
		t.Errorf("scanned %d: %s", out.ScannedCount, d)
	}
	if d := cmp.Diff(item{"pk": s("p"), "sk": s("6")}, out.LastEvaluatedKey, values); d != "" {
		t.Error(d)
	}
}

// Entries with one key are told apart by the item's own key: paging loses and repeats none of them.
func TestIndexPagesThroughEqualKeys(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t, withIndex("ALL"))
	var want []string
	for i := range 23 {
		pk := fmt.Sprintf("p%02d", i)
		e.put(t, table, item{"pk": s(pk), "sk": s(strconv.Itoa(i / 10)), "g": s("g")})
		want = append(want, pk)
	}
	e.put(t, table, item{"pk": s("no g"), "sk": s("0")})
	for _, forward := range []bool{true, false} {
		var got, order []string
		pages := dynamodb.NewQueryPaginator(e.Client, &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("byg"), Limit: aws.Int32(4),
			ScanIndexForward: &forward, KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s("g")}})
		for pages.HasMorePages() {
			out, err := pages.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, keysOf(out.Items, "pk")...)
			order = append(order, keysOf(out.Items, "sk")...)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("forward=%v: %s", forward, d)
		}
		if !forward {
			slices.Reverse(order)
		}
		if !slices.IsSorted(order) {
			t.Errorf("forward=%v: not in order: %v", forward, order)
		}
	}
}

func TestIndexFollowsItsItems(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("INCLUDE", "kept"))
	in := func(g string) []item {
		out, err := e.Query(ctx, &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("byg"),
			KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s(g)}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Items
	}
	key := item{"pk": s("p"), "sk": s("s")}
	update := func(text string, values item) {
		if _, err := e.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: key, UpdateExpression: &text, ExpressionAttributeValues: values}); err != nil {
			t.Fatal(err)
		}
	}
	e.put(t, table, item{"pk": s("p"), "sk": s("s"), "g": s("one"), "kept": n("1"), "left": n("1")})
	if d := cmp.Diff([]item{{"pk": s("p"), "sk": s("s"), "g": s("one"), "kept": n("1")}}, in("one"), values); d != "" {
		t.Error("only the projected attributes:", d)
	}
	update("SET kept = :v", item{":v": n("2")})
	if got := in("one"); len(got) != 1 || got[0]["kept"].(*num).Value != "2" {
		t.Error("a changed attribute:", got)
	}
	update("SET g = :v", item{":v": s("two")})
	if len(in("one")) != 0 || len(in("two")) != 1 {
		t.Error("the item did not move in the index")
	}
	update("REMOVE g", nil)
	if len(in("two")) != 0 {
		t.Error("an item without the key attribute is still in the index")
	}
	update("SET g = :v", item{":v": s("two")})
	if _, err := e.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: key}); err != nil {
		t.Fatal(err)
	}
	if rows := e.rows(t, `SELECT COUNT(*) FROM ddb_index`); rows != 0 {
		t.Errorf("%d index rows without items", rows)
	}
	for _, bad := range []types.AttributeValue{n("1"), s("")} {
		if _, err := e.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": s("p"), "sk": s("s"), "g": bad}}); code(err) != "ValidationException" {
			t.Errorf("g = %v: %v", bad, err)
		}
	}
}

func TestScanSegmentsShareTheItems(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t, withIndex("KEYS_ONLY"))
	var want []string
	for i := range 60 {
		pk := fmt.Sprintf("p%02d", i)
		e.put(t, table, item{"pk": s(pk), "sk": s("s"), "g": s(strconv.Itoa(i))})
		want = append(want, pk)
	}
	for _, index := range []*string{nil, aws.String("byg")} {
		var got []string
		for segment := range int32(5) {
			before := len(got)
			pages := dynamodb.NewScanPaginator(e.Client, &dynamodb.ScanInput{TableName: &table, IndexName: index, Segment: &segment, TotalSegments: aws.Int32(5), Limit: aws.Int32(3)})
			for pages.HasMorePages() {
				out, err := pages.NextPage(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, keysOf(out.Items, "pk")...)
			}
			if len(got) == before {
				t.Errorf("segment %d is empty", segment)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("index %v: %s", index, d)
		}
	}
}

func TestLocalIndex(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t, func(in *dynamodb.CreateTableInput) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String("rank"), AttributeType: "N"})
		in.LocalSecondaryIndexes = []types.LocalSecondaryIndex{{IndexName: aws.String("by-rank"), Projection: &types.Projection{ProjectionType: "KEYS_ONLY"},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("rank"), KeyType: "RANGE"}}}}
	})
	for i, rank := range []string{"10", "9", "-3", "0.5"} {
		e.put(t, table, item{"pk": s("p"), "sk": s(strconv.Itoa(i)), "rank": n(rank), "name": s("n" + rank)})
	}
	out, err := e.Query(context.Background(), &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("by-rank"), ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :p AND #r > :r"), ExpressionAttributeNames: map[string]string{"#r": "rank", "#n": "name"},
		ExpressionAttributeValues: item{":p": s("p"), ":r": n("-3")}, ProjectionExpression: aws.String("#n"), ReturnConsumedCapacity: "INDEXES"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"n0.5", "n9", "n10"}, keysOf(out.Items, "name")); d != "" {
		t.Error(d)
	}
	if units := out.ConsumedCapacity.LocalSecondaryIndexes["by-rank"]; *units.CapacityUnits != 1 {
		t.Error(*units.CapacityUnits)
	}
}

// A page that goes on from a key seeks there: it does not walk from the partition's beginning.
func TestPagesSeekToTheirStart(t *testing.T) {
	t.Parallel()
	e := setup(t)
	table := e.table(t, withIndex("ALL"))
	for _, index := range []string{"", "byg"} {
		for _, backward := range []bool{false, true} {
			for _, one := range []bool{true, false} {
				q := &request{table: table, index: index, backward: backward && one}
				w, err := e.service.walk(q, prepared{})
				if err != nil {
					t.Fatal(err)
				}
				w.after, w.afterItem = &key{[]byte("p"), []byte("s")}, key{[]byte("p"), []byte("s")}
				if one {
					w.one = []byte("p")
				}
				query, args := w.sql()
				plan := e.plan(t, query, args)
				// The plan must search by all of the place that the page goes on from, and sort nothing.
				place := map[string]string{
					"true":      "pk=? AND sk",
					"false":     "(pk,sk)",
					"byg true":  "ipk=? AND (isk,pk,sk)",
					"byg false": "(ipk,isk,pk,sk)",
				}[strings.TrimSpace(fmt.Sprint(index, " ", one))]
				if !strings.Contains(plan, place) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("index %q, backward %v, one partition %v, by %s:\n%s\n%s", index, backward, one, place, query, plan)
				}
			}
		}
	}
}

func TestQueriesRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("KEYS_ONLY"))
	for name, c := range map[string]struct {
		change func(*dynamodb.QueryInput)
		want   string
	}{
		"no index of that name":        {func(in *dynamodb.QueryInput) { in.IndexName = aws.String("nope") }, "does not have the specified index"},
		"a consistent read of a GSI":   {func(in *dynamodb.QueryInput) { in.IndexName, in.ConsistentRead = aws.String("byg"), aws.Bool(true) }, "Consistent reads are not supported"},
		"a filter on a key":            {func(in *dynamodb.QueryInput) { in.FilterExpression = aws.String("sk = :p") }, "non-primary key attributes"},
		"a limit of zero":              {func(in *dynamodb.QueryInput) { in.Limit = aws.Int32(0) }, "greater than or equal to 1"},
		"the wrong hash key":           {func(in *dynamodb.QueryInput) { in.KeyConditionExpression = aws.String("sk = :p") }, "missed key schema element: pk"},
		"an attribute that is no key":  {func(in *dynamodb.QueryInput) { in.KeyConditionExpression = aws.String("pk = :p AND x = :p") }, "missed key schema element: sk"},
		"a range of hash keys":         {func(in *dynamodb.QueryInput) { in.KeyConditionExpression = aws.String("pk > :p") }, "not supported"},
		"a key of another type":        {func(in *dynamodb.QueryInput) { in.ExpressionAttributeValues = item{":p": n("1")} }, "does not match schema type"},
		"half a start key":             {func(in *dynamodb.QueryInput) { in.ExclusiveStartKey = item{"pk": s("p")} }, "starting key"},
		"a start in another partition": {func(in *dynamodb.QueryInput) { in.ExclusiveStartKey = item{"pk": s("q"), "sk": s("s")} }, "outside query boundaries"},
		"COUNT with a projection":      {func(in *dynamodb.QueryInput) { in.Select, in.ProjectionExpression = "COUNT", aws.String("x") }, "only the Count"},
		"all attributes of a GSI": {func(in *dynamodb.QueryInput) {
			in.Select = "ALL_ATTRIBUTES"
			in.IndexName = aws.String("byg")
			in.KeyConditionExpression = aws.String("g = :p")
		}, "ALL_ATTRIBUTES is not supported"},
		"the legacy KeyConditions": {func(in *dynamodb.QueryInput) {
			in.KeyConditions = map[string]types.Condition{"pk": {ComparisonOperator: "EQ"}}
		}, "legacy parameter KeyConditions"},
	} {
		in := &dynamodb.QueryInput{TableName: &table, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": s("p")}}
		c.change(in)
		if _, err := e.Query(ctx, in); code(err) != "ValidationException" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
