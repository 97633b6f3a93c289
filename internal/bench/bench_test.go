package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/role"
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

func TestARunMeasuresAllThreeSides(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Config{Tasks: 500, Chunk: 1, Workers: 2, Slots: 1, Self: self, WorkerArgs: []string{"be-worker"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages != 500 || r.Elapsed <= 0 || r.Producer.CPU <= 0 || r.Workers.CPU <= 0 || r.Endpoint.CPU <= 0 || r.Endpoint.PeakRSS <= 0 {
		t.Errorf("result %+v: every side is to be measured", r)
	}
	if r.Requests["dynamodb.PutItem"] < 500 {
		t.Errorf("the endpoint counted %v requests; 500 results are 500 puts at least", r.Requests)
	}
	var out bytes.Buffer
	r.Print(&out)
	for _, want := range []string{"500 no-op tasks in 500 messages", "tasks/s", "producer", "workers", "endpoint"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}
