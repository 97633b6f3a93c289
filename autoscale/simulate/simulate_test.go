package simulate_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

// Whatever goes wrong, all tasks that can be done are done once, nothing busy is stopped, and the fleet ends at zero.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	for _, s := range simulate.Faults() {
		for _, policy := range []string{"ours", "shared", "known", "cold"} {
			t.Run(s.Name+"/"+policy, func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(3) {
					var last autoscale.Decision
					p, ok := named(t, policy).New().(*simulate.Ours)
					if !ok {
						t.Fatalf("%s is not ours", policy)
					}
					p.Watch = func(d autoscale.Decision) { last = d }
					r := simulate.Run(s, p, seed, simulate.Options{})
					complete(t, &s, r)
					if last.Want != 0 || r.Killed > r.Interrupted*s.Slots {
						t.Errorf("seed %d: ended with %d workers, %d tasks killed", seed, last.Want, r.Killed)
					}
				}
			})
		}
	}
}

// What each fault does to the fleet.
func TestFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	for name, binding := range map[string]autoscale.Binding{
		"crash-loop": autoscale.BindCrash, "stuck": autoscale.BindStuck, "quota-falls": autoscale.BindQuota, "expired": autoscale.BindStranded,
	} {
		s := scenario(t, name)
		if name == "stuck" {
			s.Batches[0].Tasks, s.Quota = 20_000, 1000
		}
		seen := map[autoscale.Binding]bool{}
		p := &simulate.Ours{Known: true, Exclusive: true, Config: autoscale.Config{Policy: autoscale.Policy{Mode: autoscale.Efficiency}}}
		p.Watch = func(d autoscale.Decision) { seen[d.Binding] = true }
		simulate.Run(s, p, 1, simulate.Options{})
		if !seen[binding] {
			t.Errorf("%s: never bound by %q, only %v", name, binding, seen)
		}
	}
}

// Workers that crash cost a minute each: a loop of ten minutes must not cost many.
func TestACrashLoopIsCheap(t *testing.T) {
	t.Parallel()
	s := scenario(t, "crash-loop")
	ours := simulate.Run(s, named(t, "ours").New(), 1, simulate.Options{})
	keda := simulate.Run(s, named(t, "keda5+protect").New(), 1, simulate.Options{})
	if ours.Launches*2 > keda.Launches {
		t.Errorf("%d launches, KEDA makes %d", ours.Launches, keda.Launches)
	}
}

func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	t.Parallel()
	for _, s := range []simulate.Scenario{scenario(t, "spot"), scenario(t, "mixed"), simulate.Random(42)} {
		for _, p := range []string{"ours", "keda5", "barrier", "spark"} {
			a := simulate.Run(s, named(t, p).New(), 3, simulate.Options{Trace: true})
			b := simulate.Run(s, named(t, p).New(), 3, simulate.Options{Trace: true})
			if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(simulate.Result{}, simulate.Bound{})); diff != "" {
				t.Errorf("%s under %s: %s", s.Name, p, diff)
			}
		}
	}
}

// The barrier has a closed form: on a quota of 6, waves of 6 exponential tasks of 30 s and a start-up of 40 s.
func TestTheBarrierMatchesItsClosedForm(t *testing.T) {
	t.Parallel()
	s := scenario(t, "quota")
	var time, billed float64
	const runs = 20
	for seed := range uint64(runs) {
		r := simulate.Run(s, simulate.Barrier{}, seed, simulate.Options{})
		time += r.Makespan / runs
		billed += r.Billed / runs / 600
	}
	harmonic := 0.0
	for k := 1; k <= 6; k++ {
		harmonic += 1 / float64(k)
	}
	// Each wave waits for the slowest start and the slowest task; polling adds half of 5 s.
	least, most := 100*(40+30*harmonic), 100*(40+15+30*harmonic+5)
	if time < least || time > most {
		t.Errorf("%.0f s, want %.0f to %.0f", time, least, most)
	}
	if want := 60 + 30*math.Exp(-35./30); math.Abs(billed-want) > 4 {
		t.Errorf("%.1f s billed a task, want about %.1f", billed, want)
	}
}

// Seventh mistake: events of the same time that come out newest first turn the queue round.
func TestTasksStartInTheOrderTheyCame(t *testing.T) {
	t.Parallel()
	s := simulate.Scenario{Name: "order", Quota: 1, Batches: []simulate.Batch{
		{Tasks: 50, Durations: simulate.Constant(1)}, {Tasks: 1, Durations: simulate.Constant(1000)},
	}}
	r := simulate.Run(s, &simulate.Static{Workers: 1}, 1, simulate.Options{})
	// The long task came last, so that the others do not wait for it.
	if r.WaitP95 > 200 || r.Longest > 200 {
		t.Errorf("waits up to %.0f s", r.Longest)
	}
}

// No policy is better than the bounds with the start-up it really had.
func TestBoundsAreBounds(t *testing.T) {
	t.Parallel()
	policies := simulate.Policies()
	rapid.Check(t, func(t *rapid.T) {
		s := simulate.Scenario{
			Name: "any", Quota: rapid.IntRange(1, 100).Draw(t, "quota"), Slots: rapid.IntRange(1, 4).Draw(t, "slots"),
			Rate: rapid.Float64Range(.5, 20).Draw(t, "rate"), Burst: rapid.Float64Range(1, 100).Draw(t, "burst"),
			Batches: []simulate.Batch{{Tasks: rapid.IntRange(1, 500).Draw(t, "tasks"), Durations: simulate.Exponential(rapid.Float64Range(.1, 200).Draw(t, "mean"))}},
		}
		p := policies[rapid.IntRange(0, len(policies)-1).Draw(t, "policy")]
		r := simulate.Run(s, p.New(), rapid.Uint64().Draw(t, "seed"), simulate.Options{})
		if r.Left > 0 {
			return // a bound on what was not done says nothing
		}
		// The bounds take the mean start-up of 40 s; a lucky worker has less, hardly under half.
		if r.Makespan < r.Bound.Makespan-25 || r.Billed < math.Max(60, r.Bound.Billed-25)-1 {
			t.Fatalf("%s: makespan %.1f of %.1f, billed %.0f of %.0f", p.Name, r.Makespan, r.Bound.Makespan, r.Billed, r.Bound.Billed)
		}
		if r.Tasks+r.Dead != r.Submitted || r.Peak > s.Quota {
			t.Fatalf("%s: %d of %d tasks, %d workers", p.Name, r.Tasks, r.Submitted, r.Peak)
		}
	})
}

// The simulator's prices are those of the book, so that a bill in a simulation is the bill of the same workers.
func TestPricesAreTheBooks(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := book.Fargate(cost.PlatformOf("X86_64"), false)
	if err != nil {
		t.Fatal(err)
	}
	s := simulate.Scenario{Name: "one", Quota: 1, Batches: []simulate.Batch{{Tasks: 1, Durations: simulate.Constant(300)}}}
	r := simulate.Run(s, &simulate.Static{Workers: 1}, 1, simulate.Options{})
	start := time.Unix(0, 0)
	want := cost.FargateBill(rate, cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}, start, start.Add(time.Duration(r.Billed)*time.Second)).Total()
	if r.Cost != want {
		t.Errorf("%v for %.0f s, the book says %v", r.Cost, r.Billed, want)
	}
}
