package main

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/view"
)

func TestRunPrintsResultsInOrder(t *testing.T) {
	t.Parallel()
	csv := writeFile(t, "cities.csv", "city,pop\nOslo,709037\n\"San José\",342188\n")
	cases := []struct {
		name   string
		args   []string
		stdin  string
		stdout string
	}{
		{"words", []string{"run", "--", "echo", "hello", "{}", ":::", "Ada", "Grace B."}, "", "hello Ada\nhello Grace B.\n"},
		{"a range, appended without {}", []string{"run", "--range", "3:9:3", "--", "echo", "n"}, "", "n 3\nn 6\nn 9\n"},
		{"a grid", []string{"run", "--grid", "lr=0.1,0.01", "--grid", "depth=2,4", "--", "echo"}, "",
			"{\"lr\":0.1,\"depth\":2}\n{\"lr\":0.1,\"depth\":4}\n{\"lr\":0.01,\"depth\":2}\n{\"lr\":0.01,\"depth\":4}\n"},
		{"a CSV file", []string{"run", "--input", csv, "--", "echo"}, "", "{\"city\":\"Oslo\",\"pop\":709037}\n{\"city\":\"San José\",\"pop\":342188}\n"},
		{"JSON lines from standard input", []string{"run", "--input", "-", "--", "echo"}, "\"a b\"\n\n7\n[1,2.5,null]\n", "a b\n7\n[1,2.5,null]\n"},
		{"lines from standard input", []string{"run", "--input", "-", "--format", "lines", "--", "echo"}, "x y\n$HOME\n", "x y\n$HOME\n"},
		{"JSON lines out", []string{"run", "-o", "jsonl", "--range", "1:2", "--", "echo"}, "",
			"{\"index\":0,\"ok\":true,\"result\":\"1\"}\n{\"index\":1,\"ok\":true,\"result\":\"2\"}\n"},
		{"CSV out", []string{"run", "-o", "csv", "--range", "1:2", "--", "echo", "a,b"}, "", "index,ok,result,error\n0,true,\"a,b 1\",\n1,true,\"a,b 2\",\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := starburst(t.Context(), c.stdin, append([]string{c.args[0], "--state", "order"}, c.args[1:]...)...)
			if out.code != exit.OK {
				t.Fatalf("exit %d: %s", out.code, out.stderr)
			}
			if diff := cmp.Diff(c.stdout, out.stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunReportsFailedTasks(t *testing.T) {
	t.Parallel()
	out := starburst(t.Context(), "", "run", "--state", "fail", "--attempts", "1", "--range", "1:4", "--", "sh", "-c",
		`[ {} != 3 ] || { echo "no threes" >&2; exit 7; }; echo ok {}`)
	if out.code != exit.TasksFail {
		t.Errorf("exit %d, want %d", out.code, exit.TasksFail)
	}
	if out.stdout != "ok 1\nok 2\nok 4\n" {
		t.Errorf("stdout %q: the good results are to be there", out.stdout)
	}
	for _, want := range []string{"task 2 failed", "exit status 7", "no threes", "1 of 4 tasks"} {
		if !strings.Contains(out.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, out.stderr)
		}
	}
}

func TestInterruptKeepsTheJobAndSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The first result interrupts the run.
	first := process(ctx, "run", "--state", "interrupted", "--chunk", "1", "--range", "1:200", "--", "sh", "-c", "sleep 0.03; echo {}")
	var stderr bytes.Buffer
	first.Stdout, first.Stderr = writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }), &stderr
	_ = first.Run()
	out := output{code: exit.Code(first.ProcessState.ExitCode()), stderr: stderr.String()}
	if out.code != exit.Interrupt {
		t.Fatalf("exit %d, want %d: %s", out.code, exit.Interrupt, out.stderr)
	}
	m := regexp.MustCompile(`try:   starburst attach --state (\S+) -o text (\S+) goes on`).FindStringSubmatch(out.stderr)
	if m == nil {
		t.Fatalf("stderr does not say how to go on:\n%s", out.stderr)
	}
	// A new run under the same name does not wait for the unfinished one.
	other := starburst(t.Context(), "", "run", "--state", "interrupted", "--range", "7:7", "--", "echo")
	if other.code != exit.OK || other.stdout != "7\n" || !strings.Contains(other.stderr, "starburst attach --state interrupted "+m[2]) {
		t.Errorf("a new run beside the unfinished one: %+v", other)
	}
	again := starburst(t.Context(), "", "attach", "--state", m[1], "-o", "text", m[2])
	if again.code != exit.OK {
		t.Fatalf("attach: exit %d: %s", again.code, again.stderr)
	}
	if lines := strings.Split(strings.TrimSpace(again.stdout), "\n"); len(lines) != 200 || lines[0] != "1" || lines[199] != "200" {
		t.Errorf("attach printed %d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestSubmitStatusResults(t *testing.T) {
	startDev(t, "sh", "-c", "[ {} != 7 ] || exit 1; echo r{}")
	in := writeFile(t, "tasks.jsonl", "1\n2\n7\n")
	sub := starburst(t.Context(), "", "submit", "exec", "--input", in, "--attempts", "1", "--job", "j1")
	if sub.code != exit.OK || strings.TrimSpace(sub.stdout) != "j1" {
		t.Fatalf("submit: %+v", sub)
	}
	res := starburst(t.Context(), "", "results", "j1", "--wait")
	if res.code != exit.TasksFail || !strings.HasPrefix(res.stdout, "{\"index\":0,\"ok\":true,\"result\":\"r1\"}\n") {
		t.Errorf("results: %+v", res)
	}
	if csv := starburst(t.Context(), "", "results", "j1", "-o", "csv"); csv.stdout != "index,ok,result,error\n0,true,r1,\n1,true,r2,\n2,false,,exit status 1\n" {
		t.Errorf("results as CSV: %+v", csv)
	}
	if csv := starburst(t.Context(), "", "results", "j1", "--failed", "-o", "csv"); csv.stdout != "index,ok,result,error\n2,false,,exit status 1\n" {
		t.Errorf("failed results as CSV: %+v", csv)
	}
	if failed := starburst(t.Context(), "", "results", "--failed", "j1"); strings.Count(failed.stdout, "\n") != 1 || !strings.Contains(failed.stdout, `"argument":7`) {
		t.Errorf("failed results: %+v", failed)
	}
	st := starburst(t.Context(), "", "status", "-o", "json", "j1")
	var line jobLine
	if err := json.Unmarshal([]byte(st.stdout), &line); err != nil {
		t.Fatalf("status: %v: %+v", err, st)
	}
	if st.code != exit.TasksFail || line.OK != 2 || line.Failed != 1 || line.Missing != 0 || line.State != "done" {
		t.Errorf("status: exit %d, %+v", st.code, line)
	}
	if list := starburst(t.Context(), "", "status"); list.code != exit.OK || !strings.Contains(list.stdout, "j1") {
		t.Errorf("list: %+v", list)
	}

	// Wrong input: one clear error, the exit code, and no half-made job.
	malformed := writeFile(t, "bad.jsonl", "1\n{\"x\":\n")
	empty := writeFile(t, "empty.jsonl", "\n\n")
	large := writeFile(t, "large.jsonl", `"`+strings.Repeat("x", 2<<20)+`"`)
	other := writeFile(t, "other.jsonl", "1\n2\n8\n")
	for _, c := range []struct {
		name, says string
		args       []string
	}{
		{"a file that is not there", "nosuch.jsonl", []string{"exec", "--input", "nosuch.jsonl"}},
		{"a malformed line is named", "bad.jsonl, line 2", []string{"exec", "--input", malformed}},
		{"an empty job", "empty", []string{"exec", "--input", empty}},
		{"a line above the limit", "large.jsonl, line 1", []string{"exec", "--input", large}},
		{"a handler nobody knows", `no worker knows handler "price"`, []string{"price", "--range", "1:3"}},
		{"the same id with other input", `"j1"`, []string{"exec", "--input", other, "--job", "j1"}},
		{"two inputs", "exclude", []string{"exec", "--input", other, "--range", "1:3"}},
		{"no input", "no input", []string{"exec"}},
		{"an unknown flag", "nosuch", []string{"exec", "--nosuch"}},
		{"a job id that cannot be", "a/b", []string{"exec", "--range", "1:2", "--job", "a/b"}},
	} {
		got := starburst(t.Context(), "", append([]string{"submit"}, c.args...)...)
		if got.code != exit.Usage || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "error:") != 1 {
			t.Errorf("%s: exit %d, stderr %q; want 2 and %q", c.name, got.code, got.stderr, c.says)
		}
	}
	if jobs := items[view.JobRow](t, jobsSchema, starburst(t.Context(), "", "status", "-o", "json").stdout); len(jobs) != 1 {
		t.Errorf("%d jobs listed; want the one good job", len(jobs))
	}
	if got := starburst(t.Context(), "", "status", "nosuch"); got.code != exit.NotFound {
		t.Errorf("status of no job: %+v", got)
	}
	// The state is in use.
	if got := starburst(t.Context(), "", "dev", "--port", "0"); got.code != exit.Usage || !strings.Contains(got.stderr, "--state") {
		t.Errorf("a second dev: %+v", got)
	}
}

func TestAPortInUseIsSaid(t *testing.T) {
	t.Parallel()
	l := listen(t)
	got := starburst(t.Context(), "", "dev", "--state", "port", "--port", l)
	if got.code != exit.Usage || !strings.Contains(got.stderr, "--port") || !strings.Contains(got.stderr, l) {
		t.Errorf("dev on a port in use: %+v", got)
	}
}

func TestWithoutAStackItSaysWhatToStart(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, args := range [][]string{{"submit", "exec", "--range", "1:2"}, {"status"}, {"results", "j"}} {
		got := starburst(t.Context(), "", args...)
		if got.code != exit.NotFound || !strings.Contains(got.stderr, "starburst dev") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestACommandThatCannotRun(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"run", "--range", "1:2", "--", "/no/such/program"}, {"run", "--range", "1:2"}, {"run", "--", "echo"},
		{"run", "-o", "xml", "--range", "1:2", "--", "echo"}, {"nosuch"}, {"worker", "--", "echo"}, {"init"},
		{"dev", "--state", "x", "--port", "0", "--", "echo", "not a worker"},
	} {
		if got := starburst(t.Context(), "", args...); got.code != exit.Usage {
			t.Errorf("%v: exit %d, want 2: %s", args, got.code, got.stderr)
		}
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
