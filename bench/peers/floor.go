package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
)

// The floor is what anybody writes by hand over the SDK: batches of ten, a put a message,
// a batch of deletes. It has no leases, no retries, no job, no order of results: what is on top of it is the price of those.

const (
	batch    = 10
	atOnce   = 32 // calls
	pollWait = 1  // seconds
)

func floorProduce(ctx context.Context, w world) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for from := 0; from < w.n; from += batch {
		g.Go(func() error {
			in := &sqs.SendMessageBatchInput{QueueUrl: &w.queue}
			for i := from; i < min(from+batch, w.n); i++ {
				in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i - from)), MessageBody: aws.String(body(i))})
			}
			out, err := w.sqs.SendMessageBatch(ctx, in)
			if err == nil && len(out.Failed) > 0 {
				err = fmt.Errorf("%d entries failed", len(out.Failed))
			}
			return err
		})
	}
	return g.Wait()
}

func floorConsume(ctx context.Context, w world) error {
	g, ctx := errgroup.WithContext(ctx)
	var done atomic.Int64
	for range atOnce / batch {
		g.Go(func() error {
			for done.Load() < int64(w.n) {
				out, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &w.queue, MaxNumberOfMessages: batch, WaitTimeSeconds: pollWait})
				if err != nil {
					return err
				}
				if len(out.Messages) == 0 {
					continue
				}
				if err := floorHandle(ctx, w, out.Messages); err != nil {
					return err
				}
				done.Add(int64(len(out.Messages)))
			}
			return nil
		})
	}
	return g.Wait()
}

func floorHandle(ctx context.Context, w world, messages []types.Message) error {
	puts, pctx := errgroup.WithContext(ctx)
	del := &sqs.DeleteMessageBatchInput{QueueUrl: &w.queue}
	for i, m := range messages {
		puts.Go(func() error { return w.put(pctx, aws.ToString(m.MessageId), "1") })
		del.Entries = append(del.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	if err := puts.Wait(); err != nil {
		return err
	}
	out, err := w.sqs.DeleteMessageBatch(ctx, del)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d deletes failed", len(out.Failed))
	}
	return err
}

// warm keeps the servers busy: those that run on a virtual machine of Java's are several times faster after a minute.
func warm(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		w, err := newWorld(ctx)
		if err != nil {
			return err
		}
		w.n = 5000
		if err := floorProduce(ctx, w); err != nil {
			return err
		}
		if err := floorConsume(ctx, w); err != nil {
			return err
		}
	}
	return nil
}
