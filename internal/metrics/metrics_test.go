package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/metrics"
	"github.com/starburst-go/starburst/internal/observe"
)

// events are one of each kind and outcome, so that every metric has a value.
func events() []observe.Event {
	return []observe.Event{
		{Kind: observe.Began, Name: "price"},
		{Kind: observe.Began, Name: "price"},
		{Kind: observe.Ended, Name: "price", Outcome: observe.OK, Attempt: 1, Took: 20 * time.Millisecond},
		{Kind: observe.Unrun, Name: "price", Outcome: observe.Rejected},
		{Kind: observe.Waited, Took: time.Second},
		{Kind: observe.Duplicate},
		{Kind: observe.Bad, Name: "json"},
		{Kind: observe.Lease, Outcome: observe.Extended, N: 9},
		{Kind: observe.Lease, Outcome: observe.Lost, N: 2},
		{Kind: observe.Called, Name: "ReceiveMessage", Outcome: observe.OK, Took: time.Second},
	}
}

func worker() *metrics.Worker {
	w := metrics.NewWorker(metrics.Build{Version: "test"})
	for _, e := range events() {
		w.Tell(e)
	}
	return w
}

func fleet() *metrics.Fleet {
	f := metrics.NewFleet(metrics.Build{})
	f.DeadLetters(func(context.Context) (int64, error) { return 4, nil })
	f.Decided(autoscale.Decision{
		At: time.Unix(1_800_000_000, 0), Seq: 1, Wave: 2, Backlog: 70, From: 2, Want: 4, Binding: autoscale.BindWave,
		Observation: autoscale.Observation{Visible: 5, InFlight: 6, Delayed: 7, Counts: autoscale.Counts{Desired: 2, Running: 1, Pending: 1}, Busy: 1, Spent: 3e12},
	})
	f.Decided(autoscale.Decision{At: time.Unix(1_800_000_010, 0), Seq: 2, From: 4, Want: 0, Observation: autoscale.Observation{Spent: 2e12}})
	f.Decided(autoscale.Decision{At: time.Unix(1_800_000_020, 0), Seq: 3, From: 0, Want: 0, Observation: autoscale.Observation{Spent: 5e12}})
	return f
}

func TestNamesAndHelpAreWhatPrometheusAsksFor(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]prometheus.Gatherer{"worker": worker().Registry(), "fleet": fleet().Registry()} {
		problems, err := testutil.GatherAndLint(g)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
	}
}

func TestWorkerCounts(t *testing.T) {
	t.Parallel()
	want := `
# HELP starburst_leases_lost_total Messages whose lease ran out while their tasks ran; another worker runs them again.
# TYPE starburst_leases_lost_total counter
starburst_leases_lost_total 2
# HELP starburst_tasks_in_flight Tasks that are running now.
# TYPE starburst_tasks_in_flight gauge
starburst_tasks_in_flight 1
# HELP starburst_tasks_processed_total Runs of tasks that have ended here, by handler and outcome: ok, error, timeout, crash, rejected, stopped. A task that is tried again counts with each run.
# TYPE starburst_tasks_processed_total counter
starburst_tasks_processed_total{outcome="ok",type="price"} 1
starburst_tasks_processed_total{outcome="rejected",type="price"} 1
# HELP starburst_visibility_extensions_total Leases of messages that a heartbeat extended, by outcome: extended, failed, lost.
# TYPE starburst_visibility_extensions_total counter
starburst_visibility_extensions_total{outcome="extended"} 9
starburst_visibility_extensions_total{outcome="lost"} 2
`
	if err := testutil.GatherAndCompare(worker().Registry(), strings.NewReader(want), "starburst_tasks_processed_total",
		"starburst_tasks_in_flight", "starburst_leases_lost_total", "starburst_visibility_extensions_total"); err != nil {
		t.Error(err)
	}
}

func TestFleetShowsTheLastDecisionAndCountsAll(t *testing.T) {
	t.Parallel()
	want := `
# HELP starburst_cost_usd_total What the fleet's workers have cost since this autoscaler started, in dollars; on a laptop, what they would cost on Fargate.
# TYPE starburst_cost_usd_total counter
starburst_cost_usd_total{resource="workers"} 5
# HELP starburst_dlq_messages Messages in the dead-letter queue, by SQS's approximate count.
# TYPE starburst_dlq_messages gauge
starburst_dlq_messages 4
# HELP starburst_scale_decisions_total The autoscaler's decisions, by what they did (out, in, hold) and by the limit that bound them, or none.
# TYPE starburst_scale_decisions_total counter
starburst_scale_decisions_total{action="hold",limited_by="none"} 1
starburst_scale_decisions_total{action="in",limited_by="none"} 1
starburst_scale_decisions_total{action="out",limited_by="wave"} 1
# HELP starburst_wave_target_workers Workers that the last decision wants.
# TYPE starburst_wave_target_workers gauge
starburst_wave_target_workers 0
# HELP starburst_last_decision_timestamp_seconds When the last decision was made here, as seconds since 1970; 0 for never, or another autoscaler leads.
# TYPE starburst_last_decision_timestamp_seconds gauge
starburst_last_decision_timestamp_seconds 1.80000002e+09
`
	if err := testutil.GatherAndCompare(fleet().Registry(), strings.NewReader(want), "starburst_cost_usd_total", "starburst_dlq_messages",
		"starburst_scale_decisions_total", "starburst_wave_target_workers", "starburst_last_decision_timestamp_seconds"); err != nil {
		t.Error(err)
	}
}

func TestADeadLetterQueueThatDoesNotAnswerHidesNothingElse(t *testing.T) {
	t.Parallel()
	f := metrics.NewFleet(metrics.Build{})
	f.DeadLetters(func(context.Context) (int64, error) { return 0, errors.New("no") })
	if n, err := testutil.GatherAndCount(f.Registry(), "starburst_dlq_messages"); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := testutil.GatherAndCount(f.Registry(), "starburst_wave"); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	srv, err := metrics.Serve(t.Context(), "127.0.0.1:0", worker().Registry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+srv.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	code, body := get("/metrics")
	for _, want := range []string{`starburst_build_info{component="worker",`, "go_goroutines", "process_resident_memory_bytes", `type="price"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%d: no %s", code, want)
		}
	}
	if code, _ := get("/"); code != http.StatusNotFound {
		t.Errorf("there is something else: %d", code)
	}
	if _, err := metrics.Serve(t.Context(), srv.Addr(), worker().Registry(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two serve at one address")
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func Example() {
	m := metrics.NewWorker(metrics.Build{Version: "1.0"})
	m.Tell(observe.Event{Kind: observe.Ended, Name: "price", Outcome: observe.OK, Attempt: 1, Took: time.Millisecond})
	n, err := testutil.GatherAndCount(m.Registry(), "starburst_tasks_processed_total")
	fmt.Println(n, err)
	// Output: 1 <nil>
}
