package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// What workers' samples add up to, some lost, doubled and out of order, is the
// simulation's own bill: a last sample that is lost is made up for by what ECS tells of the end.
func TestTheSimulatorsBillIsTheSumOfSamples(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for _, name := range []string{"burst", "medium", "quota", "sparse", "heartbeats"} {
		r := simulate.Run(scenario(t, name), named(t, "ours").New(), 7, simulate.Options{Trace: true})
		if len(r.Lives) == 0 {
			t.Fatalf("%s: no worker was billed", name)
		}
		random := rand.New(rand.NewPCG(7, 7))
		var samples []store.Ledger
		for i, life := range r.Lives {
			l := store.Ledger{Fleet: "f", Worker: fmt.Sprint("w", i), Slots: 1, Cost: store.CostSample{
				Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: at(life.Pulled), Ready: at(life.Pulled),
			}}
			end := store.WorkerEnd{PullStarted: at(life.Pulled), Stopped: at(life.Stopped), Provider: cost.Fargate}
			lostLast := random.IntN(4) == 0
			for now := life.Pulled; now < life.Stopped; now += 30 {
				l.Seq++
				l.Updated = at(now)
				for range random.IntN(3) { // lost, once, or twice
					samples = append(samples, l)
				}
			}
			l.Seq++
			l.Updated, l.Final = at(life.Stopped), true
			if lostLast {
				l.Updated, l.Final, l.End = at(life.Stopped-20), false, end
			}
			samples = append(samples, l)
		}
		random.Shuffle(len(samples), func(i, j int) { samples[i], samples[j] = samples[j], samples[i] })
		st, err := sample.JobCost(book, samples, at(r.End+3600), cost.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if st.Total != r.Cost {
			t.Errorf("%s: %d samples of %d workers come to %v, the simulation to %v", name, len(samples), len(r.Lives), st.Total, r.Cost)
		}
	}
}
