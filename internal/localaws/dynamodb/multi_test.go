package dynamodb

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

func TestBatchWriteAndGet(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	e.put(t, table, item{"pk": s("old"), "sk": s("0")})
	writes := []types.WriteRequest{{DeleteRequest: &types.DeleteRequest{Key: item{"pk": s("old"), "sk": s("0")}}}}
	var keys []item
	for i := range 24 {
		key := item{"pk": s("p"), "sk": s(strconv.Itoa(i))}
		keys = append(keys, key)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item{"pk": s("p"), "sk": s(strconv.Itoa(i)), "v": n(strconv.Itoa(i))}}})
	}
	out, err := e.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}, ReturnConsumedCapacity: "TOTAL"})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.UnprocessedItems) != 0 || len(out.ConsumedCapacity) != 1 || *out.ConsumedCapacity[0].CapacityUnits != 25 {
		t.Errorf("%+v", out)
	}
	keys = append(keys, item{"pk": s("old"), "sk": s("0")})
	got, err := e.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{ReturnConsumedCapacity: "TOTAL", RequestItems: map[string]types.KeysAndAttributes{
		table: {Keys: keys, ProjectionExpression: aws.String("#v"), ExpressionAttributeNames: map[string]string{"#v": "v"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Responses[table]) != 24 || len(got.UnprocessedKeys) != 0 || *got.ConsumedCapacity[0].CapacityUnits != 12.5 {
		t.Errorf("%d items, %v units", len(got.Responses[table]), *got.ConsumedCapacity[0].CapacityUnits)
	}
	if d := cmp.Diff(item{"v": n("3")}, got.Responses[table][3], values); d != "" {
		t.Error(d)
	}
	writes = append(writes[1:], writes[1])
	if _, err := e.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}}); code(err) != "ValidationException" {
		t.Error("a duplicate:", err)
	}
	if _, err := e.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {Keys: append(keys, keys[0])}}}); code(err) != "ValidationException" {
		t.Error("a duplicate key:", err)
	}
	if _, err := e.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"nope": writes[:2]}}); code(err) != "ResourceNotFoundException" {
		t.Error("no such table:", err)
	}
}

func TestBatchGetReturnsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	const count = 45 // of 390 KiB: 16 MiB end within
	keys := make([]item, count)
	for i := range keys {
		keys[i] = item{"pk": s("p"), "sk": s(strconv.Itoa(i))}
		e.put(t, table, item{"pk": s("p"), "sk": s(strconv.Itoa(i)), "d": s(strings.Repeat("x", 390<<10))})
	}
	in := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys, ConsistentRead: aws.Bool(true),
		ProjectionExpression: aws.String("#s"), ExpressionAttributeNames: map[string]string{"#s": "sk"}}}}
	got := 0
	for round := 0; len(in.RequestItems) > 0; round++ {
		out, err := e.BatchGetItem(ctx, in)
		if err != nil || round > 2 {
			t.Fatal(round, err)
		}
		got += len(out.Responses[table])
		in.RequestItems = out.UnprocessedKeys
	}
	if got != count {
		t.Errorf("%d of %d items", got, count)
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("ALL"))
	e.put(t, table, item{"pk": s("have"), "sk": s("0"), "v": s("text")})
	cancelled := func(items ...types.TransactWriteItem) []types.CancellationReason {
		t.Helper()
		_, err := e.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		var c *types.TransactionCanceledException
		if !errors.As(err, &c) {
			t.Fatalf("not cancelled: %v", err)
		}
		return c.CancellationReasons
	}
	put := types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: item{"pk": s("new"), "sk": s("0"), "g": s("g")}}}
	reasons := cancelled(put,
		types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: item{"pk": s("have"), "sk": s("0")},
			ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: "ALL_OLD"}},
		types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &table, Key: item{"pk": s("none"), "sk": s("0")}, ConditionExpression: aws.String("attribute_exists(pk)")}})
	var codes []string
	for _, r := range reasons {
		codes = append(codes, *r.Code)
	}
	if d := cmp.Diff([]string{"None", "ConditionalCheckFailed", "ConditionalCheckFailed"}, codes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(item{"pk": s("have"), "sk": s("0"), "v": s("text")}, reasons[1].Item, values); d != "" {
		t.Error(d)
	}
	reasons = cancelled(put, types.TransactWriteItem{Update: &types.Update{TableName: &table, Key: item{"pk": s("have"), "sk": s("0")},
		UpdateExpression: aws.String("ADD v :one"), ExpressionAttributeValues: item{":one": n("1")}}})
	if *reasons[1].Code != "ValidationError" || !strings.Contains(*reasons[1].Message, "incorrect data type") {
		t.Errorf("%+v", reasons[1])
	}
	if got := e.get(t, table, "new", "0"); got != nil || e.rows(t, `SELECT COUNT(*) FROM ddb_index`) != 0 {
		t.Error("a cancelled transaction wrote", got)
	}
	if _, err := e.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{put, put}}); code(err) != "ValidationException" {
		t.Error("one item twice:", err)
	}
	out, err := e.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{ReturnConsumedCapacity: "TOTAL", TransactItems: []types.TransactWriteItem{put,
		{Delete: &types.Delete{TableName: &table, Key: item{"pk": s("have"), "sk": s("0")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if c := out.ConsumedCapacity[0]; *c.CapacityUnits != 6 || *c.WriteCapacityUnits != 6 { // two items and an index entry, each twice
		t.Errorf("%v units", *c.CapacityUnits)
	}
	read, err := e.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &table, Key: item{"pk": s("new"), "sk": s("0")}, ProjectionExpression: aws.String("g")}},
		{Get: &types.Get{TableName: &table, Key: item{"pk": s("have"), "sk": s("0")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]item{{"g": s("g")}, nil}, []item{read.Responses[0].Item, read.Responses[1].Item}, values); d != "" {
		t.Error(d)
	}
}

func TestTransactionTokenWorksForTenMinutes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	add := func(by string) error {
		_, err := e.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String("token"), TransactItems: []types.TransactWriteItem{
			{Update: &types.Update{TableName: &table, Key: item{"pk": s("p"), "sk": s("s")}, UpdateExpression: aws.String("ADD n :by"), ExpressionAttributeValues: item{":by": n(by)}}}}})
		return err
	}
	value := func() string { return e.get(t, table, "p", "s")["n"].(*num).Value }
	for range 3 {
		if err := add("1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := value(); got != "1" {
		t.Errorf("three times with one token: %s", got)
	}
	var mismatch *types.IdempotentParameterMismatchException
	if err := add("2"); !errors.As(err, &mismatch) {
		t.Error("another transaction with the token:", err)
	}
	e.clock.Advance(tokenLife + time.Second)
	if err := add("1"); err != nil {
		t.Fatal(err)
	}
	if got := value(); got != "2" {
		t.Errorf("after ten minutes: %s", got)
	}
	e.clock.Advance(tokenLife + time.Second)
	if err := e.service.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if left := e.rows(t, `SELECT COUNT(*) FROM ddb_tokens`); left != 0 {
		t.Errorf("%d tokens are kept", left)
	}
}

func TestConcurrentWritersAreSerialized(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 40 {
		wg.Go(func() {
			_, err := e.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: item{"pk": s("counter"), "sk": s("0")},
				UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item{":one": n("1")}})
			if err != nil {
				t.Error(err)
			}
			_, err = e.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": s("race"), "sk": s("0")}, ConditionExpression: aws.String("attribute_not_exists(pk)")})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			} else if code(err) != "ConditionalCheckFailedException" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := e.get(t, table, "counter", "0")["n"].(*num).Value; got != "40" || won != 1 {
		t.Errorf("counter %s, winners %d", got, won)
	}
}

func TestPartiQLSelect(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t, withIndex("ALL"))
	for i := range 5 {
		e.put(t, table, item{"pk": s("p"), "sk": s(strconv.Itoa(i)), "g": s("g"), "v": n(strconv.Itoa(i))})
	}
	for statement, c := range map[string]struct {
		parameters []types.AttributeValue
		want       []string
	}{
		`SELECT * FROM "things" WHERE pk=? AND sk=?`:                   {[]types.AttributeValue{s("p"), s("3")}, []string{"3"}},
		`select * from things where "pk" = 'p' and sk >= '3'`:          {nil, []string{"3", "4"}},
		`SELECT sk FROM things WHERE pk = ? AND v < 2`:                 {[]types.AttributeValue{s("p")}, []string{"0", "1"}},
		`SELECT sk, v FROM things."byg" WHERE g = 'g' AND v <> 2.0`:    {nil, []string{"0", "1", "3", "4"}},
		`SELECT * FROM things WHERE pk='p' AND sk BETWEEN '1' AND '2'`: {nil, []string{"1", "2"}},
		`SELECT * FROM things WHERE begins_with(sk, '4') AND pk = 'p'`: {nil, []string{"4"}},
		`SELECT * FROM things WHERE v > ?;`:                            {[]types.AttributeValue{n("3")}, []string{"4"}},
	} {
		out, err := e.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &statement, Parameters: c.parameters})
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		if d := cmp.Diff(c.want, keysOf(out.Items, "sk")); d != "" {
			t.Errorf("%s: %s", statement, d)
		}
	}
	in := &dynamodb.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM things WHERE pk='p'`), Limit: aws.Int32(2)}
	var got []string
	for {
		out, err := e.ExecuteStatement(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, keysOf(out.Items, "sk")...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{`INSERT INTO things VALUE {'pk':'p'}`, `SELECT * FROM things WHERE pk = 'p' OR pk = 'q'`, `SELECT * FROM things WHERE pk = ?`,
		`SELECT`, `SELECT * FROM things WHERE pk = 'p`, `SELECT * FROM things ORDER BY sk`, ``, `SELECT * FROM things WHERE pk < < 1`} {
		if _, err := e.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: aws.String(bad + " ")}); code(err) != "ValidationException" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestItemsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	ok := func(change func(item)) item {
		it := item{"pk": s("p"), "sk": s("s")}
		change(it)
		return it
	}
	for name, c := range map[string]struct {
		item item
		want string
	}{
		"no sort key":           {ok(func(it item) { delete(it, "sk") }), "Missing the key sk"},
		"a key of another type": {ok(func(it item) { it["pk"] = n("1") }), "Type mismatch for key pk"},
		"an empty key":          {ok(func(it item) { it["sk"] = s("") }), "cannot contain an empty string value. Key: sk"},
		"a long partition key":  {ok(func(it item) { it["pk"] = s(strings.Repeat("x", 2049)) }), "2048 bytes"},
		"a long sort key":       {ok(func(it item) { it["sk"] = s(strings.Repeat("x", 1025)) }), "1024 bytes"},
		"more than 400 KiB":     {ok(func(it item) { it["d"] = s(strings.Repeat("x", 400<<10-5)) }), "exceeded the maximum allowed size"},
		"a number of 39 digits": {ok(func(it item) { it["n"] = n(strings.Repeat("1", 39)) }), "38 significant digits"},
		"an empty set":          {ok(func(it item) { it["x"] = &types.AttributeValueMemberSS{Value: []string{}} }), "may not be empty"},
	} {
		if _, err := e.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: c.item}); code(err) != "ValidationException" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := ok(func(it item) { it["d"] = s(strings.Repeat("x", 400<<10-7)) })
	e.put(t, table, largest)
	update := func(text string, v item) error {
		_, err := e.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: item{"pk": s("p"), "sk": s("s")}, UpdateExpression: &text, ExpressionAttributeValues: v})
		return err
	}
	if err := update("SET e = :e", item{":e": s("")}); code(err) != "ValidationException" || !strings.Contains(err.Error(), "size to update") {
		t.Error("an update beyond 400 KiB:", err)
	}
	if err := update("SET sk = :e", item{":e": s("x")}); code(err) != "ValidationException" || !strings.Contains(err.Error(), "Cannot update attribute sk. This attribute is part of the key") {
		t.Error("an update of the key:", err)
	}
	if err := update("SET d = :e", item{":e": s(""), ":unused": s("")}); code(err) != "ValidationException" {
		t.Error("an unused value:", err)
	}
}

// What is not there is refused, naming it.
func TestRefusedByName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	_, expected := e.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": s("p"), "sk": s("s")},
		Expected: map[string]types.ExpectedAttributeValue{"pk": {Exists: aws.Bool(false)}}})
	_, updates := e.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: item{"pk": s("p"), "sk": s("s")},
		AttributeUpdates: map[string]types.AttributeValueUpdate{"v": {Value: n("1")}}})
	_, backup := e.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: &table, BackupName: aws.String("backup")})
	_, global := e.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, ReplicaUpdates: []types.ReplicationGroupUpdate{{Create: &types.CreateReplicationGroupMemberAction{RegionName: aws.String("eu-west-1")}}}})
	for _, c := range []struct {
		err        error
		code, name string
	}{
		{expected, "ValidationException", "Expected"},
		{updates, "ValidationException", "AttributeUpdates"},
		{backup, "UnknownOperationException", "CreateBackup"},
		{global, "ValidationException", "ReplicaUpdates"},
	} {
		if code(c.err) != c.code || !strings.Contains(c.err.Error(), c.name) {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
}

func TestMalformedRequestsAreTheCallersFault(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.table(t)
	for _, body := range []string{``, `{`, `[]`, `{"TableName":"things","Item":{"pk":{"S":1}}}`, `{"TableName":"things","Item":5}`, `{"TableName":7}`, `{} x`} {
		req, err := http.NewRequest(http.MethodPost, e.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", body, res.Status)
		}
	}
}
