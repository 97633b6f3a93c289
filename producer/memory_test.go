package producer_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// TestAMillionTasksNeedLittleMemory sends a JSONL file of a million lines and
// looks at the live heap on the way. The process's peak (RSS) is what
// BenchmarkMillion reports; the live heap is what can be held to a bound next to other tests.
func TestAMillionTasksNeedLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a file of 100 MB")
	}
	n := 1_000_000
	source := bigFile(t, "a.jsonl", n)
	out := &sink{}
	p, err := producer.New(producer.Config{Queue: out, QueueURL: "q", Jobs: out})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, peak := m.HeapAlloc, uint64(0)
	report, err := p.Submit(t.Context(), producer.Spec{Handler: "h", Source: source, Progress: func(confirmed, _ int) {
		if out.calls.Load()%20 == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}})
	if err != nil || report.Sent != n {
		t.Fatalf("%+v, %v", report, err)
	}
	if grown := int64(peak) - int64(start); grown > 50<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
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
