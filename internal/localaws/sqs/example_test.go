package sqs_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/sqs"
)

func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// received "hello", 1st time: true
	// left: 0
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "sqs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	defer d.Close()
	service, err := sqs.New(d, sqs.Options{})
	if err != nil {
		return err
	}
	defer service.Close()
	endpoint := httptest.NewServer(service)
	defer endpoint.Close()

	client := sdk.New(sdk.Options{
		Region: sqs.DefaultRegion, BaseEndpoint: aws.String(endpoint.URL), HTTPClient: endpoint.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	q, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		return err
	}
	if _, err := client.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("hello")}); err != nil {
		return err
	}
	got, err := client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 20,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"}})
	if err != nil {
		return err
	}
	for _, m := range got.Messages {
		fmt.Printf("received %q, 1st time: %v\n", *m.Body, m.Attributes["ApproximateReceiveCount"] == "1")
		if _, err := client.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: q.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return err
		}
	}
	got, err = client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl})
	if err != nil {
		return err
	}
	fmt.Println("left:", len(got.Messages))
	return nil
}
