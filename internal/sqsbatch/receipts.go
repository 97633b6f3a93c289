package sqsbatch

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Deleter is the call that DeleteAll makes; *sqs.Client has it.
type Deleter interface {
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// VisibilityChanger is the call that ChangeVisibilityAll makes; *sqs.Client has it.
type VisibilityChanger interface {
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// DeleteAll deletes the received messages with these receipt handles and returns
// an error a handle, in order. ErrLeaseLost is recognisable with errors.Is; note that
// SQS may also call the deletion with an old handle a success and not delete.
func DeleteAll(ctx context.Context, api Deleter, queueURL string, handles []string) []error {
	return Policy{}.DeleteAll(ctx, api, queueURL, handles)
}

// DeleteAll is the function DeleteAll under the policy.
func (p Policy) DeleteAll(ctx context.Context, api Deleter, queueURL string, handles []string) []error {
	return operation{
		name: "delete message",
		call: func(ctx context.Context, batch []int) (answer, error) {
			in := sqs.DeleteMessageBatchInput{QueueUrl: &queueURL, Entries: make([]types.DeleteMessageBatchRequestEntry, len(batch))}
			for k, i := range batch {
				in.Entries[k] = types.DeleteMessageBatchRequestEntry{Id: idOf(k), ReceiptHandle: &handles[i]}
			}
			out, err := api.DeleteMessageBatch(ctx, &in)
			if err != nil {
				return answer{}, err
			}
			got := answer{failed: out.Failed, succeeded: make([]*string, len(out.Successful))}
			for k := range out.Successful {
				got.succeeded[k] = out.Successful[k].Id
			}
			return got, nil
		},
	}.do(ctx, p, positions(len(handles)), make([]error, len(handles)))
}

// Visibility asks for a new visibility timeout of one received message.
type Visibility struct {
	// Handle is the receipt handle of the message.
	Handle string
	// Timeout counts from the call. It is rounded up to whole seconds and cut to
	// MaxVisibility; zero releases the message at once. SQS refuses, and does not cut, what
	// goes beyond twelve hours after the receive.
	Timeout time.Duration
}

// ChangeVisibilityAll sets the visibility timeouts and returns an error a message,
// in order. ErrLeaseLost is recognisable with errors.Is.
func ChangeVisibilityAll(ctx context.Context, api VisibilityChanger, queueURL string, changes []Visibility) []error {
	return Policy{}.ChangeVisibilityAll(ctx, api, queueURL, changes)
}

// ChangeVisibilityAll is the function ChangeVisibilityAll under the policy.
func (p Policy) ChangeVisibilityAll(ctx context.Context, api VisibilityChanger, queueURL string, changes []Visibility) []error {
	return operation{
		name: "change visibility",
		call: func(ctx context.Context, batch []int) (answer, error) {
			in := sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &queueURL, Entries: make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))}
			for k, i := range batch {
				in.Entries[k] = types.ChangeMessageVisibilityBatchRequestEntry{
					Id: idOf(k), ReceiptHandle: &changes[i].Handle,
					VisibilityTimeout: seconds(changes[i].Timeout, MaxVisibility),
				}
			}
			out, err := api.ChangeMessageVisibilityBatch(ctx, &in)
			if err != nil {
				return answer{}, err
			}
			got := answer{failed: out.Failed, succeeded: make([]*string, len(out.Successful))}
			for k := range out.Successful {
				got.succeeded[k] = out.Successful[k].Id
			}
			return got, nil
		},
	}.do(ctx, p, positions(len(changes)), make([]error, len(changes)))
}
