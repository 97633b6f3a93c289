package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestThePageOfAStack(t *testing.T) {
	startDev(t, "echo")
	if got := starburst(t.Context(), "", "submit", "exec", "--range", "1:5", "--wait", "--job", "five"); got.code != exit.OK {
		t.Fatalf("submit: %+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	page := process(ctx, "ui", "--no-open", "--read-only")
	out, err := page.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	base, _, found := strings.Cut(address, "/?token=")
	if !found || !strings.HasPrefix(base, "http://127.0.0.1:") {
		t.Fatalf("the address is %q", address)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	read(t, client, address)
	var doc struct {
		Schema string
		Tasks  struct{ Total, OK int }
	}
	if err := json.Unmarshal([]byte(read(t, client, base+"/api/jobs/five")), &doc); err != nil || doc.Schema != "starburst.view/v1" || doc.Tasks.Total != 5 || doc.Tasks.OK != 5 {
		t.Errorf("the job as JSON: %v %+v", err, doc)
	}
	if body := read(t, client, base+"/jobs"); !strings.Contains(body, "five") || strings.Contains(body, "method=\"post\"") {
		t.Errorf("the jobs: %s", body)
	}
	stop()
	if err := page.Wait(); page.ProcessState.ExitCode() != int(exit.OK) {
		t.Errorf("Ctrl-C ends it with %v", err)
	}
}

func read(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", address, res.StatusCode, err)
	}
	return string(body)
}

func TestWhatThePageRefuses(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, c := range []struct {
		code exit.Code
		args []string
	}{
		{exit.NotFound, []string{"ui", "--no-open"}}, // no stack
		{exit.Usage, []string{"ui", "job"}},
		{exit.NotFound, []string{"ui", "--no-open", "--state", "nosuch"}},
	} {
		if got := starburst(t.Context(), "", c.args...); got.code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, got.code, c.code, got.stderr)
		}
	}
}

// Whoever starts dev may look at its jobs at once, and its export lines stay what a shell can read.
func TestDevServesThePage(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	dev := process(ctx, "dev", "--port", "0", "--json")
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	var ready struct{ Page string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	if body := read(t, client, ready.Page); !strings.Contains(body, "/jobs") {
		t.Errorf("the page: %s", body)
	}
	stop()
	if err := dev.Wait(); dev.ProcessState.ExitCode() != int(exit.OK) {
		t.Errorf("dev ended with %v", err)
	}
}
