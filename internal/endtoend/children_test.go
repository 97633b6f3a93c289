//go:build unix

package endtoend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer/child"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// envNeedPython makes a missing python3 a failure.
const envNeedPython = "STARBURST_TEST_PYTHON"

// pythonPool starts children in Python; victim is the file in which one of them tells whom to kill.
func pythonPool(t *testing.T, victim string) *child.Pool {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv(envNeedPython) != "" {
			t.Fatal(err)
		}
		t.Skipf("%v; %s=1 makes this a failure", err, envNeedPython)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	pool, err := child.Start(ctx, child.Config{
		Command: []string{python, "testdata/worker.py"}, Slots: 2, Memory: 200 << 20, Env: append(os.Environ(), "VICTIM="+victim),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close(ctx) })
	return pool
}

// Each thing that a child can do wrong costs an attempt of the task that did it. The worker
// lives, the other tasks are done at their first attempt, and what happened is stored.
func TestTroubleInAChildCostsOnlyItsOwnTask(t *testing.T) {
	t.Parallel()
	victim := filepath.Join(t.TempDir(), "victim")
	pool := pythonPool(t, victim)
	w := newWorld(t, stack.Options{})
	const n = 400
	trouble := map[int]string{17: "wait to be killed", 93: "hang", 94: "eat", 211: "print garbage", 312: "write garbage"}
	if runtime.GOOS != "linux" {
		delete(trouble, 94) // only Linux tells how much memory a process has
	}
	args := make([]any, n)
	for i := range args {
		args[i] = i
		if what := trouble[i]; what != "" {
			args[i] = what
		}
	}
	go killVictims(t.Context(), victim)
	w.work(t, 2, pool.Registry(), nil)
	job := w.submit(t, producer.Spec{Handler: "square", Source: producer.Slice(args), Chunk: 40, MaxAttempts: 2, Timeout: 4 * time.Second}, n)
	for i, s := range w.follow(t, job) {
		what := trouble[i]
		if what != "" && what != "print garbage" {
			checkTrouble(t, what, s)
			continue
		}
		var got []any
		if err := codec.Unmarshal(s.Value, &got); err != nil {
			t.Errorf("task %d: %v, %+v", i, err, s.Failure)
			continue
		}
		want := fmt.Sprint([]any{i * i, 1})
		if what != "" {
			want = fmt.Sprint([]any{what, 1})
		}
		if d := cmp.Diff(want, fmt.Sprint(got)); d != "" {
			t.Errorf("task %d: %s", i, d)
		}
	}
	if err := pool.Err(); err != nil {
		t.Errorf("the worker became unhealthy: %v", err)
	}
}

// checkTrouble compares a stored failure with what the task did.
func checkTrouble(t *testing.T, what string, s store.Settled) {
	t.Helper()
	want := map[string]store.Failure{
		"wait to be killed": {Kind: store.FailDied, Message: "the child ended: out of memory, or killed from outside"},
		"hang":              {Kind: store.FailTimeout, Message: "the task's time limit has passed (4s): the child did not answer the cancel", Stack: "about to hang"},
		"eat":               {Kind: store.FailDied, Message: "out of memory: 2"},
		"write garbage":     {Kind: store.FailDied, Message: `the child broke the worker protocol: "Trac" is not the length of a frame`},
	}[what]
	f := s.Failure
	if f == nil || f.Kind != want.Kind || !strings.HasPrefix(f.Message, want.Message) || !strings.Contains(f.Stack, want.Stack) || f.Attempts != 2 {
		t.Errorf("%s: got %+v", what, f)
	}
}

// killVictims kills the processes whose ids appear in the file, once each.
func killVictims(ctx context.Context, file string) {
	killed := map[int]bool{}
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		for line := range strings.Lines(string(b)) {
			pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
			if err == nil && strings.HasSuffix(line, "\n") && !killed[pid] {
				killed[pid] = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}
