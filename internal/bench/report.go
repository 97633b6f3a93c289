package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/usage"
)

// stats is what servers say of themselves.
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

// span says what the time of a mode is.
func (m Mode) span() string {
	switch m {
	case Produce:
		return "submit to last message confirmed"
	case Consume:
		return "start of the workers to last result read"
	case Latency:
		return "one after the other, submit to result"
	case Full:
	}
	return "submit to last result read"
}

// PerSecond is the tasks of the run in a second of its time.
func (r Result) PerSecond() float64 { return float64(r.Tasks) / r.Elapsed.Seconds() }

// Print writes a result for people, with the price of its requests by the book where they were counted.
func (r Result) Print(w io.Writer, book *cost.Book) error {
	_, _ = fmt.Fprintf(w, "%s no-op tasks in %s messages, %s: %.2f s = %s tasks/s (%s, %d CPUs)\n",
		progress.Count(r.Tasks), progress.Count(r.Messages), r.Mode.span(), r.Elapsed.Seconds(), progress.Count(int(r.PerSecond())), runtime.Version(), runtime.NumCPU())
	if r.Mode == Latency {
		_, _ = fmt.Fprintf(w, "  half of them within %.1f ms, 99 in 100 within %.1f ms\n", ms(r.Half), ms(r.Tail))
	}
	for _, p := range []struct {
		name string
		u    usage.Usage
	}{{"producer", r.Producer}, {"workers", r.Fleet}, {"servers", r.Servers}} {
		if p.u != (usage.Usage{}) {
			_, _ = fmt.Fprintf(w, "  %-9s %8.1f µs CPU per task, peak %4d MiB\n", p.name, float64(p.u.CPU.Microseconds())/float64(r.Tasks), p.u.PeakRSS>>20)
		}
	}
	if len(r.Requests) == 0 {
		return nil
	}
	queueAndTable, bucket, err := r.Billed.Price(book)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "  on AWS: %s SQS requests, %s write and %s read units, $%.6f with S3\n", count(r.Billed.SQSRequests), count(r.Billed.WriteUnits), count(r.Billed.ReadUnits),
		float64(queueAndTable+bucket)/float64(cost.USD))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// document is a result in JSON. Times are in seconds unless their names say otherwise.
type document struct {
	Schema   string           `json:"schema"`
	Mode     Mode             `json:"mode"`
	Tasks    int              `json:"tasks"`
	Chunk    int              `json:"chunk"`
	Messages int              `json:"messages"`
	Workers  int              `json:"workers"`
	Slots    int              `json:"slots"`
	Elapsed  float64          `json:"elapsed_s"`
	Rate     float64          `json:"tasks_per_second"`
	Half     float64          `json:"p50_ms,omitempty"`
	Tail     float64          `json:"p99_ms,omitempty"`
	Producer side             `json:"producer"`
	Fleet    side             `json:"worker"`
	Servers  side             `json:"servers"`
	Requests map[string]int64 `json:"requests,omitempty"`
	Go       string           `json:"go"`
	CPUs     int              `json:"cpus"`
}

type side struct {
	CPU  float64 `json:"cpu_us_per_task"`
	Peak int64   `json:"peak_rss_bytes"`
}

// WriteJSON writes a result as one line of JSON, schema "starburst.bench/v1".
func (r Result) WriteJSON(w io.Writer) error {
	of := func(u usage.Usage) side {
		return side{float64(u.CPU.Microseconds()) / float64(r.Tasks), u.PeakRSS}
	}
	if err := json.NewEncoder(w).Encode(document{
		Schema: "starburst.bench/v1", Mode: r.Mode, Tasks: r.Tasks, Chunk: r.Chunk, Messages: r.Messages, Workers: r.Workers, Slots: r.Slots,
		Elapsed: r.Elapsed.Seconds(), Rate: r.PerSecond(), Half: ms(r.Half), Tail: ms(r.Tail),
		Producer: of(r.Producer), Fleet: of(r.Fleet), Servers: of(r.Servers), Requests: r.Requests, Go: runtime.Version(), CPUs: runtime.NumCPU(),
	}); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
