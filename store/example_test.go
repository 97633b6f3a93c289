package store_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/localaws/db"
	local "github.com/starburst-go/starburst/internal/localaws/dynamodb"
	"github.com/starburst-go/starburst/store"
)

// exampleStore returns a store with its table on an embedded endpoint.
func exampleStore(ctx context.Context) (s *store.Store, stop func(), err error) {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		return nil, nil, err
	}
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return nil, nil, err
	}
	service, err := local.New(d, local.Options{})
	if err != nil {
		return nil, nil, err
	}
	server := httptest.NewServer(service)
	s = store.New(dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}), "starburst")
	return s, func() {
		server.Close()
		_ = service.Close()
		_ = d.Close()
		_ = os.RemoveAll(dir)
	}, s.CreateTable(ctx)
}

// A job of five tasks in two messages, of which the second hands a failing task to a child.
func Example() {
	ctx := context.Background()
	s, stop, err := exampleStore(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	// The producer: the job goes first, then its messages.
	job := store.Job{
		ID: "squares", Handler: "square", Fleet: "default", N: 5, Plan: store.Plan{Chunk: 3}, MaxAttempts: 2,
		Created: time.Now(), Expires: time.Now().Add(24 * time.Hour),
	}
	if err := s.CreateJob(ctx, job); err != nil {
		log.Fatal(err) //nolint:gocritic // the process ends, and with it what stop would stop
	}
	if job, err = s.Job(ctx, "squares"); err != nil { // with the defaults filled in
		log.Fatal(err)
	}

	// A worker records each message before it acknowledges it.
	record := func(r store.Result) {
		r.Job, r.Handler, r.Expires = job.ID, job.Handler, job.Expires
		outcome, err := s.PutResult(ctx, job, r)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("message %-4s %s\n", r.Identity, outcome)
	}
	square := func(i int) store.Settled { return store.Settled{Index: i, Value: []byte{byte(i * i)}} }
	second := store.Result{
		Identity: "3", Token: "a", Settled: []store.Settled{square(3)},
		Children: []store.Child{{Identity: "3.1", Indices: []int{4}, Attempt: 2}},
	}
	record(second)
	record(second) // our own earlier attempt landed
	second.Token = "b"
	record(second) // somebody else's comes too late
	record(store.Result{Identity: codec.RootIdentity(0), Token: "c", Settled: []store.Settled{square(0), square(1), square(2)}})
	record(store.Result{Identity: "3.1", Token: "d", Settled: []store.Settled{
		{Index: 4, Failure: &store.Failure{Kind: store.FailError, Message: "overflow", Attempts: 2}},
	}})

	// The caller reads in task order.
	for r, err := range s.Results(ctx, job, store.ReadOptions{Follow: true}) {
		switch {
		case err != nil:
			log.Fatal(err)
		case r.Failure != nil:
			fmt.Println(r.Index, r.Failure.Kind, r.Failure.Message)
		default:
			fmt.Println(r.Index, r.Value[0])
		}
	}
	count, err := s.Recount(ctx, job)
	fmt.Println(count.OK, "ok,", count.Failed, "failed, complete:", count.Complete(), err)
	// Output:
	// message 3    written
	// message 3    mine
	// message 3    refused
	// message 0    written
	// message 3.1  written
	// 0 0
	// 1 1
	// 2 4
	// 3 9
	// 4 error overflow
	// 4 ok, 1 failed, complete: true <nil>
}

func ExamplePlan() {
	plan := store.Plan{Chunk: 4}
	for first, size := range plan.All(10) {
		fmt.Println(codec.RootIdentity(first), size)
	}
	// Output:
	// 0 4
	// 4 4
	// 8 2
}
