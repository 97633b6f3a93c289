package cost_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

func exactly(d time.Duration) cost.TimeRange { return cost.TimeRange{Low: d, Likely: d, High: d} }

// With one worker, no start-up and no tail there is nothing left to guess: the
// estimate of the compute is the bill of the finished job.
func TestAnEstimateWithoutUnknownsIsTheBill(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	e, err := cost.EstimateJob(book, cost.JobShape{Tasks: 100, Messages: 10, TaskTime: exactly(3 * time.Second)},
		cost.Fleet{Max: 1, StartUp: -1, Tail: -1, Platform: cost.ARM})
	if err != nil {
		t.Fatal(err)
	}
	st, err := cost.NewStatement(book, []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Platform, w.Ready, w.Stop = cost.ARM, noon, noon.Add(300*time.Second)
		w.Jobs = map[string]cost.JobWork{"A": {Tasks: 100, BusyMS: 300_000}}
	})}, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]cost.LineCost{}
	for _, l := range e.Lines {
		if l.Cost.Low == l.Cost.High && l.Unit != "request" {
			got[l.ID] = cost.LineCost{ID: l.ID, Quantity: l.Quantity, Unit: l.Unit, Cost: l.Cost.Likely}
		}
	}
	want := map[string]cost.LineCost{}
	for _, l := range st.Lines {
		want[l.ID] = l
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-bill +estimate):\n%s", diff)
	}
	if e.Workers != 1 || e.Elapsed.Likely != 300*time.Second || e.Bound != st.Total {
		t.Errorf("%d workers, %s, bound %s of %s", e.Workers, e.Elapsed.Likely, e.Bound, st.Total)
	}
}

func TestTheFleetGrowsInWaves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		job     cost.JobShape
		fleet   cost.Fleet
		workers int
	}{
		{"enough work for all", cost.JobShape{Tasks: 10_000, Messages: 10_000, TaskTime: exactly(30 * time.Second)}, cost.Fleet{Max: 1000}, 1000},
		{"no more workers than messages", cost.JobShape{Tasks: 1000, Messages: 7, TaskTime: exactly(10 * time.Second)}, cost.Fleet{Max: 1000}, 7},
		{"two slots share the messages", cost.JobShape{Tasks: 7, Messages: 7, TaskTime: exactly(time.Hour)}, cost.Fleet{Max: 1000, Slots: 2}, 4},
		{"two more waves are due before the first worker has begun, then the work is done",
			cost.JobShape{Tasks: 10, Messages: 10, TaskTime: exactly(time.Millisecond)}, cost.Fleet{Max: 1000, StartUp: 20 * time.Second}, 4},
		{"one worker is asked for", cost.JobShape{Tasks: 10_000, Messages: 10_000, TaskTime: exactly(time.Minute)}, cost.Fleet{}, 1},
	} {
		e, err := cost.EstimateJob(embedded(t), c.job, c.fleet)
		if err != nil {
			t.Fatal(err)
		}
		if e.Workers != c.workers {
			t.Errorf("%s: %d workers, want %d", c.because, e.Workers, c.workers)
		}
	}
}

func TestAnUnknownDurationIsSaidSo(t *testing.T) {
	t.Parallel()
	e, err := cost.EstimateJob(embedded(t), cost.JobShape{Tasks: 1000, Messages: 10}, cost.Fleet{Max: 10, Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
	// 1,000 s of tasks on two slots of 2 vCPU and 4 GB: 500 s.
	if want := cost.PicoUSD(500 * (2*11_244_000 + 4*1_235_000)); !e.ComputeUnknown || e.PerTaskSecond != want {
		t.Errorf("unknown %v, a second a task costs %s, want %s", e.ComputeUnknown, e.PerTaskSecond, want)
	}
	for _, l := range e.Lines {
		if l.ID == "fargate.x86.vcpu" {
			t.Errorf("workers of unknown duration are priced: %+v", l)
		}
	}
	if e.Cost.High == 0 || e.Bound != 0 {
		t.Errorf("cost %+v, bound %s", e.Cost, e.Bound)
	}
}

// Messages carry many small tasks: what a task costs in requests falls with the chunk.
func TestEstimatesKnowChunks(t *testing.T) {
	t.Parallel()
	requests := func(messages int) cost.PicoUSD {
		e, err := cost.EstimateJob(embedded(t), cost.JobShape{Tasks: 1_000_000, Messages: messages, ArgBytes: 80_000_000}, cost.Fleet{Max: 4})
		if err != nil {
			t.Fatal(err)
		}
		return e.Cost.Likely
	}
	chunked, single := requests(1000), requests(1_000_000)
	if chunked > 7*cost.Cent || single < 10*chunked {
		t.Errorf("a million tasks in chunks of 1,000: %s, one by one: %s", chunked.Short(), single.Short())
	}
}

func TestEstimatesAreOrderedAndAddUp(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2_000_000).Draw(t, "tasks")
		low := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "low"))
		wide := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "wide"))
		job := cost.JobShape{Tasks: n, Messages: rapid.IntRange(1, n).Draw(t, "messages"),
			ArgBytes: rapid.Int64Range(0, 1<<40).Draw(t, "bytes"), ResultBytes: rapid.Int64Range(0, 1<<20).Draw(t, "result"),
			TaskTime: cost.TimeRange{Low: low, Likely: low + wide/2, High: low + wide}}
		fleet := cost.Fleet{Max: rapid.IntRange(-1, 20_000).Draw(t, "max"), Slots: rapid.IntRange(0, 32).Draw(t, "slots"),
			Provider: rapid.SampledFrom([]string{"", cost.Fargate, cost.FargateSpot, cost.Local}).Draw(t, "provider"),
			Network:  rapid.SampledFrom([]cost.Network{"", cost.NetworkPublic, cost.NetworkNAT}).Draw(t, "network")}
		e, err := cost.EstimateJob(book, job, fleet)
		if err != nil {
			t.Fatal(err)
		}
		var sum cost.Range
		for _, l := range e.Lines {
			if l.Cost.Low < 0 || l.Cost.Low > l.Cost.Likely || l.Cost.Likely > l.Cost.High || l.Quantity < 0 {
				t.Fatalf("line out of order: %+v", l)
			}
			sum.Low, sum.Likely, sum.High = sum.Low+l.Cost.Low, sum.Likely+l.Cost.Likely, sum.High+l.Cost.High
		}
		if sum != e.Cost {
			t.Fatalf("lines add up to %+v, the estimate is %+v", sum, e.Cost)
		}
		if e.Bound > e.Cost.Likely {
			t.Fatalf("the bound %s is above the estimate %s", e.Bound, e.Cost.Likely)
		}
		if e.Workers > max(1, fleet.Max) {
			t.Fatalf("%d workers of %d", e.Workers, fleet.Max)
		}
	})
}
