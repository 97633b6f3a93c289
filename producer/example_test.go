package producer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

// Four tasks in two messages, and what happens when the same id is used again.
func ExampleProducer_Submit() {
	ctx := context.Background()
	w := newWorld() // stands for *sqs.Client, *store.Store and store.S3Blobs
	p, err := producer.New(producer.Config{Queue: w, QueueURL: "https://sqs…/tasks", Jobs: w, Blobs: w})
	if err != nil {
		fmt.Println(err)
		return
	}
	grid, _ := producer.ParseGrid([]string{"lr=0.1,0.01", "depth=2,4"})
	report, err := p.Submit(ctx, producer.Spec{Job: "tune", Handler: "train", Source: grid, Chunk: 2})
	fmt.Println(report.Sent, "tasks in", report.Messages, "messages:", report.Job.State, err)

	_, err = p.Submit(ctx, producer.Spec{Job: "tune", Handler: "train", Source: producer.Words([]string{"other"})})
	var conflict *producer.JobConflictError
	fmt.Println(errors.As(err, &conflict), conflict.Differs, "differs")

	report, err = p.Submit(ctx, producer.Spec{Job: "tune", Handler: "train", Source: grid})
	fmt.Println("resumed:", report.Resumed, report.Sent, "sent,", report.Skipped, "skipped", err)
	// Output:
	// 4 tasks in 2 messages: sealed <nil>
	// true input differs
	// resumed: true 0 sent, 4 skipped <nil>
}

// A parameter grid: the first axis varies slowest.
func ExampleParseGrid() {
	grid, err := producer.ParseGrid([]string{"lr=0.1,0.01", "model=tree,linear"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for arg := range grid.Args() {
		text, _ := codec.MsgpackToJSON(arg)
		fmt.Println(string(text))
	}
	// Output:
	// {"lr":0.1,"model":"tree"}
	// {"lr":0.1,"model":"linear"}
	// {"lr":0.01,"model":"tree"}
	// {"lr":0.01,"model":"linear"}
}

func ExampleChunkSize() {
	fmt.Println(producer.ChunkSize(10_000, 50, 1, 0), "tasks a message on 50 workers")
	fmt.Println(producer.ChunkSize(1_000_000, 50, 4, 0), "tasks a message on as many with four slots")
	// Output:
	// 13 tasks a message on 50 workers
	// 313 tasks a message on as many with four slots
}
