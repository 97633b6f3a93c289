package store_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/localaws/db"
	local "github.com/starburst-go/starburst/internal/localaws/dynamodb"
	"github.com/starburst-go/starburst/store"
)

// endpoint returns the URL of the server under test: the one that
// AWS_ENDPOINT_URL_DYNAMODB names, else an embedded endpoint of the test's own.
func endpoint(tb testing.TB) string {
	tb.Helper()
	if url := os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"); url != "" {
		return url
	}
	d, err := db.Open(filepath.Join(tb.TempDir(), "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	service, err := local.New(d, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(service)
	tb.Cleanup(func() {
		server.Close()
		if err := service.Close(); err != nil {
			tb.Error(err)
		}
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return server.URL
}

// client returns a DynamoDB client of the server under test.
func client(tb testing.TB) *dynamodb.Client {
	tb.Helper()
	url := endpoint(tb)
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	tb.Cleanup(transport.CloseIdleConnections)
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

// setup returns a store on a table of its own.
func setup(tb testing.TB, opts ...store.Option) (*store.Store, *dynamodb.Client) {
	tb.Helper()
	c := client(tb)
	s := store.New(c, "t-"+uuid.NewString(), opts...)
	if err := s.CreateTable(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := c.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(s.Table())}); err != nil {
			tb.Error(err)
		}
	})
	return s, c
}

// created is the time all test jobs are made at: recent, and whole in milliseconds.
var created = time.Now().UTC().Truncate(time.Second)

// newJob returns a valid job of n tasks in chunks of 10 that is not stored yet.
func newJob(tb testing.TB, n int) store.Job {
	tb.Helper()
	name := strings.ReplaceAll(tb.Name(), "/", "-")
	return store.Job{
		ID: name[:min(len(name), 80)] + "-" + uuid.NewString()[:8], Handler: "double", Fleet: "default",
		N: n, Plan: store.Plan{Chunk: 10}, Shards: 4, MaxAttempts: 3, InputSHA: [32]byte{1, 2, 3},
		Timeout: time.Minute, MaxCostPico: 5e12, Label: "paths.jsonl",
		Created: created, Expires: created.Add(24 * time.Hour), State: store.Open,
	}
}

// storeJob makes a stored job of n tasks in chunks.
func storeJob(tb testing.TB, s *store.Store, n, chunk, shards int) store.Job {
	tb.Helper()
	j := newJob(tb, n)
	j.Plan.Chunk, j.Shards = chunk, shards
	if err := s.CreateJob(tb.Context(), j); err != nil {
		tb.Fatal(err)
	}
	return j
}

// value is the result that tests store for task i.
func value(i int) []byte { return fmt.Appendf([]byte{0xaa}, "%010d", i) }

// resultOf returns the result of a message that settles the indices by itself.
func resultOf(j store.Job, id codec.Identity, indices ...int) store.Result {
	r := store.Result{
		Job: j.ID, Identity: id, Handler: j.Handler, Token: uuid.NewString(), Worker: "w1", Attempt: 1,
		Started: created.Add(time.Second), Finished: created.Add(2 * time.Second), Expires: j.Expires,
	}
	for _, i := range indices {
		r.Settled = append(r.Settled, store.Settled{Index: i, Value: value(i)})
	}
	return r
}

// span lists the indices first … first+n-1.
func span(first, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}

// failedTask is the failure that tests store for task i.
func failedTask(i int) store.Settled {
	return store.Settled{Index: i, Failure: &store.Failure{
		Kind: store.FailPanic, Message: fmt.Sprintf("task %d", i), Stack: "main.go:1", Argument: []byte{0x01}, Attempts: 3,
	}}
}

// put writes a result that must not be there yet.
func put(tb testing.TB, s *store.Store, j store.Job, r store.Result) {
	tb.Helper()
	if out, err := s.PutResult(tb.Context(), j, r); err != nil || out != store.Written {
		tb.Fatalf("PutResult(%q) = %v, %v; want written", r.Identity, out, err)
	}
}

// collect reads results until they end or fail.
func collect(seq iter.Seq2[store.Settled, error]) (all []store.Settled, err error) {
	for r, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// memBlobs keeps blobs in memory.
type memBlobs struct {
	mu sync.Mutex
	m  map[string][]byte
}

func newMemBlobs() *memBlobs { return &memBlobs{m: map[string][]byte{}} }

func (b *memBlobs) Put(_ context.Context, key string, v []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[key] = bytes.Clone(v)
	return nil
}

func (b *memBlobs) Get(_ context.Context, key string, limit int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.m[key]
	if !ok {
		return nil, fmt.Errorf("object %s: %w", key, store.ErrNotFound)
	}
	if int64(len(v)) > limit {
		return nil, &store.TooLargeError{What: "the object", Size: len(v), Limit: int(limit)}
	}
	return v, nil
}

func (b *memBlobs) keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.m))
}
