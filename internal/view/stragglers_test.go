package view

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

func TestStragglersAreThoseThatTakeLongerThanNearlyAll(t *testing.T) {
	t.Parallel()
	tab, look := setup(t)
	// 95 % took less than 2.048 s, half less than 1.024 s. w1 had run for 8 s when it was last heard of; w2 has two tasks, 1 s each.
	tab.ledgers[0].Jobs["j"] = store.JobCount{OK: 60, Failed: 2, BusyMS: 62_000, RunningMS: 8000}
	tab.ledgers[1].Busy, tab.ledgers[1].Updated = 2, at(100)
	tab.ledgers[1].Jobs["j"] = store.JobCount{OK: 28, BusyMS: 28_000, RunningMS: 2000}
	s, err := look.Look(t.Context(), at(100))
	if err != nil {
		t.Fatal(err)
	}
	want := []Straggler{{Worker: "w1", Running: 1, For: 8 * time.Second, Times: 7.8125}}
	if diff := cmp.Diff(want, StragglersOf(s, 10)); diff != "" {
		t.Errorf("stragglers (-want +got):\n%s", diff)
	}
	if got := StragglersOf(s, 0); len(got) != 0 {
		t.Errorf("%v; none was asked for", got)
	}
	s.Ended = at(101)
	if got := StragglersOf(s, 10); len(got) != 0 {
		t.Errorf("%v of a job that is over", got)
	}
}
