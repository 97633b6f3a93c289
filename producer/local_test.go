package producer_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// local is a queue, a table and a bucket behind the SDK: on the embedded endpoint, or where
// AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB point.
type local struct {
	sqs   *sqs.Client
	url   string
	store *store.Store
	blobs store.S3Blobs
	*producer.Producer
}

func newLocal(t testing.TB) *local {
	t.Helper()
	own := localawstest.Start(t).URL()
	at := func(variable string) *stack.Clients {
		return must[*stack.Clients](t)(stack.Open(t.Context(), stack.Stack{Endpoint: cmp.Or(os.Getenv(variable), own)}))
	}
	name := "producer-" + uuid.NewString()
	l := &local{
		sqs:   at("AWS_ENDPOINT_URL_SQS").SQS,
		blobs: store.S3Blobs{API: at("").S3, Bucket: name},
	}
	l.store = store.New(at("AWS_ENDPOINT_URL_DYNAMODB").DB, name, store.WithBlobs(l.blobs))
	queue, err := l.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	l.url = *queue.QueueUrl
	if err := l.store.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := at("").S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	l.Producer, err = producer.New(producer.Config{Queue: l.sqs, QueueURL: l.url, Jobs: l.store, Blobs: l.blobs})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// take receives and deletes everything on the queue.
func (s *local) take(t *testing.T) (messages []*codec.Message) {
	t.Helper()
	for {
		out, err := s.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &s.url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return messages
		}
		var handles []string
		for _, m := range out.Messages {
			decoded, err := codec.Decode(*m.Body)
			if err != nil {
				t.Fatal(err)
			}
			messages = append(messages, decoded)
			handles = append(handles, *m.ReceiptHandle)
		}
		for _, err := range sqsbatch.DeleteAll(t.Context(), s.sqs, s.url, handles) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSubmitToTheEmbeddedEndpoint(t *testing.T) {
	t.Parallel()
	s := newLocal(t)
	words := make([]string, 2000)
	for i := range words {
		words[i] = incompressible(i, i%500)
	}
	words[7] = incompressible(7, 2<<20)
	report, err := s.Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Words(words), MaxWorkers: 4})
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for _, m := range s.take(t) {
		args := m.Args
		if m.Offload != nil {
			blob, err := s.blobs.Get(t.Context(), m.Offload.Key, m.Offload.Len)
			if err != nil {
				t.Fatal(err)
			}
			if args, err = codec.DecodeArgs(blob); err != nil {
				t.Fatal(err)
			}
		}
		for k, arg := range args {
			var word string
			if err := codec.Unmarshal(arg, &word); err != nil {
				t.Fatal(err)
			}
			got[m.Index(k)] = word
		}
	}
	for i, word := range words {
		if got[i] != word {
			t.Fatalf("task %d has %d bytes, want %d", i, len(got[i]), len(word))
		}
	}
	job, err := s.store.Job(t.Context(), report.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := report.Job
	want.Expires = want.Expires.Truncate(time.Second) // as TTL has it
	if d := gocmp.Diff(want, job); d != "" {
		t.Errorf("job as reported and as stored (-reported +stored):\n%s", d)
	}
	if job.State != store.Sealed || job.Confirmed != len(words) {
		t.Errorf("the job is %s with %d confirmed", job.State, job.Confirmed)
	}
}

func TestResumeOnTheEmbeddedEndpoint(t *testing.T) {
	t.Parallel()
	s := newLocal(t)
	ctx := t.Context()
	first, err := s.Submit(ctx, spec(20))
	if err != nil {
		t.Fatal(err)
	}
	s.take(t) // lost

	settled := func(indices ...int) (out []store.Settled) {
		for _, i := range indices {
			out = append(out, store.Settled{Index: i, Value: []byte{0xc0}})
		}
		return out
	}
	for _, r := range []store.Result{
		{Identity: "0", Settled: settled(0, 1, 2, 3)},
		{Identity: "4", Settled: settled(4), Children: []store.Child{{Identity: "4.1", Indices: []int{5, 7}, Attempt: 2}, {Identity: "4.2", Indices: []int{6}, Attempt: 2}}},
		{Identity: "4.2", Settled: settled(6)},
		{Identity: "16", Children: []store.Child{{Identity: "16.1", Indices: []int{16, 17}, Attempt: 1}, {Identity: "16.2", Indices: []int{18, 19}, Attempt: 1}}},
	} {
		r.Job, r.Handler, r.Token, r.Worker, r.Attempt = "x", "h", "token "+string(r.Identity), "w", 1
		r.Started, r.Finished = first.Job.Created, first.Job.Created
		if _, err := s.store.PutResult(ctx, first.Job, r); err != nil {
			t.Fatal(err)
		}
	}
	report, err := s.Submit(ctx, spec(20))
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]string{}
	for _, m := range s.take(t) {
		var tasks strings.Builder
		for k, arg := range m.Args {
			var v int
			if err := codec.Unmarshal(arg, &v); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&tasks, " %d=%d", m.Index(k), v)
		}
		sent[fmt.Sprintf("%s a%d", m.Self(), max(m.Attempt, 1))] = tasks.String()
	}
	want := map[string]string{
		"4.1 a2": " 5=5 7=7", "8 a1": " 8=8 9=9 10=10 11=11", "12 a1": " 12=12 13=13 14=14 15=15",
		"16.1 a1": " 16=16 17=17", "16.2 a1": " 18=18 19=19",
	}
	if d := gocmp.Diff(want, sent); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	if report.Sent != 14 || report.Skipped != 6 || report.Messages != 5 || !report.Resumed {
		t.Errorf("report %+v", report)
	}
}

func TestManyProducersOfOneJobAgree(t *testing.T) {
	t.Parallel()
	s := newLocal(t)
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := s.Submit(context.WithoutCancel(t.Context()), spec(1000))
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	got := map[int]string{}
	for _, m := range s.take(t) {
		for k, arg := range m.Args {
			text, _ := codec.MsgpackToJSON(arg)
			got[m.Index(k)] = string(text)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(got)) {
		if got[i] != strconv.Itoa(i) {
			t.Errorf("task %d has %s", i, got[i])
		}
	}
	if job, err := s.store.Job(t.Context(), "x"); err != nil || len(got) != 1000 || job.State != store.Sealed {
		t.Errorf("%d tasks, job %+v, %v", len(got), job, err)
	}
}

// BenchmarkSubmitToTheEmbeddedEndpoint includes the endpoint, in the same process.
func BenchmarkSubmitToTheEmbeddedEndpoint(b *testing.B) {
	for _, chunk := range []int{0, 1} {
		b.Run(fmt.Sprintf("tasks=100000/chunk=%d", chunk), func(b *testing.B) {
			s := newLocal(b)
			args := ints(100_000)
			for b.Loop() {
				if _, err := s.Submit(b.Context(), producer.Spec{Handler: "noop", Source: producer.Slice(args), Chunk: chunk, MaxWorkers: 2}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
