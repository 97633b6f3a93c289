package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/exit"
)

// cpus is the default that is the number of processors.
var cpus = regexp.MustCompile(`most worker processes \(default: \d+\)`)

// updateGolden is true when the files that tests compare with are to be written: make golden.
func updateGolden() bool { return os.Getenv("STARBURST_UPDATE_GOLDEN") != "" }

// sameAsFile holds a text to a file of the repository.
func sameAsFile(t *testing.T, path, got string) {
	t.Helper()
	if updateGolden() {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what the program says; make golden writes it anew:\n%s", path, d)
	}
}

// defaultsOfThisMachine are defaults that differ from machine to machine.
func defaultsOfThisMachine(t *testing.T, text string) string {
	t.Helper()
	return cpus.ReplaceAllString(text, "most worker processes (default: N)")
}

func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	got := starburst(t.Context(), "", "help", "--all")
	if got.code != exit.OK || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	dir := filepath.Join("testdata", "golden", "help")
	if updateGolden() {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.TrimPrefix(got.stdout, "==> "), "\n==> ") {
		name, text, _ := strings.Cut(part, "\n")
		file := strings.ReplaceAll(name, " ", "-") + ".txt"
		seen[file] = true
		sameAsFile(t, filepath.Join(dir, file), strings.TrimRight(defaultsOfThisMachine(t, text), "\n")+"\n")
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !strings.ContainsAny(line, `'"`) && !strings.Contains(line, "https://") {
				t.Errorf("%s: a line of %d characters: %s", name, n, line)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(seen) || len(seen) < 50 {
		t.Errorf("%d files for %d help texts: %v", len(files), len(seen), err)
	}
}

// --help, -h and help say the same, wherever they stand, and --help of a program that is run is that program's.
func TestWaysToAskForHelp(t *testing.T) {
	t.Parallel()
	same := func(want string, ways ...string) {
		t.Helper()
		for _, way := range ways {
			if got := starburst(t.Context(), "", strings.Fields(way)...); got.code != exit.OK || got.stdout != want || got.stderr != "" {
				t.Errorf("%q: %+v", way, got)
			}
		}
	}
	same(starburst(t.Context(), "", "help", "dlq", "redrive").stdout, "dlq redrive --help", "dlq redrive -h", "--help dlq redrive", "dlq redrive x --help")
	same(starburst(t.Context(), "", "help").stdout, "--help", "-h", "")
	same(starburst(t.Context(), "", "help", "dlq").stdout, "dlq")
	same(starburst(t.Context(), "", "help", "run").stdout, "run --help", "run --range 1:2 --help")
	same(starburst(t.Context(), "", "exit-codes").stdout, "exit-codes")
	if got := starburst(t.Context(), "", "run", "--", "echo", "--help", "{}", ":::", "x"); got.stdout != "--help x\n" {
		t.Errorf("%+v", got)
	}
}

func TestTheReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	got := starburst(t.Context(), "", "help", "--markdown")
	sameAsFile(t, filepath.Join("..", "..", "docs", "commands.md"), defaultsOfThisMachine(t, got.stdout))
}

// The manual page is one that man's programs, where they are on this machine, have nothing to say against.
func TestTheManualPage(t *testing.T) {
	t.Parallel()
	page := starburst(t.Context(), "", "man").stdout
	if !strings.HasPrefix(page, `.TH "STARBURST" "1"`) || !strings.Contains(page, `.SS "starburst dlq redrive"`) {
		t.Fatalf("%.200s", page)
	}
	for _, argv := range [][]string{{"groff", "-man", "-Tutf8", "-ww", "-z"}, {"mandoc", "-T", "lint", "-W", "warning"}} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			t.Logf("%s is not here", argv[0])
			continue
		}
		cmd := exec.CommandContext(t.Context(), path, argv[1:]...)
		cmd.Stdin = strings.NewReader(page)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // what it prints is what counts: mandoc also wants a date, which the page leaves out to be the same every day
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, "missing date") {
				t.Errorf("%v: %s", argv, line)
			}
		}
	}
}
