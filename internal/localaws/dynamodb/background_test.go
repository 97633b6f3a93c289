package dynamodb

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// A service that is opened again knows its tables, goes on with an index that was being filled, and
// deletes what a dropped table left, all by itself.
func TestBackgroundWorkGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "state.db")
	d, err := db.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := New(d, Options{Sweep: -1})
	if err != nil {
		t.Fatal(err)
	}
	first.sweeping.Lock() // the first service does no background work
	makeWork(t, first)
	first.stop()
	first.sweeping.Unlock()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	if d, err = db.Open(path); err != nil {
		t.Fatal(err)
	}
	second, err := New(d, Options{Sweep: time.Millisecond, OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close(); _ = d.Close() }()
	_, def, err := second.table("kept-table")
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for work := true; work; {
		if time.Now().After(deadline) {
			t.Fatal("the work is not done after 30 s")
		}
		err = d.View(ctx, func(c *db.Conn) error {
			var dropped, entries int64
			if _, err := c.Row(`SELECT COUNT(*) FROM ddb_dropped`, nil, &dropped); err != nil {
				return err
			}
			_, err := c.Row(`SELECT COUNT(*) FROM ddb_index WHERE idx = ?`, []any{def.Indexes[0].ID}, &entries)
			work = dropped > 0 || entries < batch+10
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// makeWork leaves a new index on a table with items, and a dropped table with items.
func makeWork(t *testing.T, svc *Service) {
	t.Helper()
	ctx := context.Background()
	for _, name := range []string{"kept-table", "gone-table"} {
		_, err := svc.createTable(ctx, &createTableInput{TableName: name, settings: settings{BillingMode: onDemandBilling},
			AttributeDefinitions: []attributeDefinition{{"pk", "S"}}, KeySchema: []keyElement{{"pk", "HASH"}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch + 10 {
			q, err := decode([]byte(fmt.Sprintf(`{"TableName":%q,"Item":{"pk":{"S":"p%d"},"g":{"N":"1"}}}`, name, i)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := svc.putItem(ctx, q); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := svc.deleteTable(ctx, &nameInput{"gone-table"}); err != nil {
		t.Fatal(err)
	}
	_, err := svc.updateTable(ctx, &updateTableInput{TableName: "kept-table", AttributeDefinitions: []attributeDefinition{{"g", "N"}},
		GlobalSecondaryIndexUpdates: []indexUpdate{{Create: &indexInput{IndexName: "byg", KeySchema: []keyElement{{"g", "HASH"}}, Projection: projection{ProjectionType: "ALL"}}}}})
	if err != nil {
		t.Fatal(err)
	}
}

// While an index is being filled it must not be read, and writes keep it.
func TestAnIndexBeingFilledIsNotRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e := setup(t)
	table := e.table(t)
	e.service.sweeping.Lock()
	_, err := e.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("g"), AttributeType: "S"}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{IndexName: aws.String("byg"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("g"), KeyType: "HASH"}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}}}})
	if err != nil {
		t.Fatal(err)
	}
	in := &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("byg"), KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s("g")}}
	if _, err := e.Query(ctx, in); code(err) != "ValidationException" {
		t.Error("the index was read:", err)
	}
	out, err := e.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil || out.Table.GlobalSecondaryIndexes[0].IndexStatus != types.IndexStatusCreating {
		t.Error(out, err)
	}
	e.service.sweeping.Unlock()
	if err := e.service.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Query(ctx, in); err != nil {
		t.Error(err)
	}
}
