package producer_test

import (
	"context"
	"iter"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/producer"
)

// raw is a source of bytes as they are.
type raw [][]byte

func (r raw) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for _, b := range r {
			if !yield(b, nil) {
				return
			}
		}
	}
}

func goneFile(t *testing.T) *producer.File {
	t.Helper()
	f := file(t, "a.jsonl", "1\n")
	if err := os.Remove(f.String()); err != nil {
		t.Fatal(err)
	}
	return f
}

// lossyQueue takes its first batch and loses the answer.
type lossyQueue struct {
	*world
	lost bool
}

func (q *lossyQueue) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	out, err := q.world.SendMessageBatch(ctx, in, o...)
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.lost {
		q.lost = true
		return nil, errNetwork
	}
	return out, err
}
