package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

// TestMain is also the bench's endpoint and worker.
func TestMain(m *testing.M) {
	run := func() error { return nil }
	switch {
	case os.Getenv(role.Env) == role.Endpoint:
		run = func() error { _, err := role.Run(context.Background(), nil); return err }
	case len(os.Args) > 1 && os.Args[1] == "be-worker":
		run = func() error { return Worker(context.Background()) }
	default:
		goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestEveryModeMeasuresItsSides(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		config  Config
		workers bool // have done something
		puts    int64
		line    string
	}{
		{"from zero", Config{Tasks: 500, Chunk: 1, Workers: 2}, true, 500, "500 no-op tasks in 500 messages, submit to last result read"},
		{"after a warm-up", Config{Tasks: 500, Chunk: 5, Workers: 2, Warmup: 100}, true, 100, "500 no-op tasks in 100 messages"},
		{"late calls", Config{Tasks: 20, Chunk: 1, SQS: Delay{Median: time.Millisecond}, DynamoDB: Delay{Median: time.Millisecond, Spread: 0.5}}, false, 20, "20 messages"},
		{"produce", Config{Mode: Produce, Tasks: 300, Chunk: 3}, false, 1, "100 messages, submit to last message confirmed"},
		{"consume", Config{Mode: Consume, Tasks: 300, Chunk: 1, In: 100, Out: 200}, true, 300, "start of the workers to last result read"},
		{"latency", Config{Mode: Latency, Tasks: 3}, false, 6, "half of them within"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", t.TempDir())
			for _, v := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
				t.Setenv(v, os.Getenv(v)) // the run changes them
			}
			tt.config.Self, tt.config.WorkerArgs = self, []string{"be-worker"}
			r, err := Run(t.Context(), tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if r.Tasks != tt.config.Tasks || r.Elapsed <= 0 || r.Producer.CPU <= 0 || r.Producer.PeakRSS <= 0 || r.Servers.PeakRSS <= 0 || tt.workers && r.Fleet.CPU <= 0 {
				t.Errorf("result %+v: every side is to be measured", r)
			}
			if r.Requests["dynamodb.PutItem"] < tt.puts {
				t.Errorf("the endpoint counted %v requests; want %d puts at least", r.Requests, tt.puts)
			}
			var text, line bytes.Buffer
			if err := errors.Join(r.Print(&text, book), r.WriteJSON(&line)); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{tt.line, "tasks/s", "producer", "servers", "on AWS: "} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("the report lacks %q:\n%s", want, text.String())
				}
			}
			var doc map[string]any
			if err := json.Unmarshal(line.Bytes(), &doc); err != nil || doc["schema"] != "starburst.bench/v1" || doc["tasks"] != float64(tt.config.Tasks) {
				t.Errorf("%v: %s", err, line.Bytes())
			}
		})
	}
}

// The servers are another run's endpoint here.
func TestServersAreLeftAsTheyWere(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	endpoint, err := laptop.StartEndpoint(t.Context(), t.TempDir(), []string{self}, []string{role.Env + "=" + role.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := endpoint.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, line := range stack.LocalEnv(endpoint.URL()) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	r, err := Run(t.Context(), Config{Tasks: 50, Chunk: 1, Warmup: 10, Servers: true, ServerPIDs: []int{endpoint.PID()}, Self: self, WorkerArgs: []string{"be-worker"}})
	if err != nil || r.Tasks != 50 || r.Servers.PeakRSS <= 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	clients, err := stack.Open(t.Context(), stack.Stack{Endpoint: endpoint.URL()})
	if err != nil {
		t.Fatal(err)
	}
	queues, err := clients.SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(queues.QueueUrls) != 0 {
		t.Errorf("queues %v, %v", queues.QueueUrls, err)
	}
	tables, err := clients.DB.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil || len(tables.TableNames) != 0 {
		t.Errorf("tables %v, %v", tables.TableNames, err)
	}
}

func TestConfigurationsThatCannotBeMeasured(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Mode: "fast", Tasks: 1},
		{Tasks: 0},
		{Tasks: 1, In: -1},
		{Tasks: 1, Out: 1 << 30},
		{Tasks: 1, Work: -time.Second},
		{Mode: Produce, Tasks: 1, Warmup: 1},
		{Tasks: 1, SQS: Delay{Median: -1}},
		{Tasks: 1, DynamoDB: Delay{Median: 1, Spread: 99}},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
