package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"net/http"
)

// What a peer finds in its environment.
const (
	envN     = "PEER_N"
	envQueue = "PEER_QUEUE_URL"
	envName  = "PEER_QUEUE_NAME"
	envTable = "PEER_TABLE"
)

// world is a queue and a table of a run's own.
type world struct {
	cfg   aws.Config
	sqs   *sqs.Client
	db    *dynamodb.Client
	name  string
	queue string
	n     int
}

// client makes SDK clients as anybody does who expects many calls at once.
func client(ctx context.Context) (w world, err error) {
	w.cfg, err = config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 64
	})))
	w.sqs, w.db = sqs.NewFromConfig(w.cfg), dynamodb.NewFromConfig(w.cfg)
	return w, err
}

func newWorld(ctx context.Context) (world, error) {
	w, err := client(ctx)
	if err != nil {
		return w, err
	}
	w.name = fmt.Sprintf("peer-%d-%d", os.Getpid(), time.Now().UnixNano())
	q, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &w.name, Attributes: map[string]string{"VisibilityTimeout": "120"}})
	if err != nil {
		return w, err
	}
	w.queue = aws.ToString(q.QueueUrl)
	// Celery's backend wants a table whose key is a string "id".
	_, err = w.db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &w.name, BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}},
	})
	return w, err
}

func (w world) env(n int) []string {
	return []string{envN + "=" + strconv.Itoa(n), envQueue + "=" + w.queue, envName + "=" + w.name, envTable + "=" + w.name}
}

// inherited is the world that the environment describes.
func inherited(ctx context.Context) (world, error) {
	w, err := client(ctx)
	if err != nil {
		return w, err
	}
	w.name, w.queue = os.Getenv(envTable), os.Getenv(envQueue)
	w.n, err = strconv.Atoi(os.Getenv(envN))
	return w, err
}

// check looks whether the queue is empty and every result is stored.
func (w world) check(ctx context.Context, n int) error {
	got := 0
	pages := dynamodb.NewScanPaginator(w.db, &dynamodb.ScanInput{TableName: &w.name, Select: ddb.SelectCount})
	for pages.HasMorePages() {
		p, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		got += int(p.Count)
	}
	left, err := w.left(ctx)
	if err != nil {
		return err
	}
	if got != n || left != 0 {
		return fmt.Errorf("%d of %d results stored, %d messages left in the queue: it is not done", got, n, left)
	}
	return nil
}

// left is the messages in the queue, in flight or not.
func (w world) left(ctx context.Context) (int, error) {
	out, err := w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &w.queue, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, v := range out.Attributes {
		n, err := strconv.Atoi(v)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// settled waits until the queue is empty, but not for long.
func (w world) settled(ctx context.Context) error {
	for range 500 {
		left, err := w.left(ctx)
		if err != nil || left == 0 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil // check has the last word
}

// put stores a result once, under the message's identity.
func (w world) put(ctx context.Context, id, value string) error {
	_, err := w.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &w.name, ConditionExpression: aws.String("attribute_not_exists(id)"),
		Item: map[string]ddb.AttributeValue{"id": &ddb.AttributeValueMemberS{Value: id}, "result": &ddb.AttributeValueMemberS{Value: value}},
	})
	return err
}

// body is a message of about 100 bytes.
func body(i int) string { return fmt.Sprintf(`{"id":"task-%08d","args":["%064d"],"kwargs":{}}`, i, i) }
