package virtual_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/localaws/db"
	local "github.com/starburst-go/starburst/internal/localaws/dynamodb"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/store"
)

// A store on the table in memory answers like one on the local endpoint, which
// is compared with DynamoDB Local.
func TestTheTableIsLikeTheLocalEndpoint(t *testing.T) {
	t.Parallel()
	client := endpoint(t)
	tables := 0
	rapid.Check(t, func(rt *rapid.T) {
		tables++
		there := store.New(client, fmt.Sprint("table", tables))
		if err := there.CreateTable(t.Context()); err != nil {
			rt.Fatal(err)
		}
		here := store.New(virtual.NewTable(), "t")
		for range rapid.IntRange(1, 40).Draw(rt, "calls") {
			what, do := drawCall(rt)
			want, wantErr := do(t.Context(), there)
			got, err := do(t.Context(), here)
			if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
				rt.Fatalf("%s: (-endpoint +memory)\n%s\nerrors: %v and %v", what, diff, wantErr, err)
			}
		}
	})
}

// endpoint returns a client of a local endpoint of the test's own.
func endpoint(t *testing.T) *dynamodb.Client {
	t.Helper()
	d, err := db.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	service, err := local.New(d, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if err := errors.Join(service.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	})
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// drawCall draws a call of the store whose answer depends on the table alone.
func drawCall(rt *rapid.T) (what string, do func(context.Context, *store.Store) (any, error)) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	job := store.Job{
		ID: "j", Handler: "work", Fleet: fleet, N: 30, Plan: store.Plan{Chunk: 10}, Shards: 2, MaxAttempts: 3,
		Created: created, Expires: time.Now().Add(24 * time.Hour).Truncate(time.Second),
	}
	id := rapid.SampledFrom([]codec.Identity{"0", "0.1", "10", "20"}).Draw(rt, "message")
	word := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "word")
	n := rapid.IntRange(0, 5).Draw(rt, "number")
	call := rapid.SampledFrom([]string{
		"put", "result", "has", "start", "unstart", "create", "job", "finish", "recount", "ledger", "ledgers", "control", "told", "loose",
	}).Draw(rt, "call")
	return fmt.Sprint(call, " ", id, " ", word, " ", n), func(ctx context.Context, s *store.Store) (any, error) {
		root, _ := id.Root()
		r := store.Result{Identity: id, Token: word, Handler: "work", Worker: word, Started: created, Finished: created, Attempt: 1,
			Settled: []store.Settled{{Index: root + n, Value: []byte{byte(n)}}}}
		switch call {
		case "put":
			r.Job = job.ID
			return untyped(s.PutResult(ctx, job, r))
		case "loose":
			r.ID, r.Expires = word, job.Expires
			return untyped(s.PutResult(ctx, store.Job{}, r))
		case "result":
			got, ok, err := s.Result(ctx, job, id)
			got.Expires = time.Time{}
			return []any{got, ok}, err
		case "has":
			return untyped(s.HasResults(ctx, job, []codec.Identity{"0", "0.1", "10", "20"}))
		case "start":
			all, err := s.AddStart(ctx, job, id, word)
			slices.Sort(all)
			return all, err
		case "unstart":
			return nil, s.RemoveStart(ctx, job, id, word)
		case "create":
			return nil, s.CreateJob(ctx, job)
		case "job":
			got, err := s.Job(ctx, job.ID)
			got.Expires = time.Time{}
			return got, err
		case "finish":
			return nil, s.Finish(ctx, job.ID, store.Done, created)
		case "recount":
			return untyped(s.Recount(ctx, job))
		case "ledger":
			return nil, s.PutLedger(ctx, store.Ledger{
				Fleet: fleet, Worker: word, Seq: int64(n), Started: created, Updated: created, Slots: n,
				Jobs: map[string]store.JobCount{job.ID: {OK: int64(n)}}, Cost: store.CostSample{Launched: created, Ready: created},
			})
		case "ledgers":
			return untyped(s.JobLedgers(ctx, job.ID))
		case "control":
			return nil, s.PutControl(ctx, fleet, store.Control{Cancelled: []string{word}, Paused: n > 2})
		case "told":
			return untyped(s.Control(ctx, fleet))
		}
		panic(call)
	}
}

// untyped makes an any of an answer.
func untyped[T any](v T, err error) (any, error) { return v, err }
