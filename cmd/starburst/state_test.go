package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestTheStateOfALocalRunCanBeLookedAt(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	run := starburst(t.Context(), "", "run", "--range", "1:3", "--job", "mine", "--", "sh", "-c", "[ {} != 2 ] || exit 65; echo r{}")
	if run.code != exit.TasksFail {
		t.Fatalf("run: %+v", run)
	}
	// A stack in the environment, as `dev` prints it, does not count against the flag.
	t.Setenv("STARBURST_QUEUE_URL", "http://127.0.0.1:1/000000000000/none")
	t.Setenv("STARBURST_TABLE", "none")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	if got := starburst(t.Context(), "", "status", "--state", "run", "mine"); got.code != exit.TasksFail || !strings.Contains(got.stdout, "2 ok, 1 failed") {
		t.Errorf("status: %+v", got)
	}
	if got := starburst(t.Context(), "", "results", "--state", "run", "mine", "-o", "csv"); got.code != exit.TasksFail || !strings.Contains(got.stdout, "0,true,r1,") {
		t.Errorf("results: %+v", got)
	}
	if got := starburst(t.Context(), "", "attach", "--state", "run", "mine", "-o", "text"); got.code != exit.TasksFail || got.stdout != "r1\nr3\n" {
		t.Errorf("attach: %+v", got)
	}
	for _, command := range []string{"status", "results", "attach", "cost"} {
		if got := starburst(t.Context(), "", command, "--state", "typo", "mine"); got.code != exit.NotFound || !strings.Contains(got.stderr, "there are: run") {
			t.Errorf("%s of no state: %+v", command, got)
		}
	}
	if got := starburst(t.Context(), "", "dlq", "show"); got.code != exit.Usage || !strings.Contains(got.stderr, "starburst dlq show --help") {
		t.Errorf("dlq show without an argument: %+v", got)
	}
	if got := starburst(t.Context(), "", "autoscale"); got.code != exit.Usage || got.stdout != "" {
		t.Errorf("autoscale without --workers: %+v", got)
	}
}

func TestALocalRunCanBeLookedAtWhileItLasts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	gate := filepath.Join(t.TempDir(), "gate")
	run := process(t.Context(), "run", "--state", "live", "--job", "mine", "--range", "1:2", "--", "sh", "-c", "while [ ! -e "+gate+" ]; do sleep 0.05; done; echo r{}")
	var out bytes.Buffer
	run.Stdout = &out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	var got output
	for end := time.Now().Add(time.Minute); got.code != exit.Pending && time.Now().Before(end); {
		got = starburst(t.Context(), "", "status", "--state", "live", "mine")
	}
	if !strings.Contains(got.stdout, "0 ok, 0 failed, 2 missing") {
		t.Errorf("status: %+v", got)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil || out.String() != "r1\nr2\n" {
		t.Errorf("run: %v, %q", err, &out)
	}
	states, err := os.ReadDir(filepath.Join(home, "starburst"))
	if err != nil || len(states) != 1 {
		t.Errorf("states %v, %v; want one", states, err)
	}
}
