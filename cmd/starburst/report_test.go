package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestTheReportOfAJob(t *testing.T) {
	privatePrices(t)
	startDev(t, "sh", "-c", "[ {} != 7 ] || { echo '<script>no</script>' >&2; exit 1; }; echo r{}")
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:20", "--attempts", "1", "--job", "one", "--wait"); sub.code != exit.TasksFail {
		t.Fatalf("submit: %+v", sub)
	}
	dir := t.TempDir()
	for name, want := range map[string][]string{
		"r.html": {"<!DOCTYPE html>", "20: 19 ok, 1 failed, 0 left", "starburst retry one --failed", "&lt;script&gt;no", "Each worker", "The bill", "prefers-color-scheme:dark"},
		"r.md":   {"# exec: job one", "20: 19 ok, 1 failed, 0 left", "    starburst retry one --failed", "&lt;script\\>no", "## The bill"},
		"r.svg":  {"<svg", "Tasks a second", "</svg>"},
	} {
		file := filepath.Join(dir, name)
		out := starburst(t.Context(), "", "report", "one", "-o", file)
		text, err := os.ReadFile(file)
		if err != nil || out.code != exit.OK || out.stdout != file+"\n" {
			t.Fatalf("%s: %v %+v", name, err, out)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
		if strings.Contains(string(text), "<script") {
			t.Errorf("%s has a script", name)
		}
	}
	if out := starburst(t.Context(), "", "report", "one", "-o", "-", "--format", "md"); out.code != exit.OK || !strings.HasPrefix(out.stdout, "# exec: job one") {
		t.Errorf("to standard output: %+v", out)
	}
	for want, args := range map[exit.Code][]string{
		exit.Usage:    {"report", "one", "-o", filepath.Join(dir, "r.pdf")},
		exit.NotFound: {"report", "nosuch", "-o", filepath.Join(dir, "none.html")},
	} {
		if out := starburst(t.Context(), "", args...); out.code != want || !strings.Contains(out.stderr, "try:") {
			t.Errorf("%v: %+v", args, out)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("files %v, %v; want the three that were asked for", files, err)
	}
}

func TestARunWritesItsReport(t *testing.T) {
	privatePrices(t)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "run.html")
	out := starburst(t.Context(), "", "run", "--report", file, "--range", "1:20", "--", "echo", "r{}")
	page, err := os.ReadFile(file)
	if err != nil || out.code != exit.OK || strings.Count(out.stdout, "\n") != 20 || !strings.Contains(string(page), "20: 20 ok, 0 failed, 0 left") {
		t.Errorf("%v: %+v", err, out)
	}
	// What a run says beside its results: how it ended, and what it cost.
	if lines := strings.Split(strings.TrimSpace(out.stderr), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "exec: 20 tasks done in ") || !strings.HasPrefix(lines[1], "report: "+file+", cost $") {
		t.Errorf("it says %q", out.stderr)
	}
	for _, args := range [][]string{{"run", "--report", "run.pdf", "--", "echo", "{}"}, {"submit", "exec", "--report", file, "--range", "1:2"}} {
		if got := starburst(t.Context(), "", args...); got.code != exit.Usage || !strings.Contains(got.stderr, "try:") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
