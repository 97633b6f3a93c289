package sample_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
	"pgregory.net/rapid"
)

// life is what really happened to one worker, as only a simulator knows it.
type life struct {
	start, ready, stop time.Time
	slots              int
	jobs               map[string]store.JobCount
}

func drawLife(r *rand.Rand) life {
	l := life{start: noon.Add(time.Duration(r.IntN(600_000)) * time.Millisecond), slots: 1 + r.IntN(4), jobs: map[string]store.JobCount{}}
	l.ready = l.start.Add(time.Duration(r.IntN(90_000)) * time.Millisecond)
	l.stop = l.ready.Add(time.Duration(r.IntN(1_200_000)) * time.Millisecond)
	for range r.IntN(4) { // none for some
		busy := r.Int64N(1 + l.stop.Sub(l.ready).Milliseconds()*int64(l.slots)/3)
		l.jobs[fmt.Sprint("job", r.IntN(9))] = store.JobCount{
			OK: r.Int64N(1000), Failed: r.Int64N(10) - 2, BusyMS: busy, WastedMS: r.Int64N(busy + 1),
		}
	}
	return l
}

// snapshot is the ledger of a worker when a part of its life has passed; the last one is final.
func (l life) snapshot(name string, seq, of int64) store.Ledger {
	at := l.ready.Add(l.stop.Sub(l.ready) * time.Duration(seq) / time.Duration(of))
	s := store.Ledger{Fleet: "f", Worker: name, Seq: seq, Updated: at, Final: seq == of, Slots: l.slots, Jobs: map[string]store.JobCount{},
		Cost: store.CostSample{Provider: cost.Fargate, Arch: "ARM64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: l.start, Ready: l.ready,
			Requests: map[string]int64{"sqs.receive": 3 * seq, "ddb.put": seq}}}
	for job, c := range l.jobs {
		s.Jobs[job] = store.JobCount{OK: c.OK * seq / of, Failed: c.Failed * seq / of, BusyMS: c.BusyMS * seq / of, WastedMS: c.WastedMS * seq / of}
	}
	return s
}

// bill is computed apart from the package: seconds times the two rates of Fargate ARM, and the requests.
func (l life) bill(snapshots int64) cost.PicoUSD {
	seconds := (l.stop.Sub(l.start).Milliseconds() + 999) / 1000
	return cost.PicoUSD(max(60, seconds)*(8_994_400+2*988_900) + 3*snapshots*400_000 + snapshots*625_000)
}

// Fleets whose snapshots are lost (all but the last), doubled and reordered: jobs and
// idle add up to the bills that the simulation computed on its own, to the
// pico-dollar, and so do workers, waves and lines.
func TestNothingIsLostOnTheWayToTheBill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkFleet(t, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 200).Draw(t, "workers"), rapid.Bool().Draw(t, "final snapshots are lost, too"))
	})
}

func TestNothingIsLostAmong20000Workers(t *testing.T) {
	t.Parallel()
	checkFleet(t, 1, 20_000, false)
	checkFleet(t, 2, 20_000, true)
}

func checkFleet(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, seed uint64, fleet int, lossy bool) {
	t.Helper()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	all, want := drawFleet(rand.New(rand.NewPCG(seed, 7)), fleet, lossy)
	workers := sample.Workers(all, noon.Add(24*time.Hour))
	sample.Explain(workers, []sample.Wave{{At: noon, N: 1, Launches: fleet / 2, Jobs: map[string]int64{"job1": 2, "job2": 1}}})
	st, err := cost.NewStatement(book, workers, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !lossy && st.Total != want {
		t.Fatalf("the bill is %s, the simulation's %s", st.Total, want)
	}
	groupings := map[string]cost.PicoUSD{}
	for _, j := range st.Jobs {
		groupings["jobs"] += j.Total()
	}
	for _, w := range st.Workers {
		groupings["workers"] += w.Cost
	}
	for _, w := range st.Waves {
		groupings["waves"] += w.Cost
	}
	for _, l := range st.Lines {
		groupings["lines"] += l.Cost
	}
	for by, sum := range groupings {
		if sum != st.Total {
			t.Fatalf("%s add up to %s, the total is %s", by, sum, st.Total)
		}
	}
}

// drawFleet returns the snapshots that arrived, in any order, and the sum of the true bills.
func drawFleet(r *rand.Rand, fleet int, lossy bool) (all []store.Ledger, want cost.PicoUSD) {
	for i := range fleet {
		l, of := drawLife(r), 1+r.Int64N(3)
		name := fmt.Sprint("w", i)
		for seq := int64(1); seq <= of; seq++ {
			copies := r.IntN(3)
			if seq == of && !lossy {
				copies++
			}
			for range copies {
				all = append(all, l.snapshot(name, seq, of))
			}
		}
		want += l.bill(of)
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, want
}
