package scaling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/scaling"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestEverySettingIsReadFromItsVariable(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		scaling.EnvMaxWorkers: "100", scaling.EnvSlots: "4", scaling.EnvMode: "budget", scaling.EnvEfficiency: "0.5",
		scaling.EnvDeadline: "2026-11-24T13:00:00+01:00", scaling.EnvBudget: "5", scaling.EnvValue: "$20", scaling.EnvMaxWait: "15m",
		scaling.EnvMaxCostPerHour: "2", scaling.EnvMaxCostPerDay: "30", "STARBURST_VCPU_QUOTA": "64", scaling.EnvSubnets: "subnet-a, subnet-b",
		scaling.EnvStartUp: "90s", scaling.EnvStopLag: "120s", scaling.EnvLaunchRate: "10", scaling.EnvLaunchBurst: "50", scaling.EnvExclusive: "true",
		scaling.EnvWarm: "3", scaling.EnvWarmFor: "10m",
	}
	if len(env) != len(scaling.All()) {
		t.Errorf("there are %d settings, tried are %d", len(scaling.All()), len(env))
	}
	got, err := scaling.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	want := scaling.Settings{
		MaxWorkers: 100, Slots: 4, Mode: "budget", Efficiency: .5, Deadline: noon, Value: 20 * cost.USD, MaxWait: 15 * time.Minute,
		Budget:  autoscale.Caps{Total: 5 * cost.USD, PerHour: 2 * cost.USD, PerDay: 30 * cost.USD},
		StartUp: 90 * time.Second, StopLag: 2 * time.Minute, LaunchRate: 10, LaunchBurst: 50, Exclusive: true, Warm: autoscale.Warm{Workers: 3, For: 10 * time.Minute},
		VCPUQuota: 64, Subnets: []string{"subnet-a", "subnet-b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	p := got.Policy()
	p.Price = 1 // as a home adds it
	if err := p.Validate(); err != nil || p.Mode != autoscale.Budget || p.Max != 100 || p.Slots != 4 || p.MaxWait != 15*time.Minute {
		t.Errorf("policy %+v, %v", p, err)
	}
}

func TestTheModeIsEfficiencyUnlessAGoalSaysOtherwise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		s       scaling.Settings
		want    autoscale.Mode
	}{
		{"nothing is said", scaling.Settings{}, autoscale.Efficiency},
		{"a deadline is given", scaling.Settings{Deadline: noon}, autoscale.Deadline},
		{"a value is given", scaling.Settings{Value: 1}, autoscale.Value},
		{"a budget bounds any mode", scaling.Settings{Budget: autoscale.Caps{Total: 1}}, autoscale.Efficiency},
		{"what is said goes before", scaling.Settings{Mode: "efficiency", Deadline: noon}, autoscale.Efficiency},
		{"fast has no name in the policy", scaling.Settings{Mode: "fast", Deadline: noon}, autoscale.Fast},
	} {
		if got := c.s.Policy().Mode; got != c.want {
			t.Errorf("%s: mode %q, want %q", c.because, got, c.want)
		}
	}
}

func TestADurationIsNoDeadlineWhereNobodyKnowsItsBeginning(t *testing.T) {
	t.Parallel()
	for _, g := range scaling.All() {
		if g.Env != scaling.EnvDeadline {
			continue
		}
		var s scaling.Settings
		if err := g.Read(&s, "30m", noon); err != nil || !s.Deadline.Equal(noon.Add(30*time.Minute)) {
			t.Errorf("as a flag: %s, %v", s.Deadline, err)
		}
		err := g.Read(&s, "30m", time.Time{})
		if exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), scaling.EnvDeadline) || !strings.Contains(err.Error(), "begin anew") {
			t.Errorf("as a variable: %v", err)
		}
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := scaling.FromEnv(func(name string) string {
		if name == scaling.EnvSubnets {
			return ""
		}
		return "nonsense"
	})
	for _, g := range scaling.All() {
		if g.Env != scaling.EnvSubnets && (err == nil || !strings.Contains(err.Error(), g.Env+" is \"nonsense\"")) {
			t.Errorf("%s is not named in: %v", g.Env, err)
		}
	}
}
