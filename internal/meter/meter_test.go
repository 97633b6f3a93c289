package meter_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/meter"
)

func setup(t *testing.T) (*meter.Meter, aws.Config) {
	t.Helper()
	m := new(meter.Meter)
	cfg := localawstest.AWSConfig(t, localawstest.Start(t))
	cfg.APIOptions = append(cfg.APIOptions, m.Register)
	return m, cfg
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counted leaves out the bytes, which depend on the SDK's encoding.
func counted(m *meter.Meter) map[string]int64 {
	c := m.Counts()
	maps.DeleteFunc(c, func(name string, _ int64) bool { return strings.HasPrefix(name, "bytes.") })
	return c
}

func TestQueueCallsAreBilledByPayload(t *testing.T) {
	t.Parallel()
	m, cfg := setup(t)
	api := sqs.NewFromConfig(cfg)
	q, err := api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	check(t, err)
	_, err = api.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("small")})
	check(t, err)
	_, err = api.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.QueueUrl, Entries: []sqstypes.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String(strings.Repeat("x", 100<<10))},
		{Id: aws.String("b"), MessageBody: aws.String(strings.Repeat("x", 60<<10))},
	}})
	check(t, err)
	for range 2 { // the second comes back empty and is billed all the same
		_, err = api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10})
		check(t, err)
	}
	want := map[string]int64{"sqs.other": 1, "sqs.send": 1 + 3, "sqs.receive": 3 + 1}
	if diff := cmp.Diff(want, counted(m)); diff != "" {
		t.Error(diff)
	}
	if c := m.Counts(); c[meter.BytesOut] < 160<<10 || c[meter.BytesIn] < 160<<10 {
		t.Errorf("%d bytes out, %d in; want the bodies counted both ways", c[meter.BytesOut], c[meter.BytesIn])
	}
}

func TestTableUnitsAreWhatTheTableSays(t *testing.T) {
	t.Parallel()
	m, cfg := setup(t)
	api := dynamodb.NewFromConfig(cfg)
	table := aws.String("table")
	_, err := api.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: table, BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: ddbtypes.ScalarAttributeTypeS}},
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: ddbtypes.KeyTypeHash}},
	})
	check(t, err)
	item := func(size int) map[string]ddbtypes.AttributeValue {
		return map[string]ddbtypes.AttributeValue{
			"pk": &ddbtypes.AttributeValueMemberS{Value: "a"}, "v": &ddbtypes.AttributeValueMemberB{Value: make([]byte, size)},
		}
	}
	put := &dynamodb.PutItemInput{TableName: table, Item: item(2500), ConditionExpression: aws.String("attribute_not_exists(pk)")}
	_, err = api.PutItem(t.Context(), put)
	check(t, err) // 3 units
	if put.ReturnConsumedCapacity != "" {
		t.Error("the caller's own parameters were changed")
	}
	if _, err = api.PutItem(t.Context(), put); !errors.As(err, new(*ddbtypes.ConditionalCheckFailedException)) {
		t.Fatalf("the second put: %v", err) // refused and billed: 1 unit
	}
	key := map[string]ddbtypes.AttributeValue{"pk": &ddbtypes.AttributeValueMemberS{Value: "a"}}
	for range 3 {
		_, err = api.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key})
		check(t, err) // half a unit each
	}
	_, err = api.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]ddbtypes.KeysAndAttributes{
		"table": {Keys: []map[string]ddbtypes.AttributeValue{key}, ConsistentRead: aws.Bool(true)},
	}})
	check(t, err) // 1 unit
	want := map[string]int64{meter.WriteUnits: 4, meter.ReadUnits: 3}
	if diff := cmp.Diff(want, counted(m)); diff != "" {
		t.Error(diff)
	}
}

func TestObjectsAreCountedByWhatTheyCost(t *testing.T) {
	t.Parallel()
	m, cfg := setup(t)
	api := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := aws.String("bucket")
	_, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket})
	check(t, err)
	_, err = api.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: bytes.NewReader(make([]byte, 1000))})
	check(t, err)
	out, err := api.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("k")})
	check(t, err)
	check(t, out.Body.Close())
	_, err = api.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("k")})
	check(t, err)
	want := map[string]int64{"s3.put": 2, "s3.get": 1, "s3.delete": 1}
	if diff := cmp.Diff(want, counted(m)); diff != "" {
		t.Error(diff)
	}
}

func TestRepeatedCallsCountAsOftenAsTheyAreMade(t *testing.T) {
	t.Parallel()
	m := new(meter.Meter)
	cfg := aws.Config{Region: "x", BaseEndpoint: aws.String("http://127.0.0.1:1"), RetryMaxAttempts: 3} // nobody listens there
	cfg.APIOptions = append(cfg.APIOptions, m.Register)
	cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	_, err := sqs.NewFromConfig(cfg).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("http://127.0.0.1:1/q")})
	if err == nil {
		t.Fatal("a receive from nobody succeeded")
	}
	if diff := cmp.Diff(map[string]int64{"sqs.receive": 3}, counted(m)); diff != "" {
		t.Error(diff)
	}
}

func ExampleMeter() {
	m := new(meter.Meter)
	cfg := aws.Config{}
	cfg.APIOptions = append(cfg.APIOptions, m.Register) // and then sqs.NewFromConfig(cfg), …
	fmt.Println(m.Counts())
	// Output: map[]
}
