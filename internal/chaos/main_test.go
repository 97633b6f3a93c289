//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/testmain"
)

// Endpoints that a world can live on.
var (
	embedded endpoints // of this process
	servers  endpoints // ElasticMQ and DynamoDB Local, when they are there
)

type endpoints struct{ sqs, dynamodb string }

// seed makes the run reproducible, as far as processes on a busy machine are.
var seed uint64

// full tells whether this is the long tier.
var full = os.Getenv("STARBURST_CHAOS") == "full"

// TestMain is the test binary's main function: executed again with a worker's
// spec, it is a worker.
func TestMain(m *testing.M) {
	if raw := os.Getenv(envWorker); raw != "" {
		os.Exit(workerMain(raw))
	}
	code, err := withEndpoint(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withEndpoint(m *testing.M) (code int, err error) {
	seed = rand.Uint64() >> 32
	if v := os.Getenv("STARBURST_SEED"); v != "" {
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			return 1, fmt.Errorf("STARBURST_SEED: %w", err)
		}
	}
	fmt.Printf("chaos: STARBURST_SEED=%d repeats this run\n", seed)
	dir, err := os.MkdirTemp("", "starburst-chaos-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	srv, err := localaws.Start(context.Background(), localaws.Config{Dir: dir})
	if err != nil {
		return 1, err
	}
	embedded = endpoints{srv.URL(), srv.URL()}
	servers = endpoints{os.Getenv("AWS_ENDPOINT_URL_SQS"), os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")}
	for _, name := range []string{"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB"} {
		if err := os.Unsetenv(name); err != nil {
			return 1, err
		}
	}
	// DynamoDB Local accepts letters and digits in a key only.
	if err := setEnv(append(stack.LocalEnv(srv.URL()), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")); err != nil {
		return 1, err
	}
	code = m.Run()
	if err := srv.Close(context.Background()); err != nil {
		return 1, err
	}
	if code == 0 {
		code = testmain.Leaks()
	}
	return code, nil
}
