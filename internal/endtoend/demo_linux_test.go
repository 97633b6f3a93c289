package endtoend

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKillsDoNotChangeTheDemosAnswer runs one of the demo's programs twice: left
// alone, and with its workers and its endpoint killed again and again. Both must
// give the same results, which are made of every task's once.
func TestKillsDoNotChangeTheDemosAnswer(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "features")
	if out, err := exec.Command("go", "build", "-o", program, "../../examples/features").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	want := runDemo(t, program, nil)
	kills := 0
	got := runDemo(t, program, func(round int) {
		role := "worker"
		if round%4 == 3 {
			role = "endpoint"
		}
		if killOne(t, program, role) {
			kills++
		}
	})
	if got != want {
		t.Errorf("the results differ after %d kills:\n%.500s\n%.500s", kills, want, got)
	}
	if kills < 4 {
		t.Errorf("only %d processes were killed: the run was too short to tell anything", kills)
	}
	t.Logf("%d processes killed", kills)
}

// runDemo runs the program, with disturb called every 300 ms, and returns its results
// without the times.
func runDemo(t *testing.T, program string, disturb func(round int)) string {
	t.Helper()
	home, out := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-n", "2000", "-out", out)
	cmd.Env = demoEnv(home)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for round := 0; ; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			return resultsOf(t, filepath.Join(out, "results.json"))
		case <-tick.C:
			if disturb != nil && round < 12 {
				disturb(round)
				round++
			}
		}
	}
}

// demoEnv is the environment of a user who has configured nothing.
func demoEnv(home string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "STARBURST_") {
			env = append(env, kv)
		}
	}
	return append(env, "XDG_STATE_HOME="+home)
}

func resultsOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	kept := map[string]any{"summary": all["summary"], "results": all["results"]}
	if kept["summary"] == nil || kept["results"] == nil {
		t.Fatalf("%s has no summary or no results", path)
	}
	b, err = json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// killOne kills one process of the program that has the role, and reports whether there was one.
// The program's file is this test's own, so that no other process can be met.
func killOne(t *testing.T, program, role string) bool {
	t.Helper()
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range exes {
		if target, err := os.Readlink(exe); err != nil || target != program {
			continue
		}
		dir := filepath.Dir(exe)
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !strings.Contains(string(env), "STARBURST_ROLE="+role) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			t.Fatal(err)
		}
		return syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	return false
}
