package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/autoscale/simulate"
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
		{"--tasks 100 --task-time 10s --workers 20 --deadline 1h", exit.OK, "besides the workers: dynamodb.rru", ""},
		{"--tasks 100 --task-time 10s --workers 20 --deadline 10s", exit.Refused, "does not fit", "the job does not fit"},
		{"--tasks 3 --task-time 1s --workers 20", exit.OK, "run it locally", ""},
		{"--tasks 0 --task-time 1s --workers 20", exit.Usage, "", "0 tasks cannot be planned"},
		{"--tasks 1 --task-time 1s --workers 20 --budget much", exit.Usage, "", "--budget"},
		{"--tasks 1 --task-time 1s --workers 20 -o x", exit.Usage, "", "is not a format"},
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
	var p simulate.Plan
	if err := json.Unmarshal([]byte(got.stdout), &p); got.code != exit.OK || err != nil || p.Tasks != 50 || len(p.Lines) != 3 || !p.Fits {
		t.Errorf("exit code %d, %v: %s%s", got.code, err, got.stdout, got.stderr)
	}
}
