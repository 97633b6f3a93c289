package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

// freeAddr is an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// scrape returns the page at addr, or "" while nobody serves it.
func scrape(t *testing.T, addr string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := c.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return string(page)
}

// awaitMetrics scrapes addr until the page has all the lines.
func awaitMetrics(t *testing.T, addr string, lines ...string) {
	t.Helper()
	var page, missing string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		page, missing = scrape(t, addr), ""
		for _, line := range lines {
			if !strings.Contains(page, line+"\n") {
				missing = line
			}
		}
		if missing == "" {
			return
		}
	}
	t.Fatalf("no line %q within a minute:\n%s", missing, page)
}

// A dev with a worker, of whose two tasks one has ended and one is running: both say so.
func TestMetricsOfADevWithWork(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	goOn := filepath.Join(t.TempDir(), "go-on")
	devAddr, workerAddr := freeAddr(t), freeAddr(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs bytes.Buffer
	out := &syncWriter{w: new(bytes.Buffer)}
	dev := process(ctx, "dev", "--port", "0", "--workers", "1", "--slots", "2", "--metrics", devAddr, "--",
		self, "worker", "--metrics", workerAddr, "--exec", "--", "sh", "-c", fmt.Sprintf("case $0 in *2*) until [ -e %s ]; do sleep 0.05; done;; esac", goOn), "{}")
	dev.Stdout, dev.Stderr = out, &errs
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), "export STARBURST_QUEUE_URL="); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("dev does not begin within 30 s")
		}
	}
	if got := starburst(t.Context(), "", "submit", "exec", "--range", "1:2", "--chunk", "1"); got.code != exit.OK {
		t.Fatalf("%+v", got)
	}
	awaitMetrics(t, workerAddr,
		`starburst_tasks_processed_total{outcome="ok",type="exec"} 1`, `starburst_tasks_in_flight 1`,
		`starburst_task_queue_wait_seconds_count 2`, `starburst_task_duration_seconds_count{outcome="ok",type="exec"} 1`)
	awaitMetrics(t, devAddr,
		`starburst_workers{state="running"} 1`, `starburst_wave 1`, `starburst_queue_messages{state="in_flight"} 1`,
		`starburst_backlog_tasks 1`, `starburst_dlq_messages 0`)
	if err := os.WriteFile(goOn, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	awaitMetrics(t, devAddr, `starburst_workers{state="desired"} 0`, `starburst_backlog_tasks 0`)
	cancel()
	_ = dev.Wait()
	if code := dev.ProcessState.ExitCode(); code != int(exit.OK) {
		t.Errorf("dev ended with %d: %s", code, &errs)
	}
}

func TestMetricsAddressInUse(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	got := starburst(t.Context(), "", "dev", "--port", "0", "--state", "metrics", "--metrics", "127.0.0.1:"+listen(t))
	if got.code != exit.Usage || !strings.Contains(got.stderr, "--metrics 127.0.0.1:0") {
		t.Errorf("%+v", got)
	}
}
