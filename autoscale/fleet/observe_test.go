package fleet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// job is a sealed job of 1,000 tasks in messages of 10.
func job(id string, edit func(*store.Job)) store.Job {
	j := store.Job{ID: id, Fleet: "default", Handler: "price", N: 1000, Confirmed: 1000, Plan: store.Plan{Chunk: 10}, State: store.Sealed, Created: noon}
	if edit != nil {
		edit(&j)
	}
	return j
}

// idle is the ledger of a worker that settled 100 tasks of job0 and has been idle for 20 s.
func idle(name string, edit func(*store.Ledger)) store.Ledger {
	l := store.Ledger{
		Fleet: "default", Worker: name, Slots: 1, Updated: noon.Add(-5 * time.Second), EmptySince: noon.Add(-20 * time.Second),
		Jobs: map[string]store.JobCount{"job0": {OK: 90, Failed: 10}},
		Cost: store.CostSample{Provider: cost.Fargate, Arch: "ARM64", VCPUMilli: 1000, MemoryMiB: 2048,
			Launched: noon.Add(-65 * time.Second), Ready: noon.Add(-40 * time.Second)},
	}
	if edit != nil {
		edit(&l)
	}
	return l
}

func TestObserve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		jobs    []store.Job
		ledgers []store.Ledger
		want    autoscale.Observation
	}{
		{because: "an empty world"},
		{
			because: "known work is confirmed minus settled, over all ledgers, those of the dead included",
			jobs:    []store.Job{job("job0", nil), job("job1", nil)},
			ledgers: []store.Ledger{idle("a", nil), idle("b", func(l *store.Ledger) { l.Final = true }),
				idle("c", func(l *store.Ledger) { l.Updated = noon.Add(-time.Hour) })},
			want: autoscale.Observation{KnownTasks: 1700, KnownMessages: 170, Jobs: map[string]int64{"job0": 700, "job1": 1000}, Heard: 1, IdlePolls: 1, EmptySince: noon.Add(-20 * time.Second),
				Evidence: autoscale.Evidence{Kinds: []autoscale.Kind{{Name: "price", Tasks: 1700}}}},
		},
		{
			because: "a job that is still being sent counts what SQS has confirmed",
			jobs:    []store.Job{job("job0", func(j *store.Job) { j.State, j.Confirmed = store.Open, 155 })},
			ledgers: []store.Ledger{idle("a", nil)},
			want: autoscale.Observation{KnownTasks: 55, KnownMessages: 6, Jobs: map[string]int64{"job0": 55}, Heard: 1, IdlePolls: 1, EmptySince: noon.Add(-20 * time.Second),
				Evidence: autoscale.Evidence{Kinds: []autoscale.Kind{{Name: "price", Tasks: 55}}}},
		},
		{
			because: "confirmations lag behind results: never below zero",
			jobs:    []store.Job{job("job0", func(j *store.Job) { j.State, j.Confirmed = store.Open, 10 })},
			ledgers: []store.Ledger{idle("a", nil)},
			want:    autoscale.Observation{Heard: 1, IdlePolls: 1, EmptySince: noon.Add(-20 * time.Second)},
		},
		{
			because: "finished jobs and other fleets' jobs are not ours to work on",
			jobs: []store.Job{job("job0", func(j *store.Job) { j.State = store.Done }),
				job("job1", func(j *store.Job) { j.State = store.Cancelled }), job("job2", func(j *store.Job) { j.Fleet = "other" })},
		},
		{
			because: "a busy worker and one that holds messages for later are both busy; then nobody knows since when all are idle",
			ledgers: []store.Ledger{idle("a", func(l *store.Ledger) { l.Busy = 1 }), idle("b", func(l *store.Ledger) { l.Held = 2 }), idle("c", nil)},
			want:    autoscale.Observation{Heard: 3, Busy: 2, IdlePolls: 1, Evidence: autoscale.Evidence{BusySlots: 1, Ages: autoscale.Histogram{0: 1}}},
		},
		{
			because: "an idle worker whose poll has not come back yet is idle at least since it said so",
			ledgers: []store.Ledger{idle("a", func(l *store.Ledger) { l.EmptySince = time.Time{} }), idle("b", nil)},
			want:    autoscale.Observation{Heard: 2, IdlePolls: 1, EmptySince: noon.Add(-5 * time.Second)},
		},
		{
			because: "silent for two minutes: it may still be running something; for longer than ten: gone",
			ledgers: []store.Ledger{idle("a", func(l *store.Ledger) { l.Updated = noon.Add(-2 * time.Minute) }),
				idle("b", func(l *store.Ledger) { l.Updated = noon.Add(-11 * time.Minute) })},
			want: autoscale.Observation{Silent: 1},
		},
	} {
		cl := newCloud()
		cl.visible, cl.inFlight, cl.delayed = "5", "6", "7"
		cl.ledgers = c.ledgers
		for _, j := range c.jobs {
			cl.jobs[j.ID] = j
		}
		got, err := open(t, cl, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{})
		if err != nil {
			t.Fatal(err)
		}
		c.want.Visible, c.want.InFlight, c.want.Delayed, c.want.Taken = 5, 6, 7, noon
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestObserveIsCheap(t *testing.T) {
	t.Parallel()
	c := newCloud()
	for _, id := range []string{"job0", "job1", "job2"} {
		c.jobs[id] = job(id, func(j *store.Job) { j.State = store.Open })
	}
	o := open(t, c, nil).Observer
	calls := func() int { return c.sqsCalls + c.ledgerReads + c.jobReads + c.searches }
	for tick := range 300 { // a minute of a laptop's ticks
		before := calls()
		if _, err := o.Observe(t.Context(), noon.Add(time.Duration(tick)*200*time.Millisecond), autoscale.Standing{}); err != nil {
			t.Fatal(err)
		}
		if n := calls() - before; n > 3 {
			t.Errorf("tick %d made %d calls", tick, n)
		}
	}
	if c.ledgerReads != 12 || c.searches != 4 {
		t.Errorf("ledgers read %d times, the index searched %d times", c.ledgerReads, c.searches)
	}
	if want := noon.Add(30*time.Second - 5*time.Minute); !c.since.Equal(want) {
		t.Errorf("the last search went back to %s, want %s", c.since, want)
	}
}

func TestSealedJobsAreReadSeldomUntilTheyAreDone(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["job0"] = job("job0", nil)
	o := open(t, c, func(c *fleet.Config) { c.DiscoverEvery = time.Minute }).Observer
	at := noon
	observe := func(after time.Duration) int64 {
		at = at.Add(after)
		obs, err := o.Observe(t.Context(), at, autoscale.Standing{})
		if err != nil {
			t.Fatal(err)
		}
		return obs.KnownTasks
	}
	observe(0)
	for range 5 {
		observe(time.Second)
	}
	if c.jobReads != 0 {
		t.Errorf("a sealed job was read %d times in 5 s", c.jobReads)
	}
	c.jobs["job0"] = job("job0", func(j *store.Job) { j.State = store.Done })
	if n := observe(10 * time.Second); n != 0 {
		t.Errorf("%d tasks of a finished job", n)
	}
	observe(time.Second)
	if c.jobReads != 1 {
		t.Errorf("a finished job was read %d times", c.jobReads)
	}
}

func TestAWatchedJobCountsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCloud()
	f := open(t, c, nil)
	if _, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{}); err != nil {
		t.Fatal(err)
	}
	c.jobs["fresh"] = job("fresh", nil) // not in the index the cloud lists
	f.Watch("fresh")
	f.Watch("fresh")
	f.Watch("never heard of")
	for i, want := range []int64{1000, 1000} {
		obs, err := f.Observer.Observe(t.Context(), noon.Add(time.Duration(i+1)*time.Second), autoscale.Standing{})
		if err != nil || obs.KnownTasks != want {
			t.Errorf("tick %d: %d tasks, %v", i, obs.KnownTasks, err)
		}
	}
	if c.jobReads != 2 {
		t.Errorf("%d reads for two jobs", c.jobReads)
	}
}

func TestOneUnreadableJobDoesNotStopTheFleet(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.visible = "3"
	c.jobs["job0"] = job("job0", nil)
	c.jobErr = &store.CorruptError{Key: "J#bad / META", Detail: "the plan"}
	f := open(t, c, nil)
	obs, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil || obs.KnownTasks != 1000 || obs.Visible != 3 {
		t.Errorf("search: %+v, %v", obs, err)
	}
	f.Watch("bad")
	if _, err := f.Observer.Observe(t.Context(), noon.Add(time.Second), autoscale.Standing{}); err != nil {
		t.Errorf("read: %v", err)
	}
}

func TestObserveFailsAsAWhole(t *testing.T) {
	t.Parallel()
	for because, breakIt := range map[string]func(*cloud){
		"SQS does not answer":              func(c *cloud) { c.sqsErr = errBroken },
		"the ledgers cannot be read":       func(c *cloud) { c.ledgerErr = errBroken },
		"the job index cannot be searched": func(c *cloud) { c.jobErr = errBroken },
	} {
		c := newCloud()
		breakIt(c)
		if obs, err := open(t, c, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{}); !errors.Is(err, errBroken) || !cmp.Equal(obs, autoscale.Observation{}) {
			t.Errorf("%s: got %+v, %v", because, obs, err)
		}
	}
	c := newCloud()
	c.inFlight = "many"
	if _, err := open(t, c, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{}); err == nil {
		t.Error("a count that is no number was believed")
	}
}

func TestSpentIsThePriceOfTheWorkersOfUnfinishedJobs(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := newCloud()
	c.jobs["job0"] = job("job0", func(j *store.Job) { j.Created = noon.Add(-time.Minute) })
	c.ledgers = []store.Ledger{
		idle("a", nil), // alive: 65 s
		idle("b", func(l *store.Ledger) { l.Final = true }), // ended 5 s ago: 60 s
		idle("old", func(l *store.Ledger) { l.Final, l.Updated = true, noon.Add(-time.Hour) }),
	}
	o := open(t, c, func(c *fleet.Config) { c.Prices = book }).Observer
	obs, err := o.Observe(t.Context(), noon, autoscale.Standing{})
	if want := cost.PicoUSD((65 + 60) * (8_994_400 + 2*988_900)); err != nil || obs.Spent != want {
		t.Errorf("spent %s, want %s (%v)", obs.Spent, want, err)
	}
}

func TestAnObservationSaysHowLongTasksTake(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["job0"] = job("job0", func(j *store.Job) { j.Created = noon.Add(-time.Hour) })
	c.ledgers = []store.Ledger{
		{Worker: "busy", Updated: noon, Slots: 4, Busy: 2, Hist: map[int]int64{8: 5}, Jobs: map[string]store.JobCount{"job0": {RunningMS: 6000}}},
		{Worker: "ended", Updated: noon.Add(-time.Minute), Final: true, Hist: map[int]int64{8: 1, 80: 2}},
		{Worker: "of another time", Updated: noon.Add(-2 * time.Hour), Final: true, Hist: map[int]int64{3: 1000}},
	}
	o, err := open(t, c, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	var done, ages autoscale.Histogram
	done.AddBucket(8, 6)
	done.AddBucket(80, 2)
	ages.Add(3*time.Second, 2)
	if o.Done != done || o.Ages != ages || o.BusySlots != 2 {
		t.Errorf("%d done, %d running in %d slots; want 8, 2 and 2", o.Done.Count(), o.Ages.Count(), o.BusySlots)
	}
}

func TestWhatPeopleAskForIsSeen(t *testing.T) {
	t.Parallel()
	world := newCloud()
	world.control.Scale = store.Scale{Hold: true, Min: 2, Max: 9, SetMax: true, Mode: "deadline", Efficiency: .8, Deadline: noon.Add(time.Hour),
		ValuePico: 3e12, BudgetPico: 5e12, By: "ann", Why: "lunch", At: noon}
	o, err := open(t, world, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{})
	want := autoscale.Asked{Hold: true, Min: 2, Max: 9, SetMax: true, Mode: "deadline", Efficiency: .8, Deadline: noon.Add(time.Hour),
		Value: 3 * cost.USD, Budget: 5 * cost.USD, By: "ann (lunch)"}
	if diff := cmp.Diff(want, o.Asked); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	world.controlErr = errors.New("down")
	if _, err := open(t, world, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{}); !errors.Is(err, world.controlErr) {
		t.Errorf("an order that cannot be read is overlooked: %v", err)
	}
}
