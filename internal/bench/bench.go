// Package bench measures the whole path: no-op tasks from submit to the last
// result read, through the local endpoint and worker processes, with the CPU
// time and the peak memory of producer, workers and endpoint apart.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/usage"
	"github.com/starburst-go/starburst/producer"
)

// Handler is the name of the no-op handler.
const Handler = "noop"

// EnvDir names the directory into which bench workers write their usage at exit.
const EnvDir = "STARBURST_BENCH_DIR"

// Config of one run.
type Config struct {
	// Tasks to push, and tasks per message (0: the default).
	Tasks, Chunk int
	// Workers and Slots of the fleet.
	Workers, Slots int
	// In and Out are the bytes of an argument and of a result in msgpack. 0: a small number, and nothing.
	In, Out int
	// Noise makes arguments and results that do not compress; without it they are text with figures.
	Noise bool
	// Self is this program; run with WorkerArgs it calls Worker, with
	// STARBURST_ROLE=endpoint it serves the endpoint.
	Self       string
	WorkerArgs []string
}

// Result of one run.
type Result struct {
	Tasks, Chunk, Messages      int
	Elapsed                     time.Duration
	Producer, Workers, Endpoint usage.Usage
	Requests                    map[string]int64
	// Billed is what AWS would have billed from the submit to the last result, as the endpoint counted it.
	Billed Billed
}

// Run pushes the tasks and reads all results. The fleet starts from zero, so that
// the workers' start-up is part of the time.
func Run(ctx context.Context, c Config) (r Result, err error) {
	dir, err := os.MkdirTemp("", "starburst-bench-")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	// A state of its own: the measured endpoint has no history.
	if err := os.Setenv("XDG_STATE_HOME", dir); err != nil {
		return r, err
	}
	s, err := burst.Open(ctx, burst.Config{
		State: "bench", Workers: c.Workers, Slots: c.Slots, Handlers: []string{Handler},
		Command: append([]string{c.Self}, c.WorkerArgs...), Env: append(c.payload().env(), EnvDir+"="+dir), Endpoint: []string{c.Self},
	})
	if err != nil {
		return r, err
	}
	before, err := askStats(ctx, s.Stack().Endpoint)
	if err == nil {
		r, err = push(ctx, s, c)
	}
	if err == nil {
		var after stats
		after, err = askStats(ctx, s.Stack().Endpoint)
		r.Endpoint, r.Requests = after.usage(), after.Requests
		r.Billed = after.billed().minus(before.billed())
	}
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if e := s.Close(closeCtx); err == nil {
		err = e
	}
	if err != nil {
		return r, err
	}
	r.Workers, err = workersUsage(dir)
	return r, err
}

func push(ctx context.Context, s *burst.Session, c Config) (Result, error) {
	r := Result{Tasks: c.Tasks}
	before := usage.Own()
	start := time.Now()
	job, err := s.Submit(ctx, producer.Spec{Handler: Handler, Source: c.source(), Chunk: c.Chunk})
	if err != nil {
		return r, err
	}
	n := 0
	for settled, err := range s.Follow(ctx, job) {
		if err != nil {
			return r, err
		}
		if settled.Failure != nil {
			return r, fmt.Errorf("task %d failed: %s", settled.Index, settled.Failure.Message)
		}
		n++
	}
	r.Elapsed = time.Since(start)
	if n != c.Tasks {
		return r, fmt.Errorf("%d results of %d tasks", n, c.Tasks)
	}
	after := usage.Own()
	r.Producer = usage.Usage{CPU: after.CPU - before.CPU, PeakRSS: after.PeakRSS}
	r.Messages = job.Plan.Roots(job.N)
	r.Chunk = job.Plan.Chunk
	return r, nil
}

// Worker is the bench's worker process: it runs no-op tasks until it is told to
// stop and leaves its usage behind.
func Worker(ctx context.Context) error {
	answer, err := payloadFromEnv()
	if err != nil {
		return err
	}
	err = role.RunWorker(ctx, consumer.Registry{Handler: func(_ context.Context, t consumer.Task) ([]byte, error) { return answer.result(t.Index), nil }})
	b, e := json.Marshal(usage.Own())
	if e == nil {
		e = os.WriteFile(filepath.Join(os.Getenv(EnvDir), "usage-"+strconv.Itoa(os.Getpid())+".json"), b, 0o600)
	}
	if err == nil {
		err = e
	}
	return err
}

func workersUsage(dir string) (usage.Usage, error) {
	var sum usage.Usage
	files, err := filepath.Glob(filepath.Join(dir, "usage-*.json"))
	if err != nil {
		return sum, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return sum, err
		}
		var u usage.Usage
		if err := json.Unmarshal(b, &u); err != nil {
			return sum, fmt.Errorf("usage %s: %w", f, err)
		}
		sum.CPU += u.CPU
		sum.PeakRSS = max(sum.PeakRSS, u.PeakRSS)
	}
	return sum, nil
}

// stats is what the endpoint says of itself.
type stats struct {
	Requests map[string]int64 `json:"requests"`
	CPUMS    int64            `json:"cpu_ms"`
	PeakRSS  int64            `json:"peak_rss"`
	Billed   struct {
		SQSRequests int64   `json:"sqs_requests"`
		WriteUnits  float64 `json:"write_units"`
		ReadUnits   float64 `json:"read_units"`
	} `json:"billed"`
}

func (s stats) usage() usage.Usage {
	return usage.Usage{CPU: time.Duration(s.CPUMS) * time.Millisecond, PeakRSS: s.PeakRSS}
}

func askStats(ctx context.Context, endpoint string) (s stats, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_starburst/stats", nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, fmt.Errorf("ask the endpoint for its usage: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("read the endpoint's usage: %w", err)
	}
	return s, nil
}

// Print writes a result for people.
func (r Result) Print(w io.Writer) {
	seconds := r.Elapsed.Seconds()
	_, _ = fmt.Fprintf(w, "%s no-op tasks in %s messages, submit to last result read: %.2f s = %s tasks/s (%s, %d CPUs)\n",
		progress.Count(r.Tasks), progress.Count(r.Messages), seconds, progress.Count(int(float64(r.Tasks)/seconds)), runtime.Version(), runtime.NumCPU())
	for _, p := range []struct {
		name string
		u    usage.Usage
	}{{"producer", r.Producer}, {"workers", r.Workers}, {"endpoint", r.Endpoint}} {
		_, _ = fmt.Fprintf(w, "  %-9s %8.1f µs CPU per task, peak %4d MiB\n", p.name, float64(p.u.CPU.Microseconds())/float64(r.Tasks), p.u.PeakRSS>>20)
	}
}
