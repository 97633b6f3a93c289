package sample_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func embedded(t testing.TB) *cost.Book {
	t.Helper()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// ledger is a laptop worker of two slots that was launched at noon.
func ledger(edit func(*store.Ledger)) store.Ledger {
	l := store.Ledger{
		Fleet: "default", Worker: "w1", Seq: 3, Started: noon, Updated: noon.Add(100 * time.Second), Slots: 2,
		Jobs: map[string]store.JobCount{"prices": {OK: 90, Failed: 10, BusyMS: 60_000, WastedMS: 5_000}},
		Cost: store.CostSample{Provider: cost.Local, Arch: "ARM64", Launched: noon, Ready: noon.Add(time.Second),
			Requests: map[string]int64{"sqs.receive": 12}},
	}
	edit(&l)
	return l
}

func TestWorker(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because  string
		edit     func(*store.Ledger)
		now      time.Time
		wantStop time.Time
	}{
		{"a worker heard of lately is billed until now", func(*store.Ledger) {}, noon.Add(130 * time.Second), noon.Add(130 * time.Second)},
		{"a final snapshot is the end", func(l *store.Ledger) { l.Final = true }, noon.Add(time.Hour), noon.Add(100 * time.Second)},
		{"one not heard of for 90 s ended before its next snapshot", func(*store.Ledger) {}, noon.Add(time.Hour), noon.Add(130 * time.Second)},
		{"a worker whose clock is ahead is billed until its own time", func(*store.Ledger) {}, noon, noon.Add(100 * time.Second)},
	} {
		l := ledger(c.edit)
		want := cost.Worker{
			Name: "w1", Provider: cost.Local, Platform: cost.ARM, Slots: 2,
			Start: noon, Ready: noon.Add(time.Second), Stop: c.wantStop, Estimated: c.now.Equal(noon.Add(time.Hour)) && !l.Final,
			Jobs:     map[string]cost.JobWork{"prices": {Tasks: 100, BusyMS: 60_000, WastedMS: 5_000}},
			Requests: map[string]int64{"sqs.receive": 12},
		}
		if diff := cmp.Diff(want, sample.Worker(l, c.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestALaptopWorkerCostsWhatFargateWouldCharge(t *testing.T) {
	t.Parallel()
	st, err := sample.JobCost(embedded(t), []store.Ledger{ledger(func(l *store.Ledger) { l.Final = true })}, noon.Add(time.Hour), cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// 100 s × (2 vCPU × $0.0000089944 + 4 GB × $0.0000009889) + 12 requests at $0.40 a million.
	if want := cost.PicoUSD(100*(2*8_994_400+4*988_900) + 12*400_000); st.Total != want {
		t.Errorf("total %s, want %s", st.Total, want)
	}
	if len(st.Jobs) != 1 || st.Jobs[0].Job != "prices" || st.Jobs[0].Total() != st.Total || st.Jobs[0].Waste.Total() == 0 {
		t.Errorf("jobs: %+v", st.Jobs)
	}
	if len(st.Assumptions) != 1 {
		t.Errorf("the output must say as what a local worker is priced: %q", st.Assumptions)
	}
}

// Snapshots may be lost, repeated and reordered; the newest of each worker decides.
func TestJobCostIgnoresOrderAndRepetition(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		var all, newest []store.Ledger
		for w := range rapid.IntRange(0, 5).Draw(t, "workers") {
			last := rapid.Int64Range(1, 4).Draw(t, "snapshots")
			for seq := int64(1); seq <= last; seq++ {
				l := ledger(func(l *store.Ledger) {
					l.Worker, l.Seq = string(rune('a'+w)), seq
					l.Updated = noon.Add(time.Duration(seq) * 40 * time.Second)
					l.Jobs = map[string]store.JobCount{"prices": {OK: seq, BusyMS: seq * 1000}, "risk": {OK: 2 * seq, BusyMS: 333}}
				})
				all = append(all, l, l)
				if seq == last {
					newest = append(newest, l)
				}
			}
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		now := noon.Add(3 * time.Minute)
		want, err1 := sample.JobCost(book, newest, now, cost.Options{})
		got, err2 := sample.JobCost(book, all, now, cost.Options{})
		if diff := cmp.Diff(want, got); diff != "" || err1 != nil || err2 != nil {
			t.Fatalf("%v %v (-want +got):\n%s", err1, err2, diff)
		}
		var jobs, workers cost.PicoUSD
		for _, j := range got.Jobs {
			jobs += j.Total()
		}
		for _, w := range got.Workers {
			workers += w.Cost
		}
		if jobs != got.Total || workers != got.Total {
			t.Fatalf("jobs %s, workers %s, total %s", jobs, workers, got.Total)
		}
	})
}

func BenchmarkJobCost(b *testing.B) {
	book := embedded(b)
	var ls []store.Ledger
	for i := range 10_000 {
		ls = append(ls, ledger(func(l *store.Ledger) { l.Worker = time.Duration(i).String() }))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sample.JobCost(book, ls, noon.Add(time.Hour), cost.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
