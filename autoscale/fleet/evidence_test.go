package fleet_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// limitsOf is a quota and a number of free addresses, or why they are not known.
type limitsOf struct {
	quota fleet.Quota
	free  int
	err   error
}

func (l *limitsOf) Read(context.Context) (fleet.Quota, error) { return l.quota, l.err }
func (l *limitsOf) Free(context.Context) (int, error)         { return l.free, l.err }

func TestWhatIsLeftOfAQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		quota   fleet.Quota
		err     error
		vcpu    float64
		desired int
		want    autoscale.Room
	}{
		{"an operator's own limit counts our workers only", fleet.Quota{Known: true, Limit: 6, Source: "set by you"}, nil, 1, 2,
			autoscale.Room{Limited: true, Known: true, Left: 4, Note: "6 vCPU, set by you"}},
		{"a part of a worker is none", fleet.Quota{Known: true, Limit: 7}, nil, 2, 2,
			autoscale.Room{Limited: true, Known: true, Left: 1, Note: "7 vCPU"}},
		{"usage tells of others and, late, of us: the four workers that we had then are not counted twice", fleet.Quota{Known: true, Limit: 16, Used: 6, UsedAt: noon}, nil, 1, 8,
			autoscale.Room{Limited: true, Known: true, Left: 6, Note: "16 vCPU, 2 used by others"}},
		{"usage of a time before we looked counts as others'", fleet.Quota{Known: true, Limit: 16, Used: 6, UsedAt: noon.Add(-time.Hour)}, nil, 1, 8,
			autoscale.Room{Limited: true, Known: true, Left: 2, Note: "16 vCPU, 6 used by others"}},
		{"more used than allowed leaves nothing", fleet.Quota{Known: true, Limit: 6, Used: 64, UsedAt: noon.Add(-time.Hour)}, nil, 1, 0,
			autoscale.Room{Limited: true, Known: true, Note: "6 vCPU, 64 used by others"}},
		{"not known is not zero and not infinite", fleet.Quota{Source: "access denied"}, nil, 1, 2, autoscale.Room{Limited: true, Note: "access denied"}},
		{"an error is not known", fleet.Quota{}, errBroken, 1, 2, autoscale.Room{Limited: true, Note: "broken"}},
		{"of a worker of unknown size", fleet.Quota{Known: true, Limit: 6}, nil, 0, 2, autoscale.Room{Limited: true, Note: "nobody knows how many vCPUs a worker has"}},
		{"of figures that cannot be", fleet.Quota{Known: true, Limit: -6}, nil, 1, 2, autoscale.Room{Limited: true, Note: "0 of -6 vCPU used cannot be"}},
	} {
		l := &limitsOf{quota: c.quota, err: c.err}
		f := open(t, newCloud(), func(cfg *fleet.Config) { cfg.Quotas, cfg.WorkerVCPU = l, c.vcpu })
		var o autoscale.Observation
		for _, at := range []time.Duration{-3 * time.Minute, -time.Minute / 2, 5 * time.Minute} {
			running := 4
			if at > 0 {
				running = 8
			}
			var err error
			standing := autoscale.Standing{Counts: autoscale.Counts{Desired: c.desired, Running: running}}
			if o, err = f.Observer.Observe(t.Context(), noon.Add(at), standing); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(c.want, o.Quota); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestADeploymentMayMakeWorkersLarger(t *testing.T) {
	t.Parallel()
	l := &limitsOf{quota: fleet.Quota{Known: true, Limit: 16}}
	f := open(t, newCloud(), func(cfg *fleet.Config) { cfg.Quotas, cfg.WorkerVCPU = l, 1 })
	f.SetWorkerVCPU(4)
	o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{Counts: autoscale.Counts{Desired: 1}})
	if err != nil || o.Quota.Left != 3 {
		t.Errorf("left %d of 16 with one worker of 4 vCPU, %v", o.Quota.Left, err)
	}
}

func TestANewLeaderKnowsHowLargeTheFleetWas(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.decisions = []store.Decision{{At: noon.Add(-6 * time.Minute), Running: 3, Pending: 1, Want: 4}, {At: noon.Add(-3 * time.Minute), Running: 4, Want: 4}}
	l := &limitsOf{quota: fleet.Quota{Known: true, Limit: 16, Used: 6, UsedAt: noon.Add(-3 * time.Minute)}}
	f := open(t, c, func(cfg *fleet.Config) { cfg.Quotas, cfg.WorkerVCPU = l, 1 })
	if _, _, _, err := f.Journal.Last(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{Counts: autoscale.Counts{Desired: 4, Running: 4}})
	if err != nil || o.Quota.Left != 10 {
		t.Errorf("left %d of 16 with 4 of ours and 2 others', %v", o.Quota.Left, err)
	}
}

func TestFreeAddressesAreALimit(t *testing.T) {
	t.Parallel()
	l := &limitsOf{free: 10}
	f := open(t, newCloud(), func(cfg *fleet.Config) { cfg.Subnets = l })
	look := func() autoscale.Room {
		o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{Counts: autoscale.Counts{Desired: 5, Running: 2}})
		if err != nil {
			t.Fatal(err)
		}
		return o.Addresses
	}
	if got := look(); got != (autoscale.Room{Limited: true, Known: true, Left: 7, Note: "10 free in the subnets"}) {
		t.Errorf("three that are launched may not have theirs yet: %+v", got)
	}
	l.err = errors.New("denied")
	if got := look(); got.Known || !got.Limited || got.Note != "denied" {
		t.Errorf("not known: %+v", got)
	}
}

func TestStartsAreMeasuredAndFailuresCounted(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 2, nil) // created 80 s ago, pulled for 15 s from then on
	c.write()
	c.ledgers[1].Seq = 3
	for _, code := range []string{"TaskFailedToStart", "EssentialContainerExited", "ServiceSchedulerInitiated"} {
		c.ledgers = append(c.ledgers, store.Ledger{Worker: code, Final: true, Updated: noon, End: store.WorkerEnd{Stopped: noon.Add(-time.Minute), Code: code}})
	}
	c.ledgers = append(c.ledgers, store.Ledger{Worker: "long ago", Final: true, Updated: noon, End: store.WorkerEnd{Stopped: noon.Add(-time.Hour), Code: "TaskFailedToStart"}})
	c.jobs["job0"] = job("job0", func(j *store.Job) { j.Created = noon.Add(-time.Hour) })
	for i := range 2 {
		c.ledgers[i].Started = noon.Add(-40 * time.Second)
	}
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Workers: 2})
	o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	if o.Starts != 2 || o.Billed != 25*time.Second || o.StartUp != 40*time.Second {
		t.Errorf("%d starts, %s billed of %s; want 2, 25 s of 40 s", o.Starts, o.Billed, o.StartUp)
	}
	if o.RecentStarts != 2 || o.FailedStarts != 2 {
		t.Errorf("%d started and %d failed in the last two minutes", o.RecentStarts, o.FailedStarts)
	}
	c.jobs = map[string]store.Job{}
	if o, err = c.open(t).Observer.Observe(t.Context(), noon, autoscale.Standing{}); err != nil || o.FailedStarts != 2 {
		t.Errorf("%d failed of a fleet that works for strangers only: %v", o.FailedStarts, err)
	}
	if c.asked != 2 {
		t.Errorf("ECS was asked %d times about two workers", c.asked)
	}
}

func TestHandlersAreToldApartAndRemembered(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["job0"] = job("job0", nil)
	c.jobs["job1"] = job("job1", func(j *store.Job) { j.Handler, j.N, j.Confirmed = "render", 100, 100 })
	c.jobs["job2"] = job("job2", func(j *store.Job) { j.Handler, j.State = "render", store.Done })
	c.ledgers = []store.Ledger{idle("a", func(l *store.Ledger) {
		l.Jobs = map[string]store.JobCount{
			"job0": {OK: 10, BusyMS: 2500, WastedMS: 300, RunningMS: 200},
			"job2": {OK: 40, Failed: 10, BusyMS: 500_000},
			"gone": {OK: 1000, BusyMS: 1},
		}
	})}
	o, err := open(t, c, nil).Observer.Observe(t.Context(), noon, autoscale.Standing{})
	if err != nil {
		t.Fatal(err)
	}
	want := []autoscale.Kind{
		{Name: "price", Tasks: 990, Done: 10, DoneTime: 2 * time.Second},
		{Name: "render", Tasks: 100, Prior: 10 * time.Second},
	}
	if diff := cmp.Diff(want, o.Kinds); diff != "" || o.Prior.Mean != 10*time.Second {
		t.Errorf("prior %s; kinds (-want +got):\n%s", o.Prior.Mean, diff)
	}
}

func TestWhatASubmitterExpectsIsKnownBefore(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.jobs["job0"] = job("job0", nil)
	c.jobs["job1"] = job("job1", func(j *store.Job) { j.Handler = "render" })
	c.jobs["job2"] = job("job2", func(j *store.Job) { j.Handler = "odd" })
	c.forecasts = map[string]string{
		"job0": `{"shape":{"task_time_ns":{"low":1,"likely":4000000000,"high":9000000000}},"estimate":{}}`,
		"job2": `{"shape":{"task_time_ns":{"likely":-4}}}`,
	}
	o := open(t, c, nil).Observer
	var obs autoscale.Observation
	for tick := range 12 {
		var err error
		if obs, err = o.Observe(t.Context(), noon.Add(time.Duration(tick)*10*time.Second), autoscale.Standing{}); err != nil {
			t.Fatal(err)
		}
	}
	priors := map[string]time.Duration{}
	for _, k := range obs.Kinds {
		priors[k.Name] = k.Prior
	}
	if diff := cmp.Diff(map[string]time.Duration{"price": 4 * time.Second, "render": 0, "odd": 0}, priors); diff != "" || obs.Prior.Mean != 4*time.Second {
		t.Errorf("prior %s; by handler (-want +got):\n%s", obs.Prior.Mean, diff)
	}
	if c.forecastReads != 8 { // one each, and five more for the one that is not there yet
		t.Errorf("forecasts were read %d times", c.forecastReads)
	}
}

func TestMoneyThatIsNotLivedYetAndSpotThatIsTaken(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c := newCloud()
	c.jobs["job0"] = job("job0", func(j *store.Job) { j.Created = noon.Add(-time.Hour) })
	c.ledgers = []store.Ledger{
		idle("old", nil),
		idle("young", func(l *store.Ledger) { l.Cost.Launched = noon.Add(-20 * time.Second) }),
		idle("taken", func(l *store.Ledger) {
			l.Final, l.End = true, store.WorkerEnd{Stopped: noon, Provider: cost.FargateSpot, Code: "SpotInterruption"}
			l.Cost.Launched, l.Updated = noon.Add(-4*time.Hour), noon
		}),
	}
	o, err := open(t, c, func(cfg *fleet.Config) { cfg.Prices = book }).Observer.Observe(t.Context(), noon,
		autoscale.Standing{Counts: autoscale.Counts{Desired: 5, Running: 2, Pending: 1}})
	if err != nil || o.Prepaid != 40*time.Second || o.Provisioning != 3 {
		t.Errorf("%s prepaid, %d not charged yet, %v; want 40 s and 3", o.Prepaid, o.Provisioning, err)
	}
	if o.Interruptions < .24 || o.Interruptions > .26 {
		t.Errorf("%v interruptions per hour, want one in four", o.Interruptions)
	}
}

func TestAMemoryThatIsTooLargeOrOfAnotherVersionLosesNoDecision(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.decisions = []store.Decision{{At: noon, Seq: 4, Wave: 2, Want: 8, Memory: []byte(strings.Repeat("x", 40))}}
	d, after, found, err := open(t, c, nil).Journal.Last(t.Context(), noon)
	if err != nil || !found || d.Wave != 2 || after != (autoscale.State{}) {
		t.Errorf("%+v, %+v, %v, %v", d, after, found, err)
	}
}

// Each look at the usage costs money, so that a fleet at zero without work takes none; with work it looks before it launches.
func TestAnIdleFleetAsksForNoQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		edit    func(*cloud)
		desired int
		asked   bool
	}{
		{"nothing to do, nobody there", func(*cloud) {}, 0, false},
		{"a message", func(c *cloud) { c.visible = "1" }, 0, true},
		{"a retry that is delayed", func(c *cloud) { c.delayed = "1" }, 0, true},
		{"a job", func(c *cloud) { c.jobs["a"] = job("a", nil) }, 0, true},
		{"a job whose tasks are settled, which nobody has marked as done", func(c *cloud) { c.jobs["a"] = job("a", func(j *store.Job) { j.N, j.Confirmed = 0, 0 }) }, 0, false},
		{"a worker", func(*cloud) {}, 1, true},
		{"somebody wants a least number", func(c *cloud) { c.control.Scale.Min = 1 }, 0, true},
	} {
		world := newCloud()
		c.edit(world)
		l := &limitsOf{quota: fleet.Quota{Known: true, Limit: 6}}
		f := open(t, world, func(cfg *fleet.Config) { cfg.Quotas, cfg.WorkerVCPU = l, 1 })
		for id := range world.jobs {
			f.Watch(id)
		}
		o, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{Counts: counts(c.desired)})
		if err != nil || o.Quota.Known != c.asked || !o.Quota.Limited {
			t.Errorf("%s: %+v, %v", c.because, o.Quota, err)
		}
	}
}

func counts(desired int) autoscale.Counts {
	return autoscale.Counts{Desired: desired, Running: desired}
}

// Ledgers are written with one of the two and read with the other, which cannot share it: the policy links nothing of ours but prices.
func TestWorkersAndThePolicyCountInTheSameBuckets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64().Draw(t, "duration"))
		if w, p := consumer.HistBucket(d), autoscale.Bucket(d); w != p {
			t.Errorf("%v is in bucket %d of ledgers and %d of the policy", d, w, p)
		}
	})
}
