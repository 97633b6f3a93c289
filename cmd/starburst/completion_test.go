package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// The script of bash, called as bash calls it, with this program as starburst on the path.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	startDev(t, "sh", "-c", "echo {}")
	if got := starburst(t.Context(), "", "submit", "exec", "--range", "1:2", "--job", "night-run", "--wait"); got.code != exit.OK {
		t.Fatalf("%+v", got)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "starburst")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tasks.jsonl", "table.csv"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"starburst stat":                   "status",
		"starburst dlq re":                 "redrive",
		"starburst results --ou":           "--output",
		"starburst results -o c":           "csv",
		"starburst --color = al":           "always",
		"starburst results nig":            "night-run",
		"starburst results ":               "night-run",
		"starburst jobs show n":            "night-run",
		"starburst submit exec --input ta": "table.csv tasks.jsonl",
		"starburst run -- ta":              "table.csv tasks.jsonl",
		"starburst completion z":           "zsh",
		"starburst help exit":              "exit-codes",
		"starburst nothing x":              "",
	} {
		words := strings.Split(line, " ")
		script := `source <(starburst completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"
_starburst "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' '`
		cmd := exec.CommandContext(t.Context(), bash, append([]string{"--norc", "-c", script, "bash"}, words...)...)
		cmd.Dir = bin
		cmd.Env = append(os.Environ(), envMain+"=1", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q is completed to %q, %v; want %q", line, got, err, want)
		}
	}
	// A mistyped id is answered with the one that was meant.
	if got := starburst(t.Context(), "", "results", "nigth-run"); got.code != exit.NotFound || !strings.Contains(got.stderr, "did you mean: starburst results night-run") {
		t.Errorf("%+v", got)
	}
}

// Without a stack, and whatever is wrong, completion is silent and quick to give up.
func TestCompletionIsSilent(t *testing.T) {
	t.Parallel()
	got := starburst(t.Context(), "", "__complete", "--typed=", "--", "results")
	if got.code != exit.OK || got.stdout != "" || got.stderr != "" {
		t.Errorf("%+v", got)
	}
}
