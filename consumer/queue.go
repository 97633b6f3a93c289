package consumer

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/awserr"
)

// readQueue takes the queue's own visibility timeout as the lease, heeds its largest
// message, and refuses queues this worker cannot serve.
func (w *Worker) readQueue(ctx context.Context) error {
	attributes, err := w.queueAttributes(ctx)
	if err != nil {
		return fmt.Errorf("read the attributes of queue %s: %w", w.cfg.QueueURL, err)
	}
	if attributes["FifoQueue"] == "true" {
		return fmt.Errorf("queue %s is a FIFO queue: Starburst needs a standard queue, because one failing task would hold up its whole message group", w.cfg.QueueURL)
	}
	if n, err := strconv.Atoi(attributes["MaximumMessageSize"]); err == nil {
		w.maxBody = min(n, codec.MaxBody)
	}
	if w.cfg.Visibility == 0 {
		s, err := strconv.Atoi(attributes["VisibilityTimeout"])
		if err != nil || s < 3 {
			return fmt.Errorf("queue %s has a visibility timeout of %q s: set it to 3 s or more, or give the worker one", w.cfg.QueueURL, attributes["VisibilityTimeout"])
		}
		w.cfg.Visibility = time.Duration(s) * time.Second
	}
	return nil
}

// unlessStopped is the error, or nil for a worker that was told to stop before it had begun: that is a stop in order, too.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// queueAttributes is the worker's first call. A queue that cannot be reached
// yet, or credentials that are about to be renewed, are waited for as the polls
// would: a worker that exits instead is started again, and its start is paid for.
func (w *Worker) queueAttributes(ctx context.Context) (map[string]string, error) {
	began := time.Now()
	for n := 1; ; n++ {
		out, err := w.cfg.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl:       &w.cfg.QueueURL,
			AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		switch {
		case err == nil:
			return out.Attributes, nil
		case ctx.Err() != nil, !awserr.IsTransient(err) && !awserr.IsThrottle(err) && !awserr.IsExpired(err):
			return nil, err
		case w.cfg.GiveUp > 0 && time.Since(began) > w.cfg.GiveUp:
			return nil, fmt.Errorf("%w for %v: %w", ErrQueueGone, time.Since(began).Round(time.Second), err)
		}
		pause := backOff(n, w.random)
		if n == 1 || n%10 == 0 {
			w.cfg.Log.WarnContext(ctx, "the queue cannot be read yet; trying again", "failures", n, "pause", pause, "err", err)
		}
		if !sleep(ctx, pause) {
			return nil, err
		}
	}
}
