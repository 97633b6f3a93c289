package manual_test

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/manual"
)

// boat is a small command line with all that a description can have.
func boat() manual.Tree {
	return manual.Tree{
		Name: "boat", Usage: "go to sea", Examples: []string{"boat row home    where it came from", "boat help knots"},
		Groups: []manual.Group{
			{Title: "Sail", Commands: []manual.Command{
				{Name: "row", Usage: "row somewhere", Examples: []string{"boat row JOB -o csv"}, Description: "Rows.\nOn and on.\n\n  .as it is \\here\n  'and here\n\nAgain.",
					Flags: []manual.Flag{
						{Names: []string{"output", "o"}, Value: "table|csv|json", Default: "table"},
						{Names: []string{"input"}, Value: "FILE", Usage: "what to read"},
						{Names: []string{"fast"}, Usage: "be quick", Env: []string{"BOAT_FAST"}},
						{Names: []string{"odd"}, Usage: "not shown", Hidden: true},
					}},
				{Name: "crew", Usage: "look at the crew", Commands: []manual.Command{{Name: "ls", Usage: "list it"}, {Name: "pay", Usage: "pay it", Hidden: true}}},
				{Name: "run", Usage: "run a program", Program: true, Flags: []manual.Flag{{Names: []string{"fast"}, Usage: "be quick"}}},
				{Name: "shell", Usage: "a shell's", Choices: []string{"bash", "fish"}, Examples: []string{"boat shell bash|fish"}},
				{Name: "secret", Usage: "nobody sees it", Hidden: true},
			}},
			{Title: "None", Commands: []manual.Command{{Name: "gone", Hidden: true}}},
			{Title: "Read", Commands: []manual.Command{{Name: "help", Usage: "help"}}},
		},
		Globals: []manual.Flag{{Names: []string{"color"}, Value: "auto|never"}, {Names: []string{"debug"}, Usage: "more"}},
		Topics:  []manual.Topic{{Name: "knots", Usage: "how to tie", Text: "Over and under.\n\n  one\n  two\n"}},
		Learn:   "the sea",
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	want := `Go to sea.

Usage:
  boat COMMAND [flags] [arguments]

Examples:
  boat row home  where it came from
  boat help knots

Sail:
  row          row somewhere
  crew         look at the crew
  run          run a program
  shell        a shell's

Read:
  help         help

Flags of every command:
  --color auto|never
  --debug                   more

Topics:
  knots        how to tie

Learn more:
  boat help COMMAND         a command's flags and examples
  boat help TOPIC           one of the pages above
  the sea
`
	if d := cmp.Diff(want, boat().Root()); d != "" {
		t.Error(d)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"row": `boat row: row somewhere

Usage:
  boat row JOB -o csv

Rows. On and on.

  .as it is \here
  'and here

Again.

Flags:
  -o, --output table|csv|json
                            (default: table)
  --input FILE              what to read
  --fast                    be quick [$BOAT_FAST]

Flags of every command: --color --debug
`,
		"crew": `boat crew: look at the crew

Usage:
  boat crew COMMAND [flags] [arguments]

Commands:
  ls           list it

Flags of every command: --color --debug
`,
		"crew pay": "boat crew pay: pay it\n\nUsage:\n  boat crew pay\n\nFlags of every command: --color --debug\n",
		"knots":    "boat help knots: how to tie\n\nOver and under.\n\n  one\n  two\n",
		"nothing":  "",
		"row ls":   "",
	} {
		if d := cmp.Diff(want, boat().Help(strings.Fields(path)...)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

// Whatever the words, no line of wrapped text is wider than the screen unless one word is, and none is lost.
func TestTextFitsTheScreen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zé]{1,30}`), 1, 60).Draw(t, "words")
		help := manual.Tree{Name: "x", Groups: []manual.Group{{Title: "G", Commands: []manual.Command{{
			Name: "c", Description: strings.Join(words, " "), Flags: []manual.Flag{{Names: []string{"f"}, Usage: strings.Join(words, " ")}},
		}}}}}.Help("c")
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Fatalf("%d characters: %s", n, line)
			}
		}
		if got := strings.Join(strings.Fields(help), " "); strings.Count(got, strings.Join(words, " ")) < 2 {
			t.Fatalf("words are lost:\n%s", help)
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"run", "results", "report", "retry", "status", "submit", "jobs", "job", "dlq"}
	for typed, want := range map[string]string{
		"stauts": "status", "sumbit": "submit", "result": "results", "resluts": "results", "rnu": "run", "statu": "status", "re": "", "sub": "submit",
		"xyz": "", "": "", "jobs": "jobs", "jbos": "jobs", "dql": "dlq", "watch": "", "s": "",
	} {
		if got := manual.Nearest(typed, names); got != want {
			t.Errorf("%q is taken for %q; want %q", typed, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string // the last word is the one that is typed
		want string
	}{
		{"", "row crew run shell help"},
		{"r", "row run"},
		{"--color=n r", "row run"},
		{"--color n", "never"},
		{"--color = ", "auto never"},
		{"--color = n", "never"},
		{"--color=n", "--color=never"},
		{"row ", "jobs"},
		{"row x -", "--output --input --fast --color --debug"},
		{"row --o", "--output"},
		{"row -o ", "table csv json"},
		{"row --output=c", "--output=csv"},
		{"row --output c", "csv"},
		{"row --input ", "files"},
		{"row --fast ", "jobs"},
		{"crew ", "ls"},
		{"crew ls ", "files"},
		{"run ", "files"},
		{"run --f", "--fast"},
		{"run ./x --f", "files"},
		{"run -- x", "files"},
		{"shell ", "bash fish"},
		{"shell f", "fish"},
		{"help ", "row crew run shell help knots"},
		{"help k", "knots"},
		{"help row ", ""},
		{"nothing ", ""},
	} {
		words := strings.Split(c.line, " ")
		found := boat().Complete(words[:len(words)-1], words[len(words)-1])
		var got []string
		for _, k := range found.Candidates {
			got = append(got, k.Word)
		}
		if found.Files {
			got = append(got, "files")
		}
		if found.Jobs {
			got = append(got, "jobs")
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q is followed by %q; want %q", c.line, got, c.want)
		}
	}
}

func TestMan(t *testing.T) {
	t.Parallel()
	tree := boat()
	tree.Learn = ".first"
	page := tree.Man()
	for _, want := range []string{".TH \"BOAT\" \"1\"\n", ".SS \"boat row\"", "\n  .as it is \\ehere\n", `\(aqand here`, "\n\\&.first\n", ".SH \"KNOTS\""} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "'") || strings.Contains(line, "secret") || strings.Contains(line, "--odd") {
			t.Errorf("%q", line)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	page := boat().Markdown()
	for _, want := range []string{"- [row](#boat-row): row somewhere\n", "## boat row\n\nRow somewhere.\n\n```\nboat row JOB -o csv\n```\n\nRows. On and on.\n\n```text\n  .as it is \\here\n  'and here\n```\n\nAgain.\n",
		"| `-o, --output table\\|csv\\|json` |  (default: table) |", "### boat crew ls\n", "## knots: how to tie\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") || strings.Contains(page, "pay") {
		t.Error("hidden commands are shown")
	}
}

// The shells that are on this machine take their scripts. PowerShell's is looked at by eye only: braces and quotes in pairs.
func TestScriptsParse(t *testing.T) {
	t.Parallel()
	for shell, args := range map[string][]string{"bash": {"-n"}, "zsh": {"-n"}, "fish": {"--no-execute"}} {
		script, ok := manual.Script(shell)
		if !ok {
			t.Fatalf("no script for %s", shell)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not here", shell)
			continue
		}
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
	script, _ := manual.Script("powershell")
	for _, pair := range []string{"{}", "()", "[]"} {
		if strings.Count(script, pair[:1]) != strings.Count(script, pair[1:]) {
			t.Errorf("powershell: %s are not in pairs", pair)
		}
	}
	for line := range strings.Lines(script) {
		if strings.Count(line, `"`)%2 != 0 {
			t.Errorf("powershell: %s", line)
		}
	}
	if _, ok := manual.Script("tcsh"); ok {
		t.Error("a script for a shell that nobody wrote one for")
	}
}
