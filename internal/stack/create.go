package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/store"
)

// Options of Create.
type Options struct {
	// Name prefixes all names. Default: DefaultName.
	Name string
	// Visibility is the queue's visibility timeout: how long a dead worker's
	// messages stay hidden. Default: 60 s.
	Visibility time.Duration
	// MaxReceives is after how many receives a message goes to the dead-letter
	// queue. It is not an attempt count: every release and restart raises it. Default: 20.
	MaxReceives int
	// NoBucket leaves out the bucket.
	NoBucket bool
}

// Retention of messages: the dead-letter queue keeps the original enqueue time,
// so its own must be longer than the source's.
const (
	queueRetention = 4 * 24 * time.Hour
	dlqRetention   = 14 * 24 * time.Hour
)

// Create makes the queue, its dead-letter queue, the table and the bucket at
// whatever endpoint the clients speak to. What exists is kept as it is, so
// that it can be called again.
func Create(ctx context.Context, c *Clients, s Stack, o Options) (Stack, error) {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Visibility == 0 {
		o.Visibility = time.Minute
	}
	if o.MaxReceives == 0 {
		o.MaxReceives = 20
	}
	s.Table = o.Name
	// Three services make their parts side by side.
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.createQueues(ctx, c.SQS, o) })
	g.Go(func() error {
		if err := store.New(c.DB, o.Name).CreateTable(ctx); err != nil {
			return fmt.Errorf("create table %s: %w", o.Name, err)
		}
		return nil
	})
	if !o.NoBucket {
		g.Go(func() (err error) {
			s.Bucket, err = ensureBucket(ctx, c, o.Name)
			return err
		})
	}
	err := g.Wait()
	return s, err
}

// createQueues makes the dead-letter queue, and then the queue that names it.
func (s *Stack) createQueues(ctx context.Context, api *sqs.Client, o Options) (err error) {
	if s.DLQURL, err = ensureQueue(ctx, api, o.Name+"-dlq", map[string]string{
		"MessageRetentionPeriod": seconds(dlqRetention),
	}); err != nil {
		return err
	}
	dlq, err := queueARN(ctx, api, s.DLQURL)
	if err != nil {
		return err
	}
	redrive, err := json.Marshal(map[string]any{"deadLetterTargetArn": dlq, "maxReceiveCount": o.MaxReceives})
	if err != nil {
		return err
	}
	s.QueueURL, err = ensureQueue(ctx, api, o.Name, map[string]string{
		"MessageRetentionPeriod": seconds(queueRetention), "VisibilityTimeout": seconds(o.Visibility),
		"RedrivePolicy": string(redrive),
	})
	return err
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func ensureQueue(ctx context.Context, api *sqs.Client, name string, attrs map[string]string) (string, error) {
	out, err := api.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attrs})
	if err == nil {
		return aws.ToString(out.QueueUrl), nil
	}
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		return "", fmt.Errorf("create queue %s: %w", name, err)
	}
	got, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return "", fmt.Errorf("find queue %s: %w", name, err)
	}
	return aws.ToString(got.QueueUrl), nil
}

func queueARN(ctx context.Context, api *sqs.Client, url string) (string, error) {
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return "", fmt.Errorf("read the ARN of queue %s: %w", url, err)
	}
	return out.Attributes["QueueArn"], nil
}

// ensureBucket makes the bucket. Bucket names are shared by all of AWS, so that
// the name alone is only right for a local endpoint; elsewhere Terraform makes it.
func ensureBucket(ctx context.Context, c *Clients, name string) (string, error) {
	if !c.Local {
		return "", nil
	}
	name += "-data"
	_, err := c.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	var mine *s3types.BucketAlreadyOwnedByYou
	var exists *s3types.BucketAlreadyExists
	if err != nil && !errors.As(err, &mine) && !errors.As(err, &exists) {
		return "", fmt.Errorf("create bucket %s: %w", name, err)
	}
	return name, nil
}
