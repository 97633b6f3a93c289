package fleet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// billed is the ledger of a worker of 1 vCPU and 2 GB that was busy for one job all its life.
func billed(name, job string, from, until time.Time, final bool) store.Ledger {
	return store.Ledger{
		Worker: name, Started: from, Updated: until, Final: final, Slots: 1,
		Jobs: map[string]store.JobCount{job: {OK: 1, BusyMS: until.Sub(from).Milliseconds()}},
		Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: from, Ready: from},
	}
}

func TestAnObservationSaysWhatWasSpent(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := book.Fargate(cost.X86, false)
	if err != nil {
		t.Fatal(err)
	}
	bill := func(d time.Duration) cost.PicoUSD {
		return cost.FargateBill(rate, cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}, noon, noon.Add(d)).Total()
	}
	c := newCloud()
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	c.jobs["job0"] = store.Job{ID: "job0", Fleet: "default", N: 10, Confirmed: 10, State: store.Sealed, Created: ago(3 * time.Hour), MaxCostPico: 7e12, Plan: store.Plan{Chunk: 1}}
	c.jobs["job1"] = store.Job{ID: "job1", Fleet: "default", N: 10, Confirmed: 10, State: store.Sealed, Created: ago(2 * time.Hour), Plan: store.Plan{Chunk: 1}}
	c.ledgers = []store.Ledger{
		billed("lives", "job0", ago(30*time.Minute), noon, false),
		billed("crossed", "job0", ago(90*time.Minute), ago(30*time.Minute), true),
		billed("before", "job1", ago(3*time.Hour), ago(2*time.Hour), true),
		billed("yesterday", "old", ago(25*time.Hour), ago(23*time.Hour), true),
		billed("long ago", "old", ago(50*time.Hour), ago(49*time.Hour), true),
	}
	f := open(t, c, func(c *fleet.Config) { c.Prices, c.Capped = book, true })
	o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	half, hour := bill(30*time.Minute), bill(time.Hour)
	type spent struct{ All, Hour, Day cost.PicoUSD }
	// The job's hour of "before" ended just when job1 was created.
	want := spent{All: half + hour + hour, Hour: half + half, Day: half + hour + hour + bill(time.Hour)}
	if got := (spent{o.Spent, o.SpentHour, o.SpentDay}); got != want {
		t.Errorf("spent %+v, want %+v", got, want)
	}
	caps := []autoscale.JobCap{{Job: "job0", Cap: 7e12, Spent: half + hour, Tasks: 8}}
	if diff := cmp.Diff(caps, o.Caps); diff != "" {
		t.Errorf("caps (-want +got):\n%s", diff)
	}
}

func TestWorkersAndJobsAreToldOfTheEndOfTheMoney(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["dear"] = store.Job{ID: "dear", State: store.Sealed, MaxCostPico: 5e12}
	f := open(t, c, nil)
	at := noon
	record := func(d autoscale.Decision, beats int, draining bool) {
		t.Helper()
		at = at.Add(time.Second)
		d.At = at
		if err := f.Journal.Record(t.Context(), d, autoscale.State{}); err != nil {
			t.Fatal(err)
		}
		if c.beats != beats || c.control.Draining != draining {
			t.Errorf("told %d times, draining %v; want %d and %v", c.beats, c.control.Draining, beats, draining)
		}
	}
	record(autoscale.Decision{}, 1, false)
	record(autoscale.Decision{}, 1, false) // nothing new
	record(autoscale.Decision{Drain: true}, 2, true)
	record(autoscale.Decision{Drain: true}, 2, true)
	record(autoscale.Decision{StopAll: true}, 2, true)
	c.jobs["resumed"] = store.Job{ID: "resumed", State: store.Open, MaxCostPico: 9e12}
	over := autoscale.Decision{Over: []string{"dear", "gone", "resumed"}}
	for _, job := range append(over.Over, "frugal") {
		over.Observation.Caps = append(over.Observation.Caps, autoscale.JobCap{Job: job, Cap: 5 * cost.USD, Spent: 5 * cost.USD})
	}
	record(over, 3, false)
	if j := c.jobs["dear"]; j.State != store.Cancelled || j.Why != "$5.00 of its cap of $5.00 were spent" || !j.Finished.Equal(at) {
		t.Errorf("the job at its cap is %s at %v because %q", j.State, j.Finished, j.Why)
	}
	if j := c.jobs["resumed"]; j.State != store.Open {
		t.Errorf("the job that has another cap by now is %s", j.State)
	}
	record(over, 4, false)
	if got := fmt.Sprint(c.control.Cancelled); got != "[dear]" {
		t.Errorf("workers are told that %s are cancelled", got)
	}
}

func TestWorkersAreToldOfAStoppedJobWhenItFailedBefore(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["dear"] = store.Job{ID: "dear", State: store.Sealed, MaxCostPico: 5e12}
	f := open(t, c, nil)
	c.controlErr = errors.New("throttled")
	d := autoscale.Decision{At: noon, Over: []string{"dear"}}
	d.Observation.Caps = []autoscale.JobCap{{Job: "dear", Cap: 5 * cost.USD, Spent: 6 * cost.USD}}
	if err := f.Journal.Record(t.Context(), d, autoscale.State{}); !errors.Is(err, c.controlErr) {
		t.Errorf("recorded with %v", err)
	}
	c.controlErr = nil
	if err := f.Journal.Record(t.Context(), autoscale.Decision{At: noon.Add(time.Second)}, autoscale.State{}); err != nil { // it is no capped job any more
		t.Error(err)
	}
	if got := fmt.Sprint(c.control.Cancelled); got != "[dear]" {
		t.Errorf("workers are told that %s are cancelled", got)
	}
	c.control.LeaderAt, c.control.Draining = noon.Add(time.Hour), true // by the next leader
	if err := f.Journal.Record(t.Context(), autoscale.Decision{At: noon.Add(time.Minute)}, autoscale.State{}); err != nil {
		t.Error(err)
	}
	if !c.control.Draining || !c.control.LeaderAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("a leader of the past has the last word: %+v", c.control)
	}
}

func TestAJobThatIsTakenUpAgainIsSeenByALeaderElsewhere(t *testing.T) {
	t.Parallel()
	c := newCloud()
	capped := func(state store.State, capPico int64, why string) store.Job {
		return store.Job{ID: "job0", Fleet: "default", N: 10, Confirmed: 10, State: state, Why: why, MaxCostPico: capPico,
			Created: noon.Add(-time.Hour), Plan: store.Plan{Chunk: 1}}
	}
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, c, func(f *fleet.Config) { f.Prices = book }).Observer
	at := noon
	observe := func(after time.Duration, tasks int64, caps int) {
		t.Helper()
		for end := at.Add(after); at.Before(end); at = at.Add(10 * time.Second) {
			if _, err := o.Observe(t.Context(), at, autoscale.Standing{}); err != nil {
				t.Fatal(err)
			}
		}
		obs, err := o.Observe(t.Context(), at, autoscale.Standing{})
		if err != nil || obs.KnownTasks != tasks || len(obs.Caps) != caps {
			t.Errorf("%d tasks, caps %+v, %v; want %d tasks and %d caps", obs.KnownTasks, obs.Caps, err, tasks, caps)
		}
	}
	c.jobs["job0"] = capped(store.Sealed, 5e12, "")
	observe(time.Minute, 10, 1)
	c.jobs["job0"] = capped(store.Cancelled, 5e12, "spent")
	observe(10*time.Minute, 0, 0)
	c.jobs["job0"] = capped(store.Open, 9e12, "") // resumed
	observe(time.Minute, 10, 1)
	c.jobs["job0"] = capped(store.Done, 9e12, "")
	observe(10*time.Minute, 0, 0)
	c.jobs["job0"] = capped(store.Sealed, 9e12, "") // its failed tasks are retried
	observe(time.Minute, 10, 1)
	c.jobs["job0"] = capped(store.Cancelled, 9e12, "") // by a person
	observe(time.Minute, 0, 0)
	reads := c.jobReads
	observe(10*time.Minute, 0, 0)
	if c.jobReads != reads {
		t.Errorf("a job that a person cancelled was read %d times more", c.jobReads-reads)
	}
}

func TestWhatCannotBeToldApartCountsAgainstTheCap(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := newCloud()
	c.jobs["job0"] = store.Job{ID: "job0", Fleet: "default", N: 10, Confirmed: 10, State: store.Sealed, Created: noon.Add(-time.Hour), MaxCostPico: 7e12, Plan: store.Plan{Chunk: 1}}
	idle := billed("launched, nothing done", "job0", noon.Add(-10*time.Minute), noon, false)
	idle.Jobs = nil
	c.ledgers = []store.Ledger{idle, billed("ninth job", store.OtherJobs, noon.Add(-10*time.Minute), noon, false)}
	o, err := open(t, c, func(f *fleet.Config) { f.Prices = book }).Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil || len(o.Caps) != 1 || o.Caps[0].Spent != o.Spent || o.Spent == 0 {
		t.Errorf("%+v of %v spent, %v; want all of it", o.Caps, o.Spent, err)
	}
}
