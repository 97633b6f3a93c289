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
