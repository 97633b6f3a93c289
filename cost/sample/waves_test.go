package sample_test

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func each(ds []store.Decision, err error) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range ds {
			if !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Decision{}, err)
		}
	}
}

func TestWavesAreTheRaises(t *testing.T) {
	t.Parallel()
	ds := []store.Decision{
		{Fleet: "f", At: at(0), Want: 1, Desired: 0, Wave: 1, Jobs: map[string]int64{"a": 9}},
		{Fleet: "f", At: at(10), Want: 1, Desired: 1, Wave: 1},
		{Fleet: "f", At: at(20), Want: 4, Desired: 1, Wave: 2},
		{Fleet: "f", At: at(30), Want: 1, Desired: 4, Wave: 2},
		{Fleet: "f", At: at(40), Want: 0, Desired: 1},
	}
	got, err := sample.Waves(each(ds, nil))
	want := []sample.Wave{
		{Fleet: "f", At: at(0), N: 1, Launches: 1, Jobs: map[string]int64{"a": 9}},
		{Fleet: "f", At: at(20), N: 2, Launches: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if name := got[1].Name(); name != "2026-11-24T12:00:20.000Z #2" {
		t.Errorf("name %q", name)
	}
	broken := errors.New("broken")
	if _, err := sample.Waves(each(ds, broken)); !errors.Is(err, broken) {
		t.Errorf("error %v is not passed on", err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	a, b := map[string]int64{"a": 1}, map[string]int64{"b": 1}
	waves := []sample.Wave{
		{At: at(0), N: 1, Launches: 1, Jobs: a},
		{At: at(20), N: 2, Launches: 2, Jobs: b},
		{At: at(1000), N: 1, Launches: 1, Jobs: b},
	}
	first, second, third := waves[0].Name(), waves[1].Name(), waves[2].Name()
	for _, c := range []struct {
		because string
		starts  []int
		want    []string
	}{
		{"each wave launches as many as it asked for", []int{1, 22, 23}, []string{first, second, second}},
		{"a slow start of the first wave is not the second's, though it began after that", []int{40, 41, 42}, []string{first, second, second}},
		{"one more than was asked for replaces one that died: the latest wave's", []int{1, 22, 23, 50}, []string{first, second, second, second}},
		{"the order of the ledgers does not matter", []int{23, 22, 1}, []string{second, second, first}},
		{"a launch that never came is not made up for after the fleet was at zero", []int{1, 22, 1001, 1002}, []string{first, second, third, third}},
		{"what began before all waves was started by hand", []int{-60, 1}, []string{"", first}},
		{"clocks differ by a few seconds", []int{-2}, []string{first}},
	} {
		workers := make([]cost.Worker, len(c.starts))
		for i, s := range c.starts {
			workers[i].Start = at(s)
		}
		sample.Explain(workers, waves)
		var got []string
		for _, w := range workers {
			got = append(got, w.Wave)
			if want := map[string]map[string]int64{first: a, second: b, third: b}[w.Wave]; !cmp.Equal(want, w.Triggers) {
				t.Errorf("%s: wave %q with triggers %v", c.because, w.Wave, w.Triggers)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
	lone := []cost.Worker{{Start: noon}}
	sample.Explain(lone, nil)
	if lone[0].Wave != "" {
		t.Errorf("without waves: %q", lone[0].Wave)
	}
}

func TestTheNotedEndReplacesWhatAWorkerCouldNotSee(t *testing.T) {
	t.Parallel()
	spot := store.WorkerEnd{PullStarted: at(5), Stopped: at(100), Provider: cost.FargateSpot}
	for name, c := range map[string]struct {
		said           store.CostSample
		end            store.WorkerEnd
		provider       string
		start, stop    time.Time
		stillEstimated bool
	}{
		"on Spot after all":           {store.CostSample{Provider: cost.Fargate, Launched: at(30)}, spot, cost.FargateSpot, at(5), at(100), false},
		"not known yet":               {store.CostSample{Provider: cost.Fargate, Launched: at(30)}, store.WorkerEnd{}, cost.Fargate, at(30), at(90).Add(sample.SnapshotEvery), true},
		"a process on a laptop":       {store.CostSample{Provider: cost.Local, Launched: at(30)}, spot, cost.Local, at(5), at(100), false},
		"pulled before, stopped now":  {store.CostSample{Provider: cost.Fargate, Launched: at(30)}, store.WorkerEnd{Stopped: at(95)}, cost.Fargate, at(30), at(95), false},
		"nothing was pulled or heard": {store.CostSample{}, store.WorkerEnd{Stopped: at(95), Provider: cost.Fargate}, cost.Fargate, time.Time{}, at(95), false},
	} {
		l := store.Ledger{Worker: "w", Updated: at(90), Cost: c.said, End: c.end}
		if c.said.Provider == "" {
			l.Cost.Provider = c.end.Provider // as the store makes a ledger for one that wrote none
		}
		got := sample.Worker(l, at(90).Add(time.Hour))
		if got.Provider != c.provider || !got.Start.Equal(c.start) || !got.Stop.Equal(c.stop) || got.Estimated != c.stillEstimated {
			t.Errorf("%s: %s from %v to %v, estimated %v", name, got.Provider, got.Start, got.Stop, got.Estimated)
		}
	}
}
