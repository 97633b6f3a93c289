package bill_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

// Two waves for job "a": of the second, one worker never came. A third wave was for another job.
func TestWavesAsPlannedAndAsTheyCame(t *testing.T) {
	t.Parallel()
	worker := func(name string, launched, ready time.Duration, tasks int64) store.Ledger {
		return store.Ledger{Fleet: "f", Worker: name, Slots: 1, Updated: noon.Add(10 * time.Minute), Final: true,
			Jobs: map[string]store.JobCount{"a": {OK: tasks, BusyMS: 1000 * tasks}},
			Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: noon.Add(launched), Ready: noon.Add(ready)}}
	}
	raise := func(at time.Duration, wave int64, from, to int, job string, tasks int64) store.Decision {
		return store.Decision{Fleet: "f", At: noon.Add(at), Seq: wave, Wave: wave, Desired: from, Want: to, Jobs: map[string]int64{job: tasks}, Binding: "wave", Reason: "doubling"}
	}
	world := &table{
		jobs: []store.Job{{ID: "a", Fleet: "f", N: 120, Created: noon}},
		ledgers: []store.Ledger{
			worker("w1", 20*time.Second, 45*time.Second, 70), worker("w2", 22*time.Second, 55*time.Second, 30),
			worker("w3", 70*time.Second, 100*time.Second, 20), worker("w0", -time.Hour, -time.Hour, 0),
		},
		decisions: []store.Decision{raise(5*time.Second, 1, 0, 2, "a", 120), raise(50*time.Second, 2, 2, 4, "a", 60), raise(8*time.Minute, 3, 4, 5, "b", 9)},
	}
	f := bill.Forecast{Shape: cost.JobShape{Tasks: 120}, Estimate: &cost.Estimate{Cost: cost.Range{Low: cost.USD, Likely: 2 * cost.USD, High: 3 * cost.USD}}}
	raw, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	world.forecasts = map[string][]byte{"a": raw}
	r, err := bill.Config{Store: world, Book: book(t), Now: noon.Add(20 * time.Minute)}.Waves(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		From, To                 int
		Planned, Actual          [2]int64 // workers, tasks
		Start, Median, LastStart time.Duration
		Cost                     string
	}
	var got []line
	var sum cost.PicoUSD
	for _, l := range r.Waves {
		got = append(got, line{l.From, l.To, [2]int64{int64(l.Planned.Workers), l.Planned.Tasks}, [2]int64{int64(l.Actual.Workers), l.Actual.Tasks},
			l.Planned.Start, l.Actual.Start, l.Actual.Last, l.Planned.Cost.String()})
		if !l.Actual.KnownCost || l.Actual.Cost <= 0 {
			t.Errorf("a wave that ran cost %v", l.Actual.Cost)
		}
		sum += l.Actual.Cost
	}
	want := []line{
		{0, 2, [2]int64{2, 120}, [2]int64{2, 100}, cost.DefaultStartUp, 50 * time.Second, 50 * time.Second, (2 * cost.USD).String()},
		{2, 4, [2]int64{2, 30}, [2]int64{1, 20}, cost.DefaultStartUp, 50 * time.Second, 50 * time.Second, (cost.USD / 2).String()},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	whole, err := bill.Config{Store: world, Book: book(t), Now: noon.Add(20 * time.Minute)}.Job(t.Context(), "a")
	if err != nil || sum+r.Others.Cost != whole.Statement.Total {
		t.Errorf("the waves add up to %v and %v of others, the bill to %v: %v", sum, r.Others.Cost, whole.Statement.Total, err)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "2 → 1") || !strings.Contains(out.String(), "40s → 50s (50s)") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

func TestAJobWithoutWavesSaysSo(t *testing.T) {
	t.Parallel()
	world := &table{jobs: []store.Job{{ID: "a", Fleet: "f", N: 1, Created: noon}}}
	r, err := bill.Config{Store: world, Book: book(t), Now: noon}.Waves(t.Context(), "a")
	var out bytes.Buffer
	if err != nil || r.Print(&out) != nil || !strings.Contains(out.String(), "no wave was for this job") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

func book(t *testing.T) *cost.Book {
	t.Helper()
	b, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
