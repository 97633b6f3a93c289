package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Source is where Read looks. DLQURL may be empty.
type Source struct {
	SQS              *sqs.Client
	DB               *dynamodb.Client
	Store            *store.Store
	QueueURL, DLQURL string
}

// Read fetches the state of a job.
func Read(ctx context.Context, s Source, job store.Job) (State, error) {
	st := State{Job: job}
	for shard := range job.Shards {
		ids, err := identities(ctx, s.DB, s.Store.Table(), fmt.Sprintf("R#%s#%d", job.ID, shard))
		if err != nil {
			return st, err
		}
		for _, id := range ids {
			r, found, err := s.Store.Result(ctx, job, id)
			if err != nil || !found {
				return st, fmt.Errorf("read the item of message %s of job %s (found: %v): %w", id, job.ID, found, err)
			}
			st.Items = append(st.Items, r)
		}
	}
	st.Count, st.CountErr = s.Store.Recount(ctx, job)
	var err error
	if st.Ledgers, err = s.Store.JobLedgers(ctx, job.ID); err != nil {
		return st, err
	}
	if st.Queue, err = DepthOf(ctx, s.SQS, s.QueueURL); err != nil || s.DLQURL == "" {
		return st, err
	}
	st.DLQ, err = DepthOf(ctx, s.SQS, s.DLQURL)
	return st, err
}

// identities lists the sort keys of a partition of results as message identities.
// It is written apart from the store's readers on purpose.
func identities(ctx context.Context, db *dynamodb.Client, table, pk string) (ids []codec.Identity, err error) {
	pages := dynamodb.NewQueryPaginator(db, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk"), ProjectionExpression: aws.String("sk"),
		ExpressionAttributeValues: map[string]ddb.AttributeValue{":pk": &ddb.AttributeValueMemberS{Value: pk}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the items under %s: %w", pk, err)
		}
		for _, it := range page.Items {
			sk, _ := it["sk"].(*ddb.AttributeValueMemberS)
			if sk == nil {
				return nil, fmt.Errorf("an item under %s has no sort key", pk)
			}
			root, rest, child := strings.Cut(sk.Value, ".")
			first, err := strconv.Atoi(root)
			if err != nil {
				return nil, fmt.Errorf("sort key %q under %s: %w", sk.Value, pk, err)
			}
			id := strconv.Itoa(first)
			if child {
				id += "." + rest
			}
			ids = append(ids, codec.Identity(id))
		}
	}
	return ids, nil
}

// DepthOf counts a queue's messages.
func DepthOf(ctx context.Context, api *sqs.Client, url string) (Depth, error) {
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return Depth{}, fmt.Errorf("read the depth of queue %s: %w", url, err)
	}
	var d Depth
	for name, into := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &d.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &d.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &d.Delayed,
	} {
		if *into, err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return d, fmt.Errorf("attribute %s of queue %s: %w", name, url, err)
		}
	}
	return d, nil
}
