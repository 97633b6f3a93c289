//go:build unix

package waves

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/store"
)

// raise is one wave: the desired counts before and after.
type raise struct{ From, To int }

// planned is what the simulator says of this run, in a mode: its waves and how long it takes.
func planned(mode autoscale.Mode) (waves []raise, makespan time.Duration) {
	scenario := simulate.Scenario{
		Name: "waves", Batches: []simulate.Batch{{Tasks: tasks, Durations: draw}}, Quota: quota,
		Provisioning: startUp.Seconds() / 2, Pull: startUp.Seconds() / 2, Rate: launchRate, Burst: launchRate,
	}
	policy := &simulate.Ours{Ledger: true, Watch: func(d autoscale.Decision) {
		if d.Want > d.From {
			waves = append(waves, raise{d.From, d.Want})
		}
	}}
	policy.Config.Mode = mode
	r := simulate.Run(scenario, policy, 1, simulate.Options{})
	return waves, time.Duration(r.Makespan * float64(time.Second))
}

// checkWaves holds the autoscaler's raises against the planned ones.
func checkWaves(t *testing.T, mode autoscale.Mode, decisions []store.Decision, took time.Duration) {
	t.Helper()
	var waves []raise
	for _, d := range decisions {
		if d.Want > d.Desired {
			waves = append(waves, raise{d.Desired, d.Want})
		}
		t.Logf("%s: decision %d, wave %d, %d of %d, %s: %s", d.At.Format("15:04:05.0"), d.Seq, d.Wave, d.Want, d.Desired, d.Binding, d.Reason)
	}
	want, makespan := planned(mode)
	if diff := cmp.Diff(want, waves); diff != "" {
		t.Errorf("waves (-planned +actual):\n%s", diff)
	}
	t.Logf("%d waves, as planned; the tasks took %v, planned were %v", len(waves), took.Round(time.Second), makespan.Round(time.Second))
	if took > 2*makespan { // a machine with other work is slower
		t.Errorf("the tasks took %v, planned were %v", took, makespan)
	}
}

// checkReport holds what `starburst waves` says of the job against the same plan.
func (f *fleet) checkReport(t *testing.T, bin string, job store.Job, mode autoscale.Mode) {
	t.Helper()
	var report struct {
		Waves []struct {
			From, To int
			Actual   struct{ Workers, Tasks int }
		}
		Others struct{ Workers, Tasks int }
	}
	if err := json.Unmarshal(f.run(t.Context(), t, bin, "waves", job.ID, "-o", "json"), &report); err != nil {
		t.Fatal(err)
	}
	want, _ := planned(mode)
	var got []raise
	workers, done := report.Others.Workers, report.Others.Tasks
	for _, w := range report.Waves {
		got = append(got, raise{w.From, w.To})
		workers += w.Actual.Workers
		done += w.Actual.Tasks
	}
	if diff := cmp.Diff(want, got); diff != "" || done != tasks || workers != want[len(want)-1].To || report.Others.Workers != 0 {
		t.Errorf("starburst waves: %d tasks of %d workers, %d of them of no wave (-planned +reported):\n%s", done, workers, report.Others.Workers, diff)
	}
}
