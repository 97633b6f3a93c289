package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// TestTypicalMistakes holds what people get to read, and the exit code, to testdata/golden/mistakes.txt: what happened, why, what
// to try. All run at once, without a stack, in a folder with two input files.
func TestTypicalMistakes(t *testing.T) {
	t.Parallel()
	dir, config := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"broken.jsonl": "{\"a\":1}\n{\"a\":\n", "short.csv": "a,b\n1,2\n3\n",
		"wrong/starburst.toml": "workers = 2\nquue_url = \"q\"\n", "secret/starburst.toml": "aws_secret_access_key = \"x\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nobody := "http://" + deadAddress(t)
	gone := []string{"STARBURST_LOCAL=" + nobody, "STARBURST_QUEUE_URL=" + nobody + "/q", "STARBURST_TABLE=t", "AWS_MAX_ATTEMPTS=1"}
	cases := []struct {
		in   string // folder
		env  []string
		args string
	}{
		{args: "stauts"},
		{args: "frobnicate"},
		{args: "dlq redrvie"},
		{args: "help stauts"},
		{args: "help dlq shwo"},
		{args: "results --ouptut csv JOB"},
		{args: "results --frobnicate JOB"},
		{args: "--colour never status"},
		{args: "results JOB --output"},
		{args: "run --workers many --range 1:2 -- echo"},
		{args: "results"},
		{args: "results A B"},
		{args: "jobs rm"},
		{args: "jobs rm JOB"},
		{args: "jobs ls -o yaml"},
		{args: "jobs ls --columns job,colour"},
		{args: "status JOB"},
		{args: "submit exec --range 1:3"},
		{args: "submit exec"},
		{args: "submit exec --range 1:3 --grid a=1"},
		{args: "run --range 1:2"},
		{args: "run --range 1:x -- echo"},
		{args: "run --input nowhere.jsonl -- echo"},
		{args: "run --input broken.jsonl -- echo"},
		{args: "run --input short.csv -- echo"},
		{args: "run --range 1:2 --attempts 0 -- echo"},
		{args: "run --range 1:2 --max-cost lots -- echo"},
		{args: "status JOB", env: gone},
		{args: "--profile prod status"},
		{args: "status", in: "wrong"},
		{args: "status", in: "secret"},
		{args: "config get stak"},
		{args: "config get stack"},
		{args: "config set stack"},
		{args: "config set workers many"},
		{args: "completion tcsh"},
		{args: "prices shwo"},
		{args: "plan --range 1:3 exec extra"},
		{args: "worker"},
	}
	transcripts := make([]string, len(cases))
	var wg sync.WaitGroup
	for i, c := range cases {
		wg.Go(func() {
			cmd := process(t.Context(), strings.Fields(c.args)...)
			cmd.Dir = filepath.Join(dir, c.in)
			cmd.Env = append(append(cmd.Env, "XDG_CONFIG_HOME="+config), c.env...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // its code is part of what is compared
			text := strings.NewReplacer(nobody, "http://127.0.0.1:1", strings.TrimPrefix(nobody, "http://"), "127.0.0.1:1", config, "CONFIG").Replace(stderr.String())
			if stdout.Len() > 0 {
				text += "(and on standard output: " + stdout.String() + ")\n"
			}
			if code := exit.Code(cmd.ProcessState.ExitCode()); code != exit.OK && !strings.HasPrefix(text, "error: ") || strings.Count(text, "\ntry:   ") != 1 {
				t.Errorf("starburst %s: what happened and what to try are not said:\n%s", c.args, text)
			}
			transcripts[i] = fmt.Sprintf("$ starburst %s\n%s[%d]\n", c.args, text, cmd.ProcessState.ExitCode())
		})
	}
	wg.Wait()
	sameAsFile(t, filepath.Join("testdata", "golden", "mistakes.txt"), strings.Join(transcripts, "\n"))
}

// deadAddress is one of this machine at which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// --debug shows the chain of an error, after the three lines, and never without being asked.
func TestDebugShowsWhatIsInside(t *testing.T) {
	t.Parallel()
	plain := starburst(t.Context(), "", "run", "--range", "1:x", "--", "echo")
	debug := starburst(t.Context(), "", "run", "--range", "1:x", "--debug", "--", "echo")
	inside, ok := strings.CutPrefix(debug.stderr, plain.stderr)
	if !ok || debug.code != plain.code || !strings.HasPrefix(inside, "debug: *exit.Error: ") || !strings.Contains(inside, "\ndebug:   *fmt.wrapError: ") {
		t.Errorf("%s\nand with --debug\n%s", plain.stderr, debug.stderr)
	}
}
