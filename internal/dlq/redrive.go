package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// maxMoveRate is the highest rate that a move task takes (SQS API reference,
// StartMessageMoveTask).
const maxMoveRate = 500

// Redrive moves all messages back to the source and reports how many, at most
// perSecond messages a second (0: as fast as it goes). SQS does it by itself where
// the endpoint has move tasks; else it is done here. moved is called as it goes on.
func (q *Queue) Redrive(ctx context.Context, perSecond int, moved func(total int)) (int, error) {
	total, supported, err := q.moveTask(ctx, perSecond, moved)
	if supported {
		return total, err
	}
	return q.moveHere(ctx, perSecond, moved)
}

// moveTask lets SQS move the messages. supported is false when the endpoint
// refuses such tasks, or refuses one for this queue.
func (q *Queue) moveTask(ctx context.Context, perSecond int, moved func(int)) (total int, supported bool, err error) {
	source, err := q.arn(ctx, q.URL)
	if err != nil {
		return 0, true, err
	}
	destination, err := q.arn(ctx, q.Source)
	if err != nil {
		return 0, true, err
	}
	in := &sqs.StartMessageMoveTaskInput{SourceArn: &source, DestinationArn: &destination}
	if perSecond > 0 {
		in.MaxNumberOfMessagesPerSecond = aws.Int32(int32(min(perSecond, maxMoveRate)))
	}
	if _, err := q.API.StartMessageMoveTask(ctx, in); err != nil {
		if refused(err) {
			return 0, false, nil
		}
		return 0, true, fmt.Errorf("start to move the dead messages: %w", err)
	}
	total, err = q.awaitMove(ctx, source, moved)
	return total, true, err
}

// refused reports whether the endpoint itself said no, other than for want of a permission.
func refused(err error) bool {
	_, answered := errors.AsType[smithy.APIError](err)
	return answered && !awserr.IsTransient(err) && !awserr.IsAccess(err)
}

// movePoll is how often a move task is asked how far it is.
const movePoll = 500 * time.Millisecond

func (q *Queue) awaitMove(ctx context.Context, source string, moved func(int)) (int, error) {
	for {
		out, err := q.API.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &source, MaxResults: aws.Int32(1)})
		if err != nil {
			return 0, fmt.Errorf("ask how far the move is: %w", err)
		}
		if len(out.Results) == 0 {
			return 0, errors.New("the move of the dead messages is not listed")
		}
		task := out.Results[0]
		total := int(task.ApproximateNumberOfMessagesMoved)
		moved(total)
		switch aws.ToString(task.Status) {
		case "COMPLETED":
			return total, nil
		case "FAILED", "CANCELLED":
			return total, fmt.Errorf("the move of the dead messages ended as %s: %s", aws.ToString(task.Status), aws.ToString(task.FailureReason))
		}
		if !pause(ctx, movePoll) {
			return total, context.Cause(ctx)
		}
	}
}

func (q *Queue) arn(ctx context.Context, url string) (string, error) {
	out, err := q.API.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return "", fmt.Errorf("read the ARN of queue %s: %w", url, err)
	}
	return out.Attributes["QueueArn"], nil
}

// moveHere moves one batch of ten after the other. Each message is sent before it is
// deleted, so that a crash in between makes a duplicate, which is recorded once,
// and never a loss.
func (q *Queue) moveHere(ctx context.Context, perSecond int, moved func(int)) (int, error) {
	total := 0
	for {
		start := time.Now()
		batch, err := q.receive(ctx, hold)
		if err != nil || len(batch) == 0 {
			return total, err
		}
		n, err := q.move(ctx, batch)
		total += n
		moved(total)
		if err != nil {
			return total, err
		}
		wait := time.Duration(0)
		if perSecond > 0 {
			wait = time.Duration(len(batch))*time.Second/time.Duration(perSecond) - time.Since(start)
		}
		if !pause(ctx, wait) {
			return total, context.Cause(ctx)
		}
	}
}

func (q *Queue) move(ctx context.Context, batch []Message) (int, error) {
	entries := make([]sqsbatch.Entry, len(batch))
	for i, m := range batch {
		entries[i] = sqsbatch.Entry{Body: m.Body}
	}
	var handles []string
	var failed []error
	for i, err := range sqsbatch.SendAll(ctx, q.API, q.Source, entries) {
		if err != nil {
			failed = append(failed, fmt.Errorf("move message %s: %w", batch[i].ID, err))
			continue
		}
		handles = append(handles, batch[i].handle)
	}
	failed = append(failed, sqsbatch.DeleteAll(ctx, q.API, q.URL, handles)...)
	return len(handles), errors.Join(failed...)
}

// pause waits for d and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
