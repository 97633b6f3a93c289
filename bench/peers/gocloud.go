package main

import (
	"context"
	"sync/atomic"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
	"golang.org/x/sync/errgroup"
)

// gocloud.dev/pubsub batches sends and acks by itself; what it takes is many callers.

const gocloudSenders = 100

func gocloudProduce(ctx context.Context, w world) error {
	topic := awssnssqs.OpenSQSTopic(ctx, w.sqs, w.queue, nil)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(gocloudSenders)
	for i := range w.n {
		g.Go(func() error { return topic.Send(gctx, &pubsub.Message{Body: []byte(body(i))}) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return topic.Shutdown(ctx)
}

func gocloudConsume(ctx context.Context, w world) error {
	sub := awssnssqs.OpenSubscription(ctx, w.sqs, w.queue, &awssnssqs.SubscriptionOptions{Raw: true})
	var taken atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	for range atOnce {
		g.Go(func() error {
			for taken.Add(1) <= int64(w.n) {
				m, err := sub.Receive(gctx)
				if err != nil {
					return err
				}
				if err := w.put(gctx, m.LoggableID, "1"); err != nil {
					return err
				}
				m.Ack()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return sub.Shutdown(ctx) // waits for the acks
}
