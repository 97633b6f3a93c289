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
// perSecond messages a second (0: as fast as it goes, SQS takes up to 500). SQS does
// it by itself where the endpoint has move tasks; one that is under way already is
// joined. Else it is done here. moved is called as it goes on.
//
// When ctx ends the move is stopped; what is moved stays moved.
func (q *Queue) Redrive(ctx context.Context, perSecond int, moved func(total int)) (int, error) {
	source, err := q.arn(ctx, q.URL)
	if err != nil {
		return 0, err
	}
	destination, err := q.arn(ctx, q.Source)
	if err != nil {
		return 0, err
	}
	in := &sqs.StartMessageMoveTaskInput{SourceArn: &source, DestinationArn: &destination}
	if perSecond > 0 {
		in.MaxNumberOfMessagesPerSecond = aws.Int32(int32(min(perSecond, maxMoveRate)))
	}
	_, err = q.API.StartMessageMoveTask(ctx, in)
	switch {
	case err == nil:
	case !refused(err):
		return 0, fmt.Errorf("start to move the dead messages: %w", err)
	default:
		if task, e := q.lastMove(ctx, source); e != nil || task == nil || aws.ToString(task.Status) != moveRunning {
			return q.moveHere(ctx, perSecond, moved)
		}
	}
	return q.awaitMove(ctx, source, moved)
}

// refused reports whether the endpoint itself said no, other than for want of a permission.
func refused(err error) bool {
	_, answered := errors.AsType[smithy.APIError](err)
	return answered && !awserr.IsTransient(err) && !awserr.IsAccess(err)
}

// movePoll is how often a move task is asked how far it is.
const movePoll = 500 * time.Millisecond

// The states of a move task (SQS API reference, ListMessageMoveTasks).
const (
	moveRunning   = "RUNNING"
	moveCompleted = "COMPLETED"
	moveFailed    = "FAILED"
	moveCancelled = "CANCELLED"
)

// lastMove returns the queue's latest move task, or nil when it has none.
func (q *Queue) lastMove(ctx context.Context, source string) (*types.ListMessageMoveTasksResultEntry, error) {
	out, err := q.API.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &source, MaxResults: aws.Int32(1)})
	if err != nil {
		return nil, fmt.Errorf("ask how far the move is: %w", err)
	}
	if len(out.Results) == 0 {
		return nil, nil
	}
	return &out.Results[0], nil
}

func (q *Queue) awaitMove(ctx context.Context, source string, moved func(int)) (int, error) {
	total, handle := 0, ""
	for {
		task, err := q.lastMove(ctx, source)
		if err == nil && task == nil {
			err = errors.New("the move of the dead messages is not listed")
		}
		if ctx.Err() != nil {
			return total, errors.Join(context.Cause(ctx), q.stopMove(ctx, handle))
		}
		if err != nil {
			return total, err
		}
		if n := int(task.ApproximateNumberOfMessagesMoved); n > total {
			total = n
			moved(total)
		}
		handle = aws.ToString(task.TaskHandle)
		switch status := aws.ToString(task.Status); status {
		case moveCompleted:
			return total, nil
		case moveFailed, moveCancelled:
			return total, fmt.Errorf("the move of the dead messages ended as %s: %s", status, aws.ToString(task.FailureReason))
		}
		pause(ctx, movePoll)
	}
}

// stopMove cancels the move task, so that it does not go on behind the back of who interrupted it.
func (q *Queue) stopMove(ctx context.Context, handle string) error {
	if handle == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := q.API.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: &handle})
	if err != nil {
		return fmt.Errorf("stop the move of the dead messages, which goes on: %w", err)
	}
	return nil
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
//
// It ends after as many messages as there were at its start: workers may throw
// what they still do not know back faster than it is moved.
func (q *Queue) moveHere(ctx context.Context, perSecond int, moved func(int)) (int, error) {
	most, err := q.Count(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	for empty := 0; total < most && empty < 2; { // a standard queue may answer empty although it is not
		start := time.Now()
		batch, err := q.receive(ctx, hold)
		if err != nil {
			return total, err
		}
		if len(batch) == 0 {
			empty++
			continue
		}
		empty = 0
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
	return total, nil
}

// moveTries is how often one message is tried to be sent or deleted; somebody waits.
const moveTries = 5

// move sends a batch and deletes what was sent; the rest becomes visible again.
func (q *Queue) move(ctx context.Context, batch []Message) (int, error) {
	policy := sqsbatch.Policy{Tries: moveTries, Final: awserr.IsAccess}
	var failed []error
	var left, sound []Message
	var entries []sqsbatch.Entry
	for _, m := range batch {
		if !m.intact {
			failed = append(failed, fmt.Errorf("message %s: its body was garbled on the way (MD5); it stays", m.ID))
			left = append(left, m)
			continue
		}
		sound = append(sound, m)
		entries = append(entries, sqsbatch.Entry{Body: m.Body, Attributes: m.attributes, GroupID: m.group})
	}
	var handles []string
	for i, err := range policy.SendAll(ctx, q.API, q.Source, entries) {
		if err != nil {
			failed = append(failed, fmt.Errorf("move message %s: %w", sound[i].ID, err))
			left = append(left, sound[i])
			continue
		}
		handles = append(handles, sound[i].handle)
	}
	// Also when interrupted: what is sent and not deleted is there twice.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, err := range policy.DeleteAll(clean, q.API, q.URL, handles) {
		if err != nil {
			failed = append(failed, fmt.Errorf("a moved message is still dead, too (its task is recorded once nevertheless): %w", err))
		}
	}
	q.release(clean, left)
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
