package producer_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
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

// bigFile writes n arguments of some hundred bytes.
func bigFile(t testing.TB, name string, n int) *producer.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	if producer.FormatOf(name) == producer.CSV {
		fmt.Fprintln(w, "seed,drift,name,note")
	}
	for i := range n {
		note := incompressible(i, 40)
		if producer.FormatOf(name) == producer.CSV {
			fmt.Fprintf(w, "%d,%g,AAPL,%s\n", i, float64(i)/7, note)
			continue
		}
		fmt.Fprintf(w, `{"seed":%d,"drift":%g,"name":"AAPL","note":%q}`+"\n", i, float64(i)/7, note)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := producer.OpenFile(context.Background(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sink is a queue and a table that keep nothing.
type sink struct{ entries, calls atomic.Int64 }

func (s *sink) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	s.calls.Add(1)
	s.entries.Add(int64(len(in.Entries)))
	out := &sqs.SendMessageBatchOutput{Successful: make([]types.SendMessageBatchResultEntry, len(in.Entries))}
	for i, e := range in.Entries {
		out.Successful[i].Id = e.Id
	}
	return out, nil
}

func (*sink) CreateJob(context.Context, store.Job) error      { return nil }
func (*sink) SetConfirmed(context.Context, string, int) error { return nil }
func (*sink) Seal(context.Context, string) error              { return nil }
func (*sink) Pending(context.Context, store.Job) iter.Seq2[store.Child, error] {
	return func(func(store.Child, error) bool) {}
}

type rawMessage = msgpack.RawMessage

func fileOf(t testing.TB, content []byte, format producer.Format) *producer.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := producer.OpenFile(t.Context(), path, format)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
