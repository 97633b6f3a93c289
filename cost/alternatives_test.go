package cost_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
)

func TestAlternatives(t *testing.T) {
	t.Parallel()
	busy := func(seconds int64) func(*cost.Worker) {
		return func(w *cost.Worker) { w.Jobs = map[string]cost.JobWork{"A": {Tasks: 1, BusyMS: seconds * 1000}} }
	}
	fleet := func(n int, seconds int64, edit func(*cost.Worker)) []cost.Worker {
		var ws []cost.Worker
		for i := range n {
			ws = append(ws, worker(fmt.Sprint("w", i), func(w *cost.Worker) {
				busy(seconds)(w)
				if edit != nil {
					edit(w)
				}
			}))
		}
		return ws
	}
	for _, c := range []struct {
		because string
		workers []cost.Worker
		options cost.Options
		want    []string
	}{
		{"one busy x86 worker: Spot and ARM", fleet(1, 75, nil), cost.Options{}, []string{"spot", "arm"}},
		{"Spot on ARM already: nothing is cheaper", fleet(1, 75, func(w *cost.Worker) { w.Provider, w.Platform = cost.FargateSpot, cost.ARM }), cost.Options{}, nil},
		{"a worker on the laptop is compared as what it is priced as", fleet(1, 75, func(w *cost.Worker) { w.Provider, w.Size = cost.Local, cost.Size{} }), cost.Options{}, []string{"spot", "arm"}},
		{"ten workers that worked for 5 s each", fleet(10, 5, nil), cost.Options{}, []string{"fewer workers", "spot", "arm"}},
		{"the same for one job alone", fleet(10, 5, nil), cost.Options{Job: "A"}, []string{"fewer workers", "spot", "arm"}},
		{"a NAT gateway for one worker", fleet(1, 75, nil), cost.Options{Extras: []cost.Extra{{ID: "nat.hour", Quantity: 3600}}}, []string{"no NAT", "spot", "arm"}},
		{"nothing cost nothing", nil, cost.Options{}, nil},
	} {
		alternatives, err := cost.Alternatives(embedded(t), c.workers, c.options)
		if err != nil {
			t.Fatal(err)
		}
		st, err := cost.NewStatement(embedded(t), c.workers, c.options)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range alternatives {
			got = append(got, a.Name)
			if a.Saves <= 0 || a.Cost+a.Saves != st.Total || a.Note == "" {
				t.Errorf("%s: %+v of %s", c.because, a, st.Total)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	r := rate(t, cost.X86, false)
	one := cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}
	for _, c := range []struct {
		because       string
		slots         int
		busy, startUp time.Duration
		seconds       int64
	}{
		{"all the work on one worker, and its start", 1, 100 * time.Second, 25 * time.Second, 125},
		{"two slots", 2, 100 * time.Second, 25 * time.Second, 75},
		{"no less than a minute", 1, time.Second, time.Second, 60},
		{"no work", 1, 0, 25 * time.Second, 0},
		{"clocks that went backwards start at once", 0, 100 * time.Second, -time.Second, 100},
	} {
		if got, want := cost.Bound(r, one, c.slots, c.busy, c.startUp), cost.PicoUSD(c.seconds*13_714_000); got != want {
			t.Errorf("%s: %s, want %s", c.because, got, want)
		}
	}
}
