package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

// This file runs each example of the help texts, the README and the documents as a shell would, against one `starburst dev`. An
// example that is not run is in notRun, with the reason.

// notRun are examples, by how they begin, that this test does not run, and why.
var notRun = []struct{ begins, why string }{
	{"make ", "a target of the Makefile: CI runs those"},
	{"bin/montecarlo", "make demo runs it"},
	{"eval ", "a line for the user's own shell; TestConfig and the tests of init look at what it prints"},
	{"(cd infra/terraform", "needs AWS: make test-terraform"},
	{"aws ", "needs AWS's command line: make test-languages sends the same message"},
	{"source <(", "a line for the user's own shell: TestCompletionInBash"},
	{"starburst completion zsh >", "writes into the user's folders: TestScriptsParse"},
	{"starburst completion fish >", "the same"},
	{"starburst completion powershell |", "needs PowerShell"},
	{"starburst man | man", "opens a pager: TestTheManualPage"},
	{"starburst man >", "writes into the system's folders"},
	{"starburst init --stack", "needs AWS: make test-terraform"},
	{"starburst init --create", "makes queues wherever the AWS SDK points: the tests of internal/stack"},
	{"starburst codec decode --packed \"$item\"", "the end of a script that needs AWS's command line"},
	{"starburst deploy", "needs AWS: make test-aws-calls"},
	{"starburst doctor", "needs AWS: make test-aws-calls"},
	{"starburst down", "needs AWS: make test-aws-calls"},
	{"starburst image push", "needs a registry: the tests of internal/image have one"},
	{"starburst image build", "builds a program: make test-image"},
	{"starburst prices refresh", "reads AWS's price list: TestPrices has one of its own"},
	{"starburst quota --request", "asks AWS for more"},
	{"starburst dev", "serves until Ctrl-C: this very test has one"},
	{"starburst ui", "serves until Ctrl-C: the page's own tests"},
	{"starburst worker --serve", "works until SIGTERM, and needs a program that speaks the worker protocol: make test-languages"},
	{"starburst worker --selftest", "needs a program that speaks the worker protocol: make test-languages"},
	{"starburst worker", "works until SIGTERM: startDev has one"},
	{"starburst autoscale --max-workers 1000 ", "runs until Ctrl-C; --once, below, is run"},
	{"starburst autoscale --max-workers 100", "runs until Ctrl-C; TestAutoscale"},
	{"starburst logs JOB -f", "follows until Ctrl-C"},
	{"starburst logs --since 10m --worker", "needs a worker's name"},
	{"starburst dlq show", "needs the id of a message: TestDLQ"},
	{"starburst plan --input F.jsonl --handler exec --calibrate 5", "needs a program made with the Go library"},
	{"starburst simulate --scenario all", "takes a minute: make gates"},
	{"starburst bench", "takes longer than a test: make bench"},
	{"starburst attach --state", "needs an interrupted run: TestResume"},
	{"starburst cancel --state", "needs an interrupted run: TestResume"},
	{"starburst retry --failed --state", "needs a run with failures: TestRetry"},
	{"starburst results --id by-hand", "reads what AWS's command line has sent: make first-steps"},
	{"starburst bridge", "is started by the R package: make test-r"},
	{"starburst __complete", "a shell's: TestCompletionInBash"},
}

// runAs says how an example is run whose words stand for others.
var runAs = []struct{ says, means string }{
	{"bin/starburst", "starburst"},
	{"1:10000", "1:12"}, {"1:1000", "1:12"}, {"1:100 ", "1:12 "},
	{"submit HANDLER", "submit exec"}, {"submit simulate", "submit exec"}, {"submit price", "submit exec"}, {"submit square", "submit exec"},
	{"--handler price", "--handler exec"}, {"--id my-id ", "JOB "}, {"JOB|--id ID", "JOB"}, {"jobs rm JOB [JOB...]", "jobs rm --dry-run JOB JOB1"},
	{"enqueue exec --data -", "echo 1 | starburst enqueue exec --data -"},
	{"codec decode [BODY]", "codec decode " + priceBody}, {"codec decode --packed ITEM", "codec decode --packed ASi1L/0gCUkAAIKhZqF4oXSRAQ=="},
	{"codec check FILE.json", "codec check vectors.json"}, {"codec check BODY", "codec check " + priceBody}, {"codec check -", "echo " + priceBody + " | starburst codec check -"},
	{"line|worker|job", "line"}, {"job|wave|worker|line", "line"}, {"table|json|csv", "csv"}, {"go|node|program|python|r", "go"}, {"bash|fish|powershell|zsh", "zsh"},
	// Steps that follow each other: make first-steps runs them as they stand.
	{" --state run squares", " JOB"}, {"watch slow", "watch JOB"}, {"status slow", "status JOB"}, {"results slow", "results JOB"}, {"report slow", "report JOB"}, {"cost slow", "cost JOB"},
	{"strike=80,85,…", "strike=80,85"}, {"years=0.25,0.5,…", "years=0.25,0.5"},
}

// optional is a part of an example that may be left out.
var optional = regexp.MustCompile(`\s*\[(--?\w|flags|[A-Z])[^\]]*\]`)

// endsWith are the exit codes of examples that do not end with 0, by how they begin: JOB has a failed task.
var endsWith = []struct {
	begins string
	code   exit.Code
}{
	{"starburst status JOB", exit.TasksFail}, {"starburst watch JOB", exit.TasksFail}, {"starburst wait JOB", exit.TasksFail},
	{"starburst results JOB", exit.TasksFail}, {"starburst attach JOB", exit.TasksFail}, {"starburst retry JOB --failed --wait", exit.TasksFail},
	{"starburst codec check 'Z3FGbW9YaWhkSkVC'", exit.Usage}, {"starburst dlq purge", exit.Usage}, // wants --yes
	{"starburst cancel JOB", exit.Usage}, // it is over
}

// lasting are examples that change what others look at: they are run one by one, at the end, in this order.
var lasting = []string{"starburst scale pause", "starburst scale set", "starburst scale resume", "starburst dlq redrive", "starburst dlq purge",
	"starburst jobs extend", "starburst retry", "starburst cancel", "starburst jobs rm --dry-run", "starburst jobs rm JOB --dry-run", "starburst jobs rm", "starburst config set"}

// documents are where examples are, beside the help texts, which docs/commands.md has.
var documents = []string{"README.md", "docs/*.md", "clients/*/README.md", "examples/*/README.md"}

// typedLine is a line of a document that a user types.
var typedLine = regexp.MustCompile(`^(bin/\w+|starburst|make|aws|eval|source|echo|\(cd)( |$)`)

// folded is a line that goes on in the next.
var folded = regexp.MustCompile(` \\\n\s*`)

// remark begins behind a command line.
var remark = regexp.MustCompile(` (# |\s).*$`)

// examples finds them: in fences of sh, or of the reference, and in indented blocks.
func examples(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{} // the line, and its document
	for _, pattern := range documents {
		files, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fence, open := "", false
			for line := range strings.SplitSeq(folded.ReplaceAllString(string(text), " "), "\n") {
				if kind, ok := strings.CutPrefix(line, "```"); ok {
					fence, open = kind, !open
					continue
				}
				indented, ok := strings.CutPrefix(line, "    ")
				switch {
				case open && fence != "sh" && !(fence == "" && strings.HasSuffix(file, "commands.md")):
					continue
				case open:
				case ok:
					line = indented
				default:
					continue
				}
				if line = remark.ReplaceAllString(line, ""); typedLine.MatchString(line) && !strings.Contains(line, " COMMAND [flags]") {
					found[line] = file
				}
			}
		}
	}
	return found
}

// folder makes one with what the examples name, and a starburst to be found on the path.
func exampleFolder(t *testing.T) (dir, bin string) {
	t.Helper()
	dir, bin = t.TempDir(), t.TempDir()
	script := func(body string) string { return "#!/bin/sh\n" + body + "\n" }
	vectors, err := os.ReadFile(filepath.Join("..", "..", "codec", "testdata", "vectors", "valid.json"))
	if err != nil {
		vectors = []byte("[]")
	}
	for name, text := range map[string]string{
		"simulate.sh": script(`[ "$1" = 18 ] && exit 65; echo "simulated $1"`), "program": script(`echo "$1"`), "convert.sh": script(`echo "converted $1"`),
		"price": script(`cat >/dev/null; echo 1.5`), "price.py": "cat >/dev/null; echo 1.5\n", "forecast.py": "echo \"forecast $*\"\n", "next-step.sh": script("true"),
		"tasks.jsonl": "1\n2\n", "F.jsonl": "1\n2\n3\n4\n5\n6\n", "options.jsonl": "{\"strike\":80,\"years\":1}\n", "options.csv": "strike,years\n80,1\n",
		"cities.csv": "city,population\nUlm,126000\n", "list.txt": "a\nb\n", "task.json": "[1]", "vectors.json": string(vectors),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// python3 runs the scripts above, and jq looks for the last name of its path: the test needs neither.
	for name, text := range map[string]string{"python3": script(`exec sh "$@"`), "jq": script(`grep -q "\"${1##*.}\""`)} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "starburst")); err != nil {
		t.Fatal(err)
	}
	return dir, bin
}

func TestExamples(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	all := examples(t)
	dir, bin := exampleFolder(t)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv(envMain, "1")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Chdir(dir)
	if got := starburst(t.Context(), "", "config", "set", "slots", "1", "--profile", "test"); got.code != exit.OK {
		t.Fatalf("%+v", got)
	}
	startDevWith(t, []string{"--vcpu-quota", "20"}, filepath.Join(dir, "simulate.sh"), "{}")
	for _, args := range [][]string{{"--job", "JOB", "--range", "1:20"}, {"--job", "JOB1", "--range", "1:2"}, {"--job", "JOB2", "--range", "1:2"}} {
		if got := starburst(t.Context(), "", append([]string{"submit", "exec", "--wait"}, args...)...); got.code != exit.OK && got.code != exit.TasksFail {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	used := map[string]bool{}
	var wg sync.WaitGroup
	places := make(chan struct{}, 4)
	last := map[string]string{}
	ran := 0
	for line, file := range all {
		means := inWords(line)
		if why := reasonNotToRun(means, used); why != "" {
			continue
		}
		ran++
		if i := lastingIndex(means); i >= 0 {
			last[means] = file
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			tryExample(t, bash, means, file)
		})
	}
	wg.Wait()
	for _, begins := range lasting {
		for means, file := range last {
			if strings.HasPrefix(means, begins) {
				tryExample(t, bash, means, file)
				delete(last, means)
			}
		}
	}
	for _, n := range notRun {
		if !used[n.begins] && n.begins != "starburst bridge" && n.begins != "starburst __complete" {
			t.Errorf("no example begins with %q any more", n.begins)
		}
	}
	t.Logf("%d of %d examples were run", ran, len(all))
	if ran < 60 {
		t.Errorf("%d examples were run: they are not found", ran)
	}
}

// inWords is an example with the words that stand for others replaced.
func inWords(line string) string {
	for _, r := range runAs {
		line = strings.ReplaceAll(line, r.says, r.means)
	}
	line = optional.ReplaceAllString(line, "")
	return strings.ReplaceAll(line, "starburst echo ", "echo ")
}

func reasonNotToRun(line string, used map[string]bool) string {
	for _, n := range notRun {
		if strings.HasPrefix(line, n.begins) && !(strings.Contains(line, "--once") && strings.HasPrefix(n.begins, "starburst autoscale")) {
			used[n.begins] = true
			return n.why
		}
	}
	return ""
}

func lastingIndex(line string) int {
	for i, begins := range lasting {
		if strings.HasPrefix(line, begins) {
			return i
		}
	}
	return -1
}

// tryExample runs a line in a shell.
func tryExample(t *testing.T, bash, line, file string) {
	t.Helper()
	want := exit.OK
	for _, e := range endsWith {
		if strings.HasPrefix(line+" ", e.begins+" ") && !strings.Contains(line, "|") {
			want = e.code
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "--norc", "-c", line)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) || exit.Code(cmd.ProcessState.ExitCode()) != want {
		t.Errorf("%s: %s: %v; want exit code %d\n%s", filepath.Base(file), line, err, want, out.String())
	}
}
