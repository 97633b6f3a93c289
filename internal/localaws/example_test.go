package localaws_test

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/localaws"
)

func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: created a queue on http://127.0.0.1: true
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "localaws")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	srv, err := localaws.Start(ctx, localaws.Config{Dir: dir})
	if err != nil {
		return err
	}
	client := sqs.New(sqs.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: localaws.DefaultRegion,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		return err
	}
	fmt.Println("created a queue on http://127.0.0.1:", *out.QueueUrl == srv.URL()+"/"+localaws.DefaultAccount+"/jobs")
	return srv.Close(ctx)
}
