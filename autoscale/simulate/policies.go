package simulate

import (
	"slices"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// Named is a policy to compare.
type Named struct {
	Name, About string
	// New makes one for a run.
	New func() Policy
	// Ours are the modes of this project. Less says that it knows less than the others of ours, or promises something else.
	Ours, Less bool
}

// Policies are all that can be compared, ours first.
func Policies() []Named {
	ours := func(name, about string, edit func(*Ours)) Named {
		return Named{Name: name, About: about, Ours: true, New: func() Policy {
			p := &Ours{Known: true, Exclusive: true, Config: autoscale.Config{Policy: autoscale.Policy{Mode: autoscale.Efficiency}}}
			edit(p)
			return p
		}}
	}
	less := func(n Named) Named {
		n.Less = true
		return n
	}
	return []Named{
		ours("ours", "efficiency 0.7, durations remembered, ledger", func(*Ours) {}),
		ours("fast", "efficiency 0.5", func(p *Ours) { p.Config.Efficiency = .5 }),
		ours("cheap", "efficiency 0.9", func(p *Ours) { p.Config.Efficiency = .9 }),
		less(ours("cold", "efficiency 0.7, nothing known, SQS counts only", func(p *Ours) { p.Known, p.Exclusive = false, false })),
		less(ours("shared", "efficiency 0.7, durations remembered, ledger and SQS counts", func(p *Ours) { p.Ledger, p.Exclusive = true, false })),
		less(ours("known", "efficiency 0.7, durations remembered, SQS counts only", func(p *Ours) { p.Exclusive = false })),
		ours("value", "an hour of waiting is worth $1", func(p *Ours) { p.Config.Mode, p.Config.Value = autoscale.Value, cost.USD }),
		ours("deadline", "done within three times the bound", func(p *Ours) { p.DeadlineTimes = 3 }),
		less(ours("budget", "at most 1.5 times the least cost", func(p *Ours) { p.BudgetTimes = 1.5 })),
		less(ours("patient", "efficiency 0.7, tasks may wait 15 min", func(p *Ours) { p.Config.MaxWait = 15 * 60 * 1e9 })),
		{Name: "keda5", About: "KEDA and HPA, 5 messages per worker", New: func() Policy { return &KEDA{} }},
		{Name: "keda1", About: "KEDA and HPA, 1 message per worker", New: func() Policy { return &KEDA{PerWorker: 1} }},
		{Name: "keda5+protect", About: "KEDA, if it stopped idle workers only", New: func() Policy { return &KEDA{Protect: true} }},
		{Name: "aws", About: "AWS target tracking on the backlog per task, 60 s", New: func() Policy { return &AWS{} }},
		{Name: "aws+protect", About: "the same with task protection", New: func() Policy { return &AWS{Protect: true} }},
		{Name: "step", About: "ECS step scaling on visible messages", New: func() Policy { return &Step{} }},
		{Name: "dask5", About: "Dask adaptive, target 5 s, perfect counts", New: func() Policy { return &Dask{} }},
		{Name: "dask60", About: "Dask adaptive, target 60 s, perfect counts", New: func() Policy { return &Dask{Target: 60} }},
		{Name: "spark", About: "Spark dynamic allocation, perfect counts", New: func() Policy { return &Spark{} }},
		{Name: "buildkite", About: "buildkite-agent-scaler in elastic mode", New: func() Policy { return &Buildkite{} }},
		{Name: "barrier", About: "staRburst: a worker per task, waves with a barrier", New: func() Policy { return Barrier{} }},
		{Name: "static", About: "a fixed number: the root of the work in seconds", New: func() Policy { return &Static{} }},
	}
}

// PolicyNamed finds a policy.
func PolicyNamed(name string) (Named, bool) {
	all := Policies()
	i := slices.IndexFunc(all, func(n Named) bool { return n.Name == name })
	if i < 0 {
		return Named{}, false
	}
	return all[i], true
}

// ScenarioNamed finds a scenario, of Scenarios or of Faults.
func ScenarioNamed(name string) (Scenario, bool) {
	all := append(Scenarios(), Faults()...)
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return all[i], true
}
