package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/joblog"
)

func TestRunGivesProgramsTheirTasks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		stdin  string
		stdout string
	}{
		{"fields and numbers", []string{"--input", "-", "--", "echo", "{.city.name}", "{index}", "{#}"}, `{"city":{"name":"San José"}}`, "San José 0 1\n"},
		{"JSON in and out", []string{"--input", "-", "--stdin", "json", "--result", "json", "-o", "jsonl", "--", "cat"}, `{"a":[1,2.5,null]}`, `{"index":0,"ok":true,"result":{"a":[1,2.5,null]}}` + "\n"},
		{"a result in a file", []string{"--range", "7:7", "--", "sh", "-c", `echo noise; echo "$STARBURST_ATTEMPT {}" >"$STARBURST_OUTPUT"`}, "", "1 7\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := starburst(t.Context(), c.stdin, append([]string{"run", "--state", "exec", "-w", "1"}, c.args...)...)
			if out.code != exit.OK || out.stdout != c.stdout {
				t.Errorf("got %+v, want %q", out, c.stdout)
			}
		})
	}
}

func TestRunTriesAgainUnlessToldNotTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := starburst(t.Context(), "", "run", "--state", "again", "-w", "1", "--retries", "2", "--", "sh", "-c",
		`echo x >>"$0/{}"; exit {}`, dir, ":::", "0", "65", "75", "3")
	if out.code != exit.TasksFail {
		t.Errorf("exit %d: %s", out.code, out.stderr)
	}
	for status, runs := range map[string]int{"0": 1, "65": 1, "75": 2, "3": 2} {
		b, err := os.ReadFile(filepath.Join(dir, status))
		if got := strings.Count(string(b), "x"); err != nil || got != runs {
			t.Errorf("exit status %s: %d runs, want %d; %v", status, got, runs, err)
		}
	}
}

// What is in the log is passed over, and keeps its number.
func TestRunResumes(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	run := func(args ...string) output {
		return starburst(t.Context(), "", append([]string{"run", "--state", "resume", "-w", "1", "--retries", "1", "--joblog", log}, args...)...)
	}
	entries := func() map[int]int {
		all, err := joblog.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		exits := map[int]int{}
		for seq, e := range all {
			exits[seq] = e.Exit
		}
		return exits
	}
	if out := run("--range", "1:3", "--", "sh", "-c", "echo {}; [ {} != 2 ]"); out.code != exit.TasksFail || out.stdout != "1\n3\n" {
		t.Errorf("first: %+v", out)
	}
	if d := cmp.Diff(map[int]int{1: 0, 2: 1, 3: 0}, entries()); d != "" {
		t.Error(d)
	}
	if out := run("--resume", "--range", "1:4", "--", "echo", "{#}"); out.code != exit.OK || out.stdout != "4\n" {
		t.Errorf("--resume: %+v", out)
	}
	if out := run("--resume-failed", "--range", "1:5", "--", "echo", "{#}"); out.code != exit.OK || out.stdout != "2\n5\n" {
		t.Errorf("--resume-failed: %+v", out)
	}
	if d := cmp.Diff(map[int]int{1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, entries()); d != "" {
		t.Error(d)
	}
	if out := run("--range", "1:1", "--", "echo"); out.code != exit.OK || len(entries()) != 1 {
		t.Errorf("a log is begun anew without --resume: %+v, %v", out, entries())
	}
}

func TestRunHalts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		halt, script string
		code         exit.Code
		stdout       string
		kept         int
	}{
		// The first one or two end; the others would take for ever.
		{"now,fail=1", "[ {} = 1 ] && exit 1; sleep 1000", exit.TasksFail, "", 4},
		{"now,success=1", "[ {} = 1 ] || sleep 1000; echo {}", exit.OK, "1\n", 4},
		{"now,success=1", "[ {} = 1 ] && exit 1; [ {} = 2 ] || sleep 1000; echo {}", exit.OK, "2\n", 3},
	} {
		t.Run(c.halt+" "+c.stdout, func(t *testing.T) {
			t.Parallel()
			out := starburst(t.Context(), "", "run", "--state", "halt", "-w", "1", "--slots", "2", "--retries", "1", "--chunk", "1", "--halt", c.halt, "--range", "1:5", "--", "sh", "-c", c.script)
			want := fmt.Sprintf("--halt %s was reached: %d of 5 tasks were not run to their end", c.halt, c.kept)
			if out.code != c.code || out.stdout != c.stdout || !strings.Contains(out.stderr, want) {
				t.Errorf("got %+v", out)
			}
		})
	}
}

func TestRunsTimeLimitIsInSeconds(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	out := starburst(t.Context(), "", "run", "--state", "limit", "--retries", "1", "--timeout", "0.2", "--joblog", log, "--", "sleep", "1000{}", ":::", "0")
	if out.code != exit.TasksFail || !strings.Contains(out.stderr, "time limit has passed (200ms)") {
		t.Errorf("got %+v", out)
	}
	all, err := joblog.ReadFile(log)
	if e := all[1]; err != nil || e.Exit != noExit || e.Signal != sigTerm {
		t.Errorf("logged %+v, %v", e, err)
	}
}

func TestWrongFlagsOfProgramsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--halt", "later", "--range", "1:2", "--", "echo"}, `--halt: "later"`},
		{[]string{"run", "--resume", "--range", "1:2", "--", "echo"}, "--joblog FILE"},
		{[]string{"run", "--timeout", "soon", "--range", "1:2", "--", "echo"}, `--timeout "soon"`},
		{[]string{"run", "--stdin", "xml", "--range", "1:2", "--", "echo"}, `"xml" is not one of text, json, msgpack`},
		{[]string{"run", "--memory", "much", "--range", "1:2", "--", "echo"}, `--memory: "much"`},
		{[]string{"run", "--range", "1:2", "--", "there is no such | program"}, "starburst run -- sh -c 'COMMAND'"},
		{[]string{"run", "--range", "1:2", "--", "echo {} | wc -c"}, "is a whole command line"},
		{[]string{"run", "-j", "2", "--range", "1:2", "--", "./there-is-no-such-program"}, "no such file"},
		{[]string{"worker", "--serve", "a 'b"}, "ends inside a quote"},
		{[]string{"worker", "--serve", "a", "--exec"}, "exclude each other"},
		{[]string{"worker", "--serve", "there-is-no-such-program"}, "executable file not found"},
		{[]string{"worker", "--selftest"}, "no program was given"},
	} {
		out := starburst(t.Context(), "", c.args...)
		if out.code != exit.Usage && out.code != exit.Failed || !strings.Contains(out.stderr, c.want) {
			t.Errorf("%v: %d %s", c.args, out.code, out.stderr)
		}
	}
}

// saysHello is a child in the shell: it has the handlers f and g, and ends at the first frame.
const saysHello = `printf '\000\000\000\032\203\241\164\245\150\145\154\154\157\241\166\001\250\150\141\156\144\154\145\162\163\222\241\147\241\146' >&4; head -c 4 <&3 >/dev/null`

func TestAWorkerNamesItsChildrensHandlers(t *testing.T) {
	t.Parallel()
	cmd := process(t.Context(), "worker", "--serve", "sh "+writeFile(t, "child.sh", saysHello))
	cmd.Env = append(cmd.Env, "STARBURST_ROLE=handlers")
	out, err := cmd.Output()
	if err != nil || string(out) != `["f","g"]`+"\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestAWorkerWhoseChildrenDieSaysWhyAndEnds(t *testing.T) {
	t.Parallel()
	out := starburst(t.Context(), "", "worker", "--serve", "sh "+writeFile(t, "child.sh", "echo 'no module named numpy' >&2; exit 3"))
	want := "5 children in a row died without finishing a task, the last one: the child ended: exit status 3: no module named numpy"
	if out.code != exit.Failed || !strings.Contains(out.stderr, want) {
		t.Errorf("got %d %s", out.code, out.stderr)
	}
}
