package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/view"
)

func TestAJobStopsAtItsCapAndGoesOnWithAHigherOne(t *testing.T) {
	startDev(t, "sh", "-c", "sleep 0.3; echo r{}")
	submit := func(limit string) output {
		return starburst(t.Context(), "", "submit", "exec", "--range", "1:60", "--chunk", "1", "--job", "dear", "--max-cost", limit, "--wait", "-o", "csv")
	}
	// A worker's first minute alone costs $0.0008.
	stopped := submit("0.0001")
	if stopped.code != exit.Refused || !strings.Contains(stopped.stderr, "of its cap of") || !strings.Contains(stopped.stderr, "--max-cost") {
		t.Fatalf("at the cap: %+v", stopped)
	}
	st := starburst(t.Context(), "", "status", "dear", "-o", "json")
	var line jobLine
	if err := json.Unmarshal([]byte(st.stdout), &line); err != nil || line.State != "cancelled" || line.Missing == 0 {
		t.Errorf("status: %v: %+v; want it cancelled with tasks missing", err, st)
	}
	if same := submit("0.0001"); same.code != exit.Refused {
		t.Errorf("the same cap again: %+v", same)
	}
	on := submit("$5")
	if on.code != exit.OK || strings.Count(on.stdout, ",true,") != 60 {
		t.Errorf("with a higher cap: exit %d, %d results, %s", on.code, strings.Count(on.stdout, ",true,"), on.stderr)
	}
}

func TestAJobThatCannotFitItsCapIsNotSent(t *testing.T) {
	startDev(t, "echo")
	for name, c := range map[string]struct {
		args []string
		says []string
		code exit.Code
	}{
		"it would cost more":           {[]string{"--task-time", "1h", "--max-cost", "5"}, []string{"nothing was sent", "no plan fits"}, exit.Refused},
		"nothing fits":                 {[]string{"--task-time", "1h", "--max-cost", "0.01"}, []string{"no plan fits"}, exit.Refused},
		"it is no amount":              {[]string{"--max-cost", "much"}, []string{"--max-cost"}, exit.Usage},
		"it allows nothing":            {[]string{"--max-cost", "0"}, []string{"--max-cost"}, exit.Usage},
		"a dry run only says the cost": {[]string{"--task-time", "1h", "--max-cost", "0.01", "--dry-run"}, nil, exit.OK},
	} {
		got := starburst(t.Context(), "", append([]string{"submit", "exec", "--range", "1:100"}, c.args...)...)
		if got.code != c.code {
			t.Errorf("%s: %+v; want exit %d", name, got, c.code)
		}
		for _, says := range c.says {
			if !strings.Contains(got.stderr, says) {
				t.Errorf("%s: %q does not say %q", name, got.stderr, says)
			}
		}
	}
	t.Setenv(burst.EnvMaxCostPerDay, "0.02")
	if got := starburst(t.Context(), "", "submit", "exec", "--range", "1:100", "--task-time", "1m"); got.code != exit.Refused || !strings.Contains(got.stderr, burst.EnvMaxCostPerDay) {
		t.Errorf("above the day's cap: %+v", got)
	}
	if jobs := items[view.JobRow](t, jobsSchema, starburst(t.Context(), "", "status", "-o", "json").stdout); len(jobs) != 0 {
		t.Errorf("%d jobs; want none", len(jobs))
	}
}
