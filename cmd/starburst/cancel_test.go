package main

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestCancelStopsAJobAndItsCountsAddUp(t *testing.T) {
	startDev(t, "sh", "-c", "sleep 0.2; echo {}")
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:500", "--chunk", "50", "--job", "long"); sub.code != exit.OK {
		t.Fatalf("submit: %+v", sub)
	}
	waiting := make(chan output, 1)
	go func() { waiting <- starburst(t.Context(), "", "results", "long", "--wait") }()
	time.Sleep(time.Second) // a process of another program: there is no signal to wait for
	start := time.Now()
	got := starburst(t.Context(), "", "cancel", "long")
	m := regexp.MustCompile(`(\d+) ok, (\d+) failed, (\d+) never run, of 500`).FindStringSubmatch(got.stdout)
	if got.code != exit.OK || m == nil {
		t.Fatalf("cancel: %+v", got)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("cancel took %v, want ≤ 10 s", took)
	}
	ok, _ := strconv.Atoi(m[1])
	failed, _ := strconv.Atoi(m[2])
	left, _ := strconv.Atoi(m[3])
	if ok+failed+left != 500 || left == 0 {
		t.Errorf("%s: the counts do not add up to 500, or nothing was left to cancel", got.stdout)
	}
	if w := <-waiting; w.code != exit.Failed || !strings.Contains(w.stderr, "was cancelled") {
		t.Errorf("who waited for it: exit %d, %s", w.code, w.stderr)
	}
	res := starburst(t.Context(), "", "results", "long")
	if res.code != exit.Failed || strings.Count(res.stdout, "\n") != ok {
		t.Errorf("results after the cancel: exit %d, %d lines; want 1 and %d", res.code, strings.Count(res.stdout, "\n"), ok)
	}
	if st := starburst(t.Context(), "", "status", "long"); st.code != exit.OK || !strings.Contains(st.stdout, "cancelled") {
		t.Errorf("status: %+v", st)
	}
	if again := starburst(t.Context(), "", "cancel", "long"); again.code != exit.OK {
		t.Errorf("cancelling again: %+v", again)
	}
	if no := starburst(t.Context(), "", "cancel", "nosuch"); no.code != exit.NotFound {
		t.Errorf("cancelling nothing: %+v", no)
	}
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:2", "--job", "done", "--wait"); sub.code != exit.OK {
		t.Fatalf("a job after the cancel: %+v", sub)
	}
	if no := starburst(t.Context(), "", "cancel", "done"); no.code != exit.Usage {
		t.Errorf("cancelling a finished job: %+v", no)
	}
}

func TestCancelOfAnInterruptedRun(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	first := process(ctx, "run", "--state", "left", "--job", "half", "--chunk", "1", "--range", "1:200", "--", "sh", "-c", "sleep 0.05; echo {}")
	first.Stdout = writerFunc(func(p []byte) (int, error) { interrupt(); return len(p), nil })
	_ = first.Run() // the exit code is what is tested
	if code := exit.Code(first.ProcessState.ExitCode()); code != exit.Interrupt {
		t.Fatalf("run: exit %d", code)
	}
	got := starburst(t.Context(), "", "cancel", "--state", "left", "half")
	m := regexp.MustCompile(`half is cancelled: (\d+) ok, 0 failed, (\d+) never run, of 200`).FindStringSubmatch(got.stdout)
	if got.code != exit.OK || m == nil {
		t.Fatalf("cancel: %+v", got)
	}
	ok, _ := strconv.Atoi(m[1])
	if never, _ := strconv.Atoi(m[2]); ok+never != 200 || ok == 0 || never == 0 {
		t.Errorf("%s: the counts do not add up, or there was nothing before or after", got.stdout)
	}
	if att := starburst(t.Context(), "", "attach", "--state", "left", "half"); att.code != exit.Failed || !strings.Contains(att.stderr, "was cancelled") {
		t.Errorf("attach to it: exit %d, %s", att.code, att.stderr)
	}
	// It does not stand in the way of what comes next.
	next := starburst(t.Context(), "", "run", "--state", "left", "--range", "7:8", "--", "echo")
	if next.code != exit.OK || next.stdout != "7\n8\n" || strings.Contains(next.stderr, "unfinished") {
		t.Errorf("the next run: %+v", next)
	}
}
