package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
)

// must runs a command that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	got := starburst(t.Context(), "", args...)
	if got.code != exit.OK {
		t.Fatalf("%v: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// A fleet is paused, work comes, nothing starts; resumed with another maximum it does the work, and waves and decisions tell of it.
func TestScaleHoldsAndLimitsALivingFleet(t *testing.T) {
	startDev(t, "echo", "{}") // it sets the environment, so not parallel
	if out := must(t, "scale", "show"); !strings.Contains(out, "nothing set") {
		t.Errorf("at first: %s", out)
	}
	if out := must(t, "scale", "pause", "--why", "a talk"); !strings.Contains(out, "paused") || !strings.Contains(out, "a talk") {
		t.Errorf("paused: %s", out)
	}
	job := strings.TrimSpace(must(t, "submit", "exec", "--range", "1:20"))
	explain := func() []decisionLine {
		t.Helper()
		return items[decisionLine](t, "starburst.decisions/v1", must(t, "scale", "explain", "-o", "json"))
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if d := explain(); len(d) == 1 && d[0].Binding == "paused" && d[0].Backlog > 0 {
			if d[0].Want != 0 || !strings.Contains(d[0].Reason, "a talk") || !strings.Contains(d[0].Meaning, "scale resume") {
				t.Errorf("%+v", d[0])
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the pause is not seen: %+v", explain())
		}
	}
	must(t, "scale", "set", "--max", "1")
	if out := must(t, "scale", "resume"); !strings.Contains(out, "max 1") || strings.Contains(out, "paused") {
		t.Errorf("resumed: %s", out)
	}
	if out := must(t, "attach", job); strings.Count(out, "\n") != 20 {
		t.Errorf("%d results", strings.Count(out, "\n"))
	}
	wavesOf(t, job, 20)
	if out := must(t, "waves", job); !strings.Contains(out, "0→1") {
		t.Errorf("%s", out)
	}
	if out := must(t, "scale", "explain", "-n", "100", "--changes"); !strings.Contains(out, "0→1, bound by max") {
		t.Errorf("the raise to the new maximum is not explained:\n%s", out)
	}
	if out := must(t, "scale", "set", "--reset"); !strings.Contains(out, "nothing set") {
		t.Errorf("reset: %s", out)
	}
	t.Run("wrong orders", wrongOrders)
}

// The quota of the local ECS is one that its autoscaler keeps to, as on AWS.
func TestDevsAutoscalerKnowsDevsQuota(t *testing.T) {
	startDevWith(t, []string{"--workers", "8", "--vcpu-quota", "3"}, "sh", "-c", "sleep .3") // it sets the environment, so not parallel
	must(t, "attach", strings.TrimSpace(must(t, "submit", "exec", "--range", "1:20")))
	out := must(t, "scale", "explain", "-n", "100", "--changes")
	if !strings.Contains(out, "2→3, bound by quota") || !strings.Contains(out, "3 vCPU, set by you") || strings.Contains(out, "→4") {
		t.Errorf("%s", out)
	}
}

// wavesOf waits until the ledgers tell of all tasks: they lag behind the results.
func wavesOf(t *testing.T, job string, want int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var r bill.WaveReport
		if err := json.Unmarshal([]byte(must(t, "waves", job, "-o", "json")), &r); err != nil {
			t.Fatal(err)
		}
		tasks := r.Others.Tasks
		for _, w := range r.Waves {
			tasks += w.Actual.Tasks
			if w.To > 1 || w.Planned.Workers != 1 {
				t.Errorf("with a maximum of 1: %+v", w)
			}
		}
		if tasks == want && len(r.Waves) > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d tasks in %+v", tasks, r)
		}
	}
}

func wrongOrders(t *testing.T) {
	for args, says := range map[string]string{
		"":                                "nothing was set",
		"--min 5 --max 2":                 "above the largest",
		"--max -1":                        "0 to 1,000,000",
		"--mode deadline":                 "needs a deadline",
		"--mode budget":                   "needs a budget",
		"--mode value":                    "needs the value",
		"--mode best":                     "there is no mode best",
		"--deadline 2020-01-01T00:00:00Z": "no time to come",
		"--deadline soon":                 "no time to come",
		"--efficiency 2":                  "between 0 and 1",
		"--budget -3":                     "--budget",
		"--max 3 extra":                   "takes no arguments",
	} {
		got := starburst(t.Context(), "", append([]string{"scale", "set"}, strings.Fields(args)...)...)
		if got.code != exit.Usage || !strings.Contains(got.stderr, says) {
			t.Errorf("%q: exit code %d, %s", args, got.code, got.stderr)
		}
	}
	if out := must(t, "scale", "show"); !strings.Contains(out, "nothing set") {
		t.Errorf("a refused order was written: %s", out)
	}
}

// Whoever adds a limit says what it means.
func TestEveryBindingHasAMeaning(t *testing.T) {
	t.Parallel()
	all := []autoscale.Binding{
		autoscale.BindMax, autoscale.BindMin, autoscale.BindPaused, autoscale.BindTasks, autoscale.BindMessages, autoscale.BindWave, autoscale.BindStuck,
		autoscale.BindIdle, autoscale.BindStranded, autoscale.BindHold, autoscale.BindStop, autoscale.BindGoal, autoscale.BindQuota, autoscale.BindAddresses,
		autoscale.BindRate, autoscale.BindBudget, autoscale.BindCrash, autoscale.BindProgress, autoscale.BindWait,
	}
	var texts []string
	for _, b := range all {
		texts = append(texts, meaning(b))
	}
	slices.Sort(texts)
	if diff := cmp.Diff(len(all), len(slices.Compact(texts))); diff != "" || slices.Contains(texts, meaning("")) {
		t.Errorf("bindings without a meaning of their own (-want +got):\n%s%q", diff, texts)
	}
}
