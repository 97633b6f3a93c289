package store_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/starburst-go/starburst/store"
)

// client returns a DynamoDB client of the server under test: the one that
// AWS_ENDPOINT_URL_DYNAMODB names, else the embedded endpoint.
func client(tb testing.TB) *dynamodb.Client {
	tb.Helper()
	url := os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")
	if url == "" {
		tb.Skip("no embedded endpoint yet")
	}
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

// jobOf makes a stored job of n tasks in chunks.
func jobOf(tb testing.TB, s *store.Store, n, chunk, shards int) store.Job {
	tb.Helper()
	j := store.Job{
		ID: "job-" + strings.ReplaceAll(tb.Name(), "/", "-") + "-" + uuid.NewString()[:8], Handler: "double", Fleet: "default",
		N: n, Plan: store.Plan{Chunk: chunk}, Shards: shards, MaxAttempts: 3,
		InputSHA: [32]byte{1, 2, 3}, Created: created, Expires: created.Add(24 * time.Hour), State: store.Open,
	}
	if len(j.ID) > 128 {
		j.ID = j.ID[len(j.ID)-128:]
	}
	if err := s.CreateJob(tb.Context(), j); err != nil {
		tb.Fatal(err)
	}
	return j
}

// value is the result that tests store for task i.
func value(i int) []byte { return fmt.Appendf([]byte{0xd9, 10}, "%010d", i) }
