package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

// look is what the test reads of a document of `watch -o json`.
type look struct {
	Schema string
	Tasks  struct {
		Total, OK, Failed, Left int
		Exact                   bool
	}
	Failures struct{ Groups []struct{ Count int } }
	Money    struct {
		Known bool
		Spent int64 `json:"spent_pico_usd"`
		Local bool  `json:"as_if_on_fargate"`
	}
	Ended time.Time
}

func TestWatchingAJob(t *testing.T) {
	privatePrices(t)
	startDev(t, "sh", "-c", "sleep 0.05; [ {} != 7 ] || exit 1; echo r{}")
	for _, args := range [][]string{{"watch"}, {"watch", "j", "-o", "yaml"}, {"watch", "j", "--interval", "1ms"}} {
		if out := starburst(t.Context(), "", args...); out.code != exit.Usage {
			t.Errorf("%v: %+v", args, out)
		}
	}
	if out := starburst(t.Context(), "", "watch", "nosuch"); out.code != exit.NotFound {
		t.Errorf("no such job: %+v", out)
	}
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--attempts", "1", "--job", "one"); sub.code != exit.OK {
		t.Fatalf("submit: %+v", sub)
	}
	out := starburst(t.Context(), "", "watch", "one", "-o", "json", "--interval", "100ms")
	if out.code != exit.TasksFail || !strings.Contains(out.stderr, "1 of 40 tasks of job one failed") || !strings.Contains(out.stderr, "starburst retry --failed one") {
		t.Errorf("watch: %+v", out)
	}
	var last look
	for line := range strings.Lines(out.stdout) {
		last = look{}
		if err := json.Unmarshal([]byte(line), &last); err != nil || last.Schema != "starburst.watch/v1" || last.Tasks.OK+last.Tasks.Failed+last.Tasks.Left != 40 {
			t.Fatalf("a look: %v: %s", err, line)
		}
	}
	if !last.Tasks.Exact || last.Tasks.OK != 39 || last.Tasks.Failed != 1 || last.Ended.IsZero() || len(last.Failures.Groups) != 1 || !last.Money.Known || last.Money.Spent <= 0 || !last.Money.Local {
		t.Errorf("the last look: %+v", last)
	}
	again := starburst(t.Context(), "", "watch", "one")
	if again.code != exit.TasksFail || strings.Count(again.stdout, "\n") != 1 || !strings.HasPrefix(again.stdout, "exec: 100 %  40/40  1 failed  done after ") {
		t.Errorf("watching a job that is over: %+v", again)
	}
}

func TestCtrlCEndsTheWatchingOnly(t *testing.T) {
	privatePrices(t)
	startDev(t, "sh", "-c", "sleep 0.3; echo r{}")
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:400", "--job", "long"); sub.code != exit.OK {
		t.Fatalf("submit: %+v", sub)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	cmd := process(ctx, "watch", "long")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.Contains(line, "/400") {
		t.Errorf("the first line: %q, %v", line, err)
	}
	interrupt()
	_ = cmd.Wait() // the exit code is what is tested
	if code := exit.Code(cmd.ProcessState.ExitCode()); code != exit.Interrupt || !strings.Contains(stderr.String(), "job long goes on") || !strings.Contains(stderr.String(), "starburst watch long comes back") {
		t.Errorf("Ctrl-C: code %d: %s", code, &stderr)
	}
	if out := starburst(t.Context(), "", "cancel", "long"); out.code != exit.OK {
		t.Fatalf("cancel: %+v", out)
	}
	if out := starburst(t.Context(), "", "watch", "long"); out.code != exit.Failed || !strings.Contains(out.stdout, "cancelled after") {
		t.Errorf("watching a cancelled job: %+v", out)
	}
}

func TestCtrlCEndsTheWaitingOnly(t *testing.T) {
	privatePrices(t)
	startDev(t, "sh", "-c", "sleep 0.3; echo r{}")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	cmd := process(ctx, "submit", "exec", "--range", "1:400", "--job", "long", "--wait", "-o", "text")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "r1\n" {
		t.Errorf("the first result: %q, %v", line, err)
	}
	interrupt()
	_ = cmd.Wait() // the exit code is what is tested
	want := "note:  stopped waiting; job long goes on\ntry:   starburst attach -o text long waits again"
	if code := exit.Code(cmd.ProcessState.ExitCode()); code != exit.Interrupt || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("Ctrl-C: code %d: %s", code, &stderr)
	}
	if out := starburst(t.Context(), "", "cancel", "long"); out.code != exit.OK {
		t.Fatalf("cancel: %+v", out)
	}
}
