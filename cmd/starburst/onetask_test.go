package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// One task is sent, waited for, and its job extended, looked at and removed, with what it has in the bucket.
func TestOneTaskFromItsBeginningToItsEnd(t *testing.T) {
	startDevWith(t, []string{"--workers", "1"}, "sh", "-c", `[ "$0" != slow ] || sleep 20`, "{}")
	id := must(t, "enqueue", "exec", "--data", `"small"`)
	if again := starburst(t.Context(), "", "results", "--id", strings.TrimSpace(id), "--wait"); again.code != exit.OK || !strings.Contains(again.stdout, `"ok":true`) {
		t.Errorf("the result of one task: %+v", again)
	}
	first := starburst(t.Context(), `"x"`, "enqueue", "exec", "--data", "-", "--id", "mine", "--wait", "-o", "text")
	if first.code != exit.OK {
		t.Errorf("enqueue --wait: %+v", first)
	}
	if second := starburst(t.Context(), "", "enqueue", "exec", "--id", "mine"); second.code != exit.Usage || !strings.Contains(second.stderr, "a result under the id") {
		t.Errorf("an id that is used up: %+v", second)
	}

	// Noise that no message can hold goes through the bucket. No program takes such an argument, so the task fails.
	noise, rnd := make([]byte, 1<<20-100), rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(noise) // never fails
	for i, b := range noise {
		noise[i] = '#' + b%90
		if noise[i] == '\\' {
			noise[i] = '!'
		}
	}
	large := writeFile(t, "large.json", `"`+string(noise)+`"`)
	if got := starburst(t.Context(), "", "enqueue", "exec", "--data", "@"+large, "--job", "big", "--attempts", "1"); got.code != exit.OK || got.stdout != "big\n" {
		t.Fatalf("a job of one large task: %+v", got)
	}
	if got := starburst(t.Context(), "", "wait", "big", "--timeout", "1m", "-o", "csv"); !strings.HasPrefix(got.stdout, "job,state,tasks,ok,failed,missing\nbig,done,1,") {
		t.Errorf("wait: %+v", got)
	}
	if got := must(t, "jobs", "extend", "big", "--for", "60d"); !strings.Contains(got, "is kept until") {
		t.Errorf("extend: %s", got)
	}
	counted := items[removedJob](t, "starburst.removed/v1", must(t, "jobs", "rm", "big", "--dry-run", "-o", "json"))
	if len(counted) != 1 || counted[0].Removed || counted[0].Objects == 0 || counted[0].Results == 0 {
		t.Errorf("dry run: %+v", counted)
	}
	if got := starburst(t.Context(), "y\n", "jobs", "rm", "big"); got.code != exit.Refused || !strings.Contains(got.stderr, "nobody is there") {
		t.Errorf("without a terminal: %+v", got)
	}
	removed := items[removedJob](t, "starburst.removed/v1", must(t, "jobs", "rm", "big", "--yes", "-o", "json"))
	if len(removed) != 1 || !removed[0].Removed || removed[0].Holdings != counted[0].Holdings {
		t.Errorf("removed %+v, counted %+v", removed, counted)
	}
	for _, gone := range [][]string{{"jobs", "show", "big"}, {"jobs", "rm", "big", "--yes"}, {"wait", "big"}, {"tasks", "ls", "big"}, {"logs", "big"}} {
		if got := starburst(t.Context(), "", gone...); got.code != exit.NotFound {
			t.Errorf("%v of a job that was removed: %+v", gone, got)
		}
	}

	// A job that runs is not removed before it is cancelled.
	must(t, "enqueue", "exec", "--data", `"slow"`, "--job", "stuck")
	if got := starburst(t.Context(), "", "wait", "stuck", "--timeout", "1s"); got.code != exit.TimedOut {
		t.Errorf("a wait that is too long: %+v", got)
	}
	if got := starburst(t.Context(), "", "jobs", "rm", "stuck", "--yes"); got.code != exit.Refused || !strings.Contains(got.stderr, "still runs") {
		t.Errorf("a job that runs: %+v", got)
	}
	if got := starburst(t.Context(), "", "cancel", "stuck"); got.code != exit.OK {
		t.Errorf("cancel: %+v", got)
	}
	if got := starburst(t.Context(), "", "jobs", "rm", "stuck", "--yes"); got.code != exit.OK || !strings.Contains(got.stderr, "never run") {
		t.Errorf("a job that was cancelled: %+v", got)
	}
}
