package bill_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

func TestDurationsAreRememberedPerHandler(t *testing.T) {
	t.Parallel()
	job := func(id, handler string) store.Job {
		return store.Job{ID: id, Handler: handler, Fleet: "f", Created: noon}
	}
	world := &table{
		jobs: []store.Job{job("a1", "price"), job("r1", "risk"), job("a2", "price"), {ID: "a3", Handler: "price", Fleet: "other", Created: noon}},
		ledgers: []store.Ledger{
			{Fleet: "f", Worker: "w1", Hist: map[int]int64{80: 10, 96: 10}, // about 1 s and 4 s
				Jobs: map[string]store.JobCount{"a1": {OK: 15, BusyMS: 30_000}, "a2": {OK: 4, Failed: 1, BusyMS: 20_000}}},
			{Fleet: "f", Worker: "w2", Hist: map[int]int64{200: 99}, // of both handlers, so it says nothing of either
				Jobs: map[string]store.JobCount{"a1": {OK: 5, BusyMS: 11_000, RunningMS: 1_000}, "r1": {OK: 99, BusyMS: 1}}},
		},
	}
	d, err := bill.Remembered(t.Context(), world, "price", "f", noon)
	if err != nil || d.Seen != 25 || d.Counted != 20 || d.Mean != 2400*time.Millisecond || d.Source != "the last 2 jobs" {
		t.Errorf("%+v, %v", d, err)
	}
	if want := .6 * math.Sqrt(20.0/19); math.Abs(d.CV-want) > .01 {
		t.Errorf("half of the tasks took four times as long: cv %.3f, want %.3f", d.CV, want)
	}
	if d, err := bill.Remembered(t.Context(), world, "unheard of", "f", noon); err != nil || d.Seen != 0 || d.Source != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := bill.DurationsOf(t.Context(), world, "r1"); err != nil || d.CV != 0 || d.Counted != 0 || d.Source != "job r1" {
		t.Errorf("without a histogram of its own: %+v, %v", d, err)
	}
	world.err = errors.New("down")
	if _, err := bill.Remembered(t.Context(), world, "price", "f", noon); !errors.Is(err, world.err) {
		t.Errorf("%v", err)
	}
}
