package localaws_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
)

// What is counted is what AWS says that it bills: SQS per call and 64 KB, DynamoDB
// per KB written and per 4 KB read, half when the read may be stale.
func TestTheEndpointCountsWhatAWSWouldBill(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	cfg := localawstest.AWSConfig(t, srv)
	queue, db := sqs.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	ctx := t.Context()
	q, err := queue.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	table := aws.String("table")
	_, err = db.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: table, BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: ddb.KeyTypeHash}}})
	if err != nil {
		t.Fatal(err)
	}
	text := func(n int) ddb.AttributeValue { return &ddb.AttributeValueMemberS{Value: strings.Repeat("x", n)} }
	item := func(k string, size int) map[string]ddb.AttributeValue {
		return map[string]ddb.AttributeValue{"k": &ddb.AttributeValueMemberS{Value: k}, "v": text(size)}
	}
	for _, c := range []struct {
		because string
		call    func(context.Context) error
		want    localaws.Billed
	}{
		{"a small message is one request", func(ctx context.Context) error {
			_, err := queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("hello")})
			return err
		}, localaws.Billed{SQSRequests: 1}},
		{"three of 50 KiB in a batch are three, by their bytes", func(ctx context.Context) error {
			var entries []sqstypes.SendMessageBatchRequestEntry
			for _, id := range []string{"a", "b", "c"} {
				entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String(strings.Repeat("x", 50<<10))})
			}
			_, err := queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: q.QueueUrl, Entries: entries})
			return err
		}, localaws.Billed{SQSRequests: 3}},
		{"receiving them all costs the same", func(ctx context.Context) error {
			out, err := queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
			if err == nil && len(out.Messages) != 4 {
				t.Errorf("%d messages", len(out.Messages))
			}
			return err
		}, localaws.Billed{SQSRequests: 3}},
		{"an empty poll is one", func(ctx context.Context) error {
			_, err := queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl})
			return err
		}, localaws.Billed{SQSRequests: 1}},
		{"writing 2.5 KB is three units", func(ctx context.Context) error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item("a", 2500)})
			return err
		}, localaws.Billed{WriteUnits: 3}},
		{"a refused write is billed, too", func(ctx context.Context) error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item("a", 10), ConditionExpression: aws.String("attribute_not_exists(k)")})
			if _, refused := errors.AsType[*ddb.ConditionalCheckFailedException](err); !refused {
				return errors.Join(errors.New("not refused"), err)
			}
			return nil
		}, localaws.Billed{WriteUnits: 3}},
		{"reading it", func(ctx context.Context) error {
			_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: map[string]ddb.AttributeValue{"k": item("a", 0)["k"]}, ConsistentRead: aws.Bool(true)})
			return err
		}, localaws.Billed{ReadUnits: 1}},
		{"reading nothing, half", func(ctx context.Context) error {
			_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: map[string]ddb.AttributeValue{"k": item("b", 0)["k"]}})
			return err
		}, localaws.Billed{ReadUnits: 0.5}},
		{"a batch of writes", func(ctx context.Context) error {
			_, err := db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{
				"table": {{PutRequest: &ddb.PutRequest{Item: item("b", 5000)}}, {PutRequest: &ddb.PutRequest{Item: item("c", 5000)}}}}})
			return err
		}, localaws.Billed{WriteUnits: 10}},
		{"a transaction, twice", func(ctx context.Context) error {
			_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []ddb.TransactWriteItem{{Put: &ddb.Put{TableName: table, Item: item("d", 100)}}}})
			return err
		}, localaws.Billed{WriteUnits: 2}},
		{"a query reads what it finds", func(ctx context.Context) error {
			_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("k = :k"),
				ExpressionAttributeValues: map[string]ddb.AttributeValue{":k": item("b", 0)["k"]}})
			return err
		}, localaws.Billed{ReadUnits: 2}},
		{"a batch of reads", func(ctx context.Context) error {
			_, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{"table": {
				Keys: []map[string]ddb.AttributeValue{{"k": item("b", 0)["k"]}, {"k": item("c", 0)["k"]}}}}})
			return err
		}, localaws.Billed{ReadUnits: 2}},
	} {
		before := readStats(t, srv).Billed
		if err := c.call(ctx); err != nil {
			t.Errorf("%s: %v", c.because, err)
		}
		after := readStats(t, srv).Billed
		got := localaws.Billed{SQSRequests: after.SQSRequests - before.SQSRequests, WriteUnits: after.WriteUnits - before.WriteUnits, ReadUnits: after.ReadUnits - before.ReadUnits}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}
