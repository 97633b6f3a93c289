package main

import (
	"context"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	wmsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"
)

// watermill-aws sends, receives and deletes one message a call; several subscribers work at once.

const watermillAtOnce = 8

func watermillProduce(ctx context.Context, w world) error {
	pub, err := wmsqs.NewPublisher(wmsqs.PublisherConfig{AWSConfig: w.cfg, DoNotCreateQueueIfNotExists: true}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	g, _ := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range w.n {
		g.Go(func() error { return pub.Publish(w.name, message.NewMessage(watermill.NewUUID(), []byte(body(i)))) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return pub.Close()
}

func watermillConsume(ctx context.Context, w world) error {
	var done atomic.Int64
	all := make(chan struct{})
	handlers := new(errgroup.Group)
	var subs []*wmsqs.Subscriber
	for range watermillAtOnce {
		sub, err := wmsqs.NewSubscriber(wmsqs.SubscriberConfig{AWSConfig: w.cfg, DoNotCreateQueueIfNotExists: true}, watermill.NopLogger{})
		if err != nil {
			return err
		}
		messages, err := sub.Subscribe(ctx, w.name)
		if err != nil {
			return err
		}
		subs = append(subs, sub)
		handlers.Go(func() error {
			for m := range messages {
				if err := w.put(ctx, m.UUID, "1"); err != nil {
					return err
				}
				m.Ack()
				if done.Add(1) == int64(w.n) {
					close(all)
				}
			}
			return nil
		})
	}
	<-all
	if err := w.settled(ctx); err != nil { // Close cuts the last deletes off
		return err
	}
	for _, s := range subs {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return handlers.Wait()
}
