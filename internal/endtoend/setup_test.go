package endtoend

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/testmain"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// endpoint is the embedded server's URL.
var endpoint string

func TestMain(m *testing.M) {
	code, err := withServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "starburst-endtoend-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	srv, err := localaws.Start(context.Background(), localaws.Config{Dir: dir})
	if err != nil {
		return 1, err
	}
	endpoint = srv.URL()
	// Variables that are set already point at the servers under test.
	for _, kv := range stack.LocalEnv(endpoint) {
		k, v, _ := strings.Cut(kv, "=")
		if k != "AWS_ENDPOINT_URL" && os.Getenv(k) != "" {
			continue
		}
		if err := os.Setenv(k, v); err != nil {
			return 1, err
		}
	}
	code := m.Run()
	if err := srv.Close(context.Background()); err != nil {
		return 1, err
	}
	if code == 0 {
		code = testmain.Leaks()
	}
	return code, nil
}

// world is one stack of its own with its clients.
type world struct {
	stack.Stack
	clients *stack.Clients
	store   *store.Store
}

var worlds atomic.Int64

// newWorld makes a stack with names of its own.
func newWorld(t *testing.T, o stack.Options) *world {
	t.Helper()
	ctx := t.Context()
	clients, err := stack.Open(ctx, stack.Stack{})
	if err != nil {
		t.Fatal(err)
	}
	o.Name = fmt.Sprintf("t%d-%d", os.Getpid(), worlds.Add(1))
	if o.Visibility == 0 {
		o.Visibility = 5 * time.Second
	}
	s, err := stack.Create(ctx, clients, stack.Stack{Fleet: "default"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{Stack: s, clients: clients, store: s.Store(clients)}
}

func (w *world) producer(t *testing.T) *producer.Producer {
	t.Helper()
	p, err := producer.New(producer.Config{Queue: w.clients.SQS, QueueURL: w.QueueURL, Jobs: w.store, Blobs: w.Blobs(w.clients)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// submit makes a job of the integers 0..n-1.
func (w *world) submit(t *testing.T, spec producer.Spec, n int) store.Job {
	t.Helper()
	if spec.Source == nil {
		args := make([]int, n)
		for i := range args {
			args[i] = i
		}
		spec.Source = producer.Slice(args)
	}
	r, err := w.producer(t).Submit(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return r.Job
}

// work runs n workers until the test ends or the returned function is called.
func (w *world) work(t *testing.T, n int, handlers consumer.Registry, change func(*consumer.Config)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range n {
		cfg := consumer.Config{
			Queue: w.clients.SQS, QueueURL: w.QueueURL, Results: w.store, Blobs: w.Blobs(w.clients),
			Handlers: handlers, Name: fmt.Sprintf("w%d-%d", worlds.Add(1), i), IdleWait: time.Second, BusyWait: time.Second,
			LedgerEdge: 50 * time.Millisecond, LedgerEvery: time.Second,
		}
		if change != nil {
			change(&cfg)
		}
		worker, err := consumer.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := worker.Run(ctx); err != nil {
				t.Errorf("worker: %v", err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(stop)
	return stop
}

// follow reads all results of a job in order.
func (w *world) follow(t *testing.T, job store.Job) []store.Settled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []store.Settled
	for s, err := range w.store.Results(ctx, job, store.ReadOptions{Follow: true}) {
		if err != nil {
			t.Fatalf("after %d results: %v", len(all), err)
		}
		if s.Index != len(all) {
			t.Fatalf("result %d came in place %d", s.Index, len(all))
		}
		all = append(all, s)
	}
	return all
}

// depth is the number of messages in a queue, whatever their state.
func (w *world) depth(t *testing.T, url string) int {
	t.Helper()
	out, err := w.clients.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		var n int
		fmt.Sscan(out.Attributes[a], &n)
		total += n
	}
	return total
}

// await polls until cond holds; the servers under test offer no signal to wait for.
func await(t *testing.T, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %v", what, limit)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func arg[T any](t consumer.Task) (v T) {
	if err := codec.Unmarshal(t.Arg, &v); err != nil {
		panic(err)
	}
	return v
}

// double answers twice its argument.
func double(_ context.Context, t consumer.Task) ([]byte, error) {
	return codec.Marshal(2 * arg[int](t))
}
