package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// seedGolden stores two jobs of the year 2026 that always look the same: one done, with a task that failed, and one
// that was stopped at its cap. Their fleet is nobody else's.
func seedGolden(t *testing.T) {
	t.Helper()
	st, err := laptop.Find(t.Context(), laptop.DevState)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := stack.Open(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	s := st.Store(clients)
	noon := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	job := func(id string, n int) store.Job {
		return store.Job{ID: id, Handler: "price", Fleet: "golden", N: n, Plan: store.Plan{Chunk: 2}, MaxAttempts: 3, Timeout: time.Minute, Shards: 1,
			InputSHA: [32]byte{1, 2, 3}, Created: noon, Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), State: store.Open, Confirmed: n}
	}
	done, stopped := job("fit-2", 5), job("fit-1", 1200)
	done.Label, stopped.MaxCostPico, stopped.Created = "options.csv", 2e12, at(-60)
	must(s.CreateJob(t.Context(), done))
	must(s.CreateJob(t.Context(), stopped))
	value := func(v any) msgpack.RawMessage {
		b, err := codec.Marshal(v)
		must(err)
		return b
	}
	fail := &store.Failure{Kind: store.FailError, Message: "exit status 1: no\x1b[31m luck", Stack: "Traceback:\n  line 7\n", Argument: value(map[string]any{"strike": 95}), Attempts: 3}
	for _, r := range []store.Result{
		{Identity: "0", Settled: []store.Settled{{Index: 0, Value: value(1.5)}, {Index: 1, Value: value("two words")}}, Attempt: 1},
		{Identity: "2", Settled: []store.Settled{{Index: 2, Value: value(map[string]any{"price": 2.5})}, {Index: 3, Failure: fail}}, Attempt: 3},
		{Identity: "4", Settled: []store.Settled{{Index: 4, Value: value(nil)}}, Attempt: 1},
	} {
		r.Job, r.Handler, r.Token, r.Worker, r.Started, r.Finished = done.ID, "price", "t"+string(r.Identity), "0123456789abcdef0123456789abcdef", at(30), at(31)
		_, err := s.PutResult(t.Context(), done, r)
		must(err)
	}
	must(s.Finish(t.Context(), done.ID, store.Done, at(40)))
	_, err = s.StopJob(t.Context(), stopped.ID, "it has reached its cost cap", stopped.MaxCostPico, at(50))
	must(err)
	must(s.PutDecision(t.Context(), store.Decision{Fleet: "golden", At: at(2), Seq: 1, Wave: 1, Want: 1, Visible: 3, Jobs: map[string]int64{done.ID: 5}, Binding: "tasks", Reason: "5 tasks"}))
	must(s.PutLedger(t.Context(), store.Ledger{
		Fleet: "golden", Worker: "0123456789abcdef0123456789abcdef", Seq: 1, Slots: 1, Final: true, Started: at(20), Updated: at(45),
		Jobs: map[string]store.JobCount{done.ID: {OK: 4, Failed: 1, BusyMS: 3000, FailedMS: 600}}, Hist: map[int]int64{80: 5},
		Cost: store.CostSample{Provider: "FARGATE", Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: at(5), Ready: at(20), CPUMS: 2500,
			Requests: map[string]int64{"sqs.receive": 10, "ddb.wru": 20}},
	}))
}

// seedLog writes what the seeded job's worker would have.
func seedLog(t *testing.T) {
	t.Helper()
	dir, err := laptop.Dir(laptop.DevState)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "tasks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := `time=2026-01-05T12:00:30.100Z level=INFO msg="pricing 95" slot=0 stream=stdout task=3 job=fit-2
Traceback:
  line 7` + "\x1b[31m" + `
time=2026-01-05T12:00:30.200Z level=WARN msg="of another job" task=0 job=fit-1
{"time":"2026-01-05T12:00:30.3Z","level":"ERROR","msg":"result not recorded","job":"fit-2","err":"no table"}
`
	if err := os.WriteFile(filepath.Join(dir, "0123456789abcdef0123456789abcdef.log"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGoldenOutputs holds what the commands print of those jobs to files.
func TestGoldenOutputs(t *testing.T) {
	startDev(t, "true")
	t.Setenv("TZ", "UTC")
	seedGolden(t)
	seedLog(t)
	lists := []string{"table", "wide", "json", "jsonl", "csv"}
	endpoint := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	for _, c := range []struct {
		name, args string
		formats    []string
	}{
		{"jobs-ls", "jobs ls --since 500w", lists}, {"status", "status --since 500w", []string{"table", "json"}}, {"status-job", "status fit-2", []string{"table", "json"}},
		{"jobs-show", "jobs show fit-2", []string{"table"}}, {"jobs-show-stopped", "jobs show fit-1", []string{"table"}}, {"jobs-rm", "jobs rm --dry-run fit-2", lists},
		{"tasks-ls", "tasks ls fit-2", lists}, {"tasks-ls-failed", "tasks ls --failed --columns index,outcome fit-2", []string{"table", "csv"}},
		{"tasks-show-failed", "tasks show fit-2 3", []string{"table", "json"}}, {"tasks-show", "tasks show fit-2 2", []string{"table", "json"}},
		{"tasks-show-missing", "tasks show fit-1 7", []string{"table", "json"}}, {"wait", "wait fit-2 fit-1", lists},
		{"results", "results fit-2", []string{"table", "jsonl", "csv", "text"}}, {"cost-line", "cost fit-2", []string{"table", "json", "jsonl", "csv"}},
		{"cost-job", "cost fit-2 --by job", []string{"table", "jsonl"}}, {"cost-worker", "cost fit-2 --by worker", []string{"csv"}},
		{"waves", "waves fit-2", lists}, {"dlq-ls", "dlq ls", lists}, {"logs", "logs fit-2", []string{"text", "jsonl", "csv"}},
	} {
		for _, format := range c.formats {
			got := starburst(t.Context(), "", append(strings.Fields(c.args), "-o", format)...)
			text := fmt.Sprintf("$ starburst %s -o %s\nexit code %d\n--- standard output\n%s--- standard error\n%s", c.args, format, got.code, got.stdout, got.stderr)
			sameAsFile(t, filepath.Join("testdata", "golden", "output", c.name+"."+format), endpoint.ReplaceAllString(text, "127.0.0.1:PORT"))
		}
	}
}
