package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestPlanAnswersInFiguresAndAnExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		code exit.Code
		out  string
		err  string
	}{
		{"--tasks 40 --task-time 10s --workers 20 --deadline 1h", exit.OK, "besides the workers: dynamodb.rru", ""},
		{"--tasks 100 --task-time 10s --workers 20 --deadline 10s", exit.Refused, "does not fit", "the job does not fit"},
		{"--tasks 3 --task-time 1s --workers 20", exit.OK, "run it locally", ""},
		{"--range 1:100 --task-time 10s --workers 20 --arm --spot", exit.OK, "FARGATE_SPOT arm", ""},
		{"--tasks 60 --task-time 1m --workers 3 --cv 0", exit.OK, "this is what binds", ""},
		{"--tasks 0 --task-time 1s --workers 20", exit.Usage, "", "0 tasks cannot be planned"},
		{"--tasks 1 --task-time 1s --workers 20 --budget much", exit.Usage, "", "--budget"},
		{"--tasks 1 --task-time 1s --workers 20 -o x", exit.Usage, "", "is not a format"},
		{"--tasks 1 --workers 20", exit.Usage, "", "nobody says how long a task takes"},
		{"--workers 20 --task-time 1s", exit.Usage, "", "no input was given"},
		{"--tasks 1 --range 1:2 --workers 20 --task-time 1s", exit.Usage, "", "--tasks says what the input would be counted for"},
		{"--tasks 1 --workers 20 --calibrate 2 -- echo {}", exit.Usage, "", "needs the tasks themselves"},
		{"--range 1:2 --workers 20 --calibrate 2", exit.Usage, "", "go together"},
		{"--range 1:2 --workers 20 --task-time 1s -- echo {}", exit.Usage, "", "go together"},
		{"--range 1:2 --workers 20 --calibrate 0 -- echo {}", exit.Usage, "", "--calibrate is 0"},
	} {
		got := starburst(t.Context(), "", append([]string{"plan"}, strings.Fields(c.args)...)...)
		if got.code != c.code || !strings.Contains(got.stdout, c.out) || !strings.Contains(got.stderr, c.err) {
			t.Errorf("%s: exit code %d\n%s%s", c.args, got.code, got.stdout, got.stderr)
		}
	}
}

func TestPlanSpeaksJSON(t *testing.T) {
	t.Parallel()
	got := starburst(t.Context(), "", "plan", "--tasks", "50", "--task-time", "5s", "--workers", "5", "-o", "json")
	var p jsonPlan
	if err := json.Unmarshal([]byte(got.stdout), &p); got.code != exit.OK || err != nil || p.Tasks != 50 || len(p.Lines) != 3 || !p.Fits ||
		p.Prices.WorkerHour <= 0 || len(p.Besides) == 0 || p.Quota != nil {
		t.Errorf("exit code %d, %v: %s%s", got.code, err, got.stdout, got.stderr)
	}
	refused := starburst(t.Context(), "", "plan", "--tasks", "100", "--task-time", "10s", "--workers", "20", "--deadline", "10s", "--json")
	if err := json.Unmarshal([]byte(refused.stdout), &p); refused.code != exit.Refused || err != nil || p.Fits || !strings.Contains(p.Why, "nobody can be done before") {
		t.Errorf("exit code %d, %v: %s%s", refused.code, err, refused.stdout, refused.stderr)
	}
}

// The program sleeps for as long as its argument says; a plan knows that from four tasks, and holds the job that comes later against itself.
func TestPlansAreCalibratedSavedAndHeld(t *testing.T) {
	startAccount(t, 6)
	input := writeFile(t, "in.txt", "0.2\n0.1\n0.2\n0.1\n0.2\n0.1\n0.2\n0.1\n")
	saved := filepath.Join(t.TempDir(), "plan.json")
	got := starburst(t.Context(), "", "plan", "--input", input, "--calibrate", "4", "--json", "--save", saved, "--", "sleep", "{}")
	var p jsonPlan
	if err := json.Unmarshal([]byte(got.stdout), &p); got.code != exit.OK || err != nil {
		t.Fatalf("exit code %d, %v: %s%s", got.code, err, got.stdout, got.stderr)
	}
	if p.Tasks != 8 || p.Seen != 4 || p.Mean < .09 || p.Mean > 10 || !p.Local || p.Handler != "exec" || p.Workers != 6 || p.Quota.Limit.VCPU != 6 || p.Input.SHA == "" {
		t.Errorf("%s", got.stdout)
	}
	run := func(args ...string) output {
		return starburst(t.Context(), "", append(append([]string{"run", "--plan", saved, "--input", input}, args...), "--", "echo", "{}")...)
	}
	if got := run(); got.code != exit.OK || strings.Count(got.stdout, "\n") != 8 {
		t.Errorf("a plan that holds: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	refused := func(says string) {
		t.Helper()
		if got := run(); got.code != exit.Refused || got.stdout != "" || !strings.Contains(got.stderr, says) {
			t.Errorf("want %q: exit code %d, %s%s", says, got.code, got.stdout, got.stderr)
		}
	}
	t.Setenv("STARBURST_VCPU_QUOTA", "3")
	refused("the quota: 6 of 6 vCPUs were free, 3 of 3 are now")
	t.Setenv("STARBURST_VCPU_QUOTA", "")
	t.Setenv("STARBURST_PRICES", writeFile(t, "prices.json", `{"discounts":[{"lines":"fargate.*","percent":"50"}]}`))
	refused("the prices: a worker cost")
	t.Setenv("STARBURST_PRICES", "")
	if err := os.WriteFile(input, []byte("0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("the input: 8 tasks were planned, there are 1 now")
	if err := os.WriteFile(saved, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(); got.code != exit.Usage || !strings.Contains(got.stderr, "--plan") {
		t.Errorf("what is no plan: exit code %d, %s", got.code, got.stderr)
	}
	if got := starburst(t.Context(), "", "plan", "--input", input, "--calibrate", "1", "--", "false"); got.code != exit.TasksFail || !strings.Contains(got.stderr, "1 of the 1 tasks of the calibration failed") {
		t.Errorf("a program that fails: exit code %d, %s", got.code, got.stderr)
	}
}

// A handler of a worker program is calibrated by that program, and remembered once it has run.
func TestPlansCalibrateAndRememberHandlers(t *testing.T) {
	startDev(t, "sleep", "{}")
	worker := []string{"--", os.Args[0], "worker", "--exec", "--", "sleep", "{}"}
	plan := func(args ...string) output {
		return starburst(t.Context(), "", append([]string{"plan", "--range", "0:0", "--workers", "5", "--json", "--handler"}, args...)...)
	}
	var p jsonPlan
	if got := plan(append([]string{"exec", "--calibrate", "1"}, worker...)...); got.code != exit.OK || json.Unmarshal([]byte(got.stdout), &p) != nil || p.Seen != 1 || p.Handler != "exec" {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := plan(append([]string{"price", "--calibrate", "1"}, worker...)...); got.code != exit.Usage || !strings.Contains(got.stderr, "has no handler") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := plan("exec"); got.code != exit.NotFound || !strings.Contains(got.stderr, "no job of handler exec is remembered") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	must(t, "submit", "exec", "--range", "0:1", "--wait")
	saved := filepath.Join(t.TempDir(), "plan.json")
	if got := plan("exec", "--save", saved); got.code != exit.OK || json.Unmarshal([]byte(got.stdout), &p) != nil || p.Seen != 2 || p.Mean < .4 || p.Mean > 20 {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}

	// submit goes by the plan: it sends what was planned, and nothing else.
	if got := starburst(t.Context(), "", "submit", "exec", "--plan", saved, "--range", "0:0", "--wait"); got.code != exit.OK {
		t.Errorf("a plan that holds: exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := starburst(t.Context(), "", "submit", "exec", "--plan", saved, "--range", "0:1", "--job", "other"); got.code != exit.Refused || got.stdout != "" ||
		!strings.Contains(got.stderr, "the input: 1 tasks were planned, there are 2 now") {
		t.Errorf("another input: exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := starburst(t.Context(), "", "status", "other"); got.code != exit.NotFound {
		t.Errorf("a job that was refused: exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// Without --workers the quota decides, and a quota that nobody knows is no quota.
func TestPlansWithoutRoomSayWhy(t *testing.T) {
	startAccount(t, 0)
	for own, says := range map[string]string{"": "no applied value of L-3032A538", "0.5": "the quota has no room for a worker"} {
		t.Setenv("STARBURST_VCPU_QUOTA", own)
		got := starburst(t.Context(), "", "plan", "--tasks", "10", "--task-time", "1s", "--json")
		var p noPlan
		if err := json.Unmarshal([]byte(got.stdout), &p); got.code != exit.Refused || err != nil || p.Fits || !strings.Contains(p.Why, says) {
			t.Errorf("%q: exit code %d, %v: %s%s", own, got.code, err, got.stdout, got.stderr)
		}
	}
}
