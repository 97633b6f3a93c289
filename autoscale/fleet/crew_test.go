package fleet_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/store"
)

// cluster is ECS with several services, and the table's control item. Tasks that protect themselves are never stopped for a lower count;
// of the others the first by name are.
type cluster struct {
	*cloud
	desired map[string]int
	tasks   map[string]*hand
	calls   []string // UpdateService and StopTask, in order
	asked   int      // calls to DescribeTasks
	wrote   time.Time

	stopMu sync.Mutex // protects calls while tasks are stopped several at once
}

// hand is a worker as ECS and its ledger show it.
type hand struct {
	service             string
	busy, young, silent bool // silent: it has not written a ledger yet
	replied, stopped    bool
}

func newCluster(services ...string) *cluster {
	c := &cluster{wrote: noon, cloud: newCloud(), desired: map[string]int{}, tasks: map[string]*hand{}}
	for _, s := range services {
		c.desired[s] = 0
	}
	return c
}

func (c *cluster) add(service string, n int, edit func(*hand)) {
	for range n {
		h := &hand{service: service}
		if edit != nil {
			edit(h)
		}
		c.tasks[fmt.Sprintf("%s-%02d", service, len(c.tasks))] = h
		c.desired[service]++
	}
}

func (c *cluster) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	out := &ecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		n, known := c.desired[name]
		if !known {
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: aws.String("arn:aws:ecs:r:1:service/main/" + name), Reason: aws.String("MISSING")})
			continue
		}
		running := 0
		for _, h := range c.tasks {
			if h.service == name {
				running++
			}
		}
		out.Services = append(out.Services, ecstypes.Service{ServiceName: &name, Status: aws.String("ACTIVE"), DesiredCount: int32(n), RunningCount: int32(running)})
	}
	return out, nil
}

func (c *cluster) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	c.calls = append(c.calls, fmt.Sprintf("%s=%d", *in.Service, *in.DesiredCount))
	c.desired[*in.Service] = int(*in.DesiredCount)
	return &ecs.UpdateServiceOutput{}, nil
}

func (c *cluster) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	c.stopMu.Lock()
	defer c.stopMu.Unlock()
	c.calls = append(c.calls, "stop "+*in.Task)
	c.tasks[*in.Task].stopped = true
	return &ecs.StopTaskOutput{}, nil
}

func (c *cluster) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	c.asked++
	out := &ecs.DescribeTasksOutput{}
	for _, name := range in.Tasks {
		if h := c.tasks[name]; h != nil {
			out.Tasks = append(out.Tasks, ecstypes.Task{TaskArn: aws.String("arn:aws:ecs:r:1:task/main/" + name), Group: aws.String("service:" + h.service),
				CreatedAt: aws.Time(noon.Add(-80 * time.Second))})
		}
	}
	return out, nil
}

// write lets the workers write their ledgers, which is when they do as they are told.
func (c *cluster) write() {
	c.ledgers = nil
	for _, name := range slices.Sorted(maps.Keys(c.tasks)) {
		h := c.tasks[name]
		if h.silent {
			continue
		}
		h.replied = slices.Contains(c.control.Released, name) && !h.busy
		c.ledgers = append(c.ledgers, idle(name, func(l *store.Ledger) {
			l.Seq, l.Jobs, l.Updated = 1, nil, c.wrote
			l.Protected, l.Released = !h.replied, h.replied
			if h.busy {
				l.Busy, l.EmptySince = 1, time.Time{}
			}
			if h.young {
				l.Cost.Launched, l.Cost.Ready = noon.Add(-30*time.Second), noon.Add(-5*time.Second)
			}
		}))
	}
}

// settle lets ECS stop what is too many, if it may.
func (c *cluster) settle(t interface{ Errorf(string, ...any) }) {
	for service, n := range c.desired {
		var of []string
		for name, h := range c.tasks {
			if h.service == service {
				of = append(of, name)
			}
		}
		slices.Sort(of)
		for _, name := range of {
			if h := c.tasks[name]; len(of) > n && (h.replied || h.silent || h.stopped) {
				if h.busy && !h.stopped {
					t.Errorf("%s was stopped at its work", name)
				}
				delete(c.tasks, name)
				of = of[1:]
			}
		}
	}
}

// tick observes, orders and returns the observation.
func (c *cluster) tick(t testing.TB, f *fleet.Fleet, at time.Time, o autoscale.Order) autoscale.Observation {
	t.Helper()
	standing, err := f.Services.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	obs, err := f.Observer.Observe(t.Context(), at, standing)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Services.Order(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return obs
}

func (c *cluster) open(t testing.TB, fallback ...string) *fleet.Fleet {
	t.Helper()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(c.desired)), func(s string) bool { return slices.Contains(fallback, s) })
	return open(t, c.cloud, func(cfg *fleet.Config) {
		cfg.ECS, cfg.Services, cfg.Fallback, cfg.LedgerEvery = c, names, fallback, time.Nanosecond
	})
}

func TestIdleWorkersAreReleasedByNameAndTheCountFollowsTheirAnswers(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 2, func(h *hand) { h.busy = true })
	c.add("a", 2, nil)
	c.add("a", 1, func(h *hand) { h.young = true }) // its minute is not lived out
	c.write()
	f := c.open(t)
	obs := c.tick(t, f, noon, autoscale.Order{Workers: 3})
	if obs.IdlePaid != 2 || obs.Released != 1 { // a new leader writes whom it has released once, be it nobody
		t.Errorf("%d idle and paid, %d released; want 2 and 1", obs.IdlePaid, obs.Released)
	}
	if diff := cmp.Diff([]string{"a-02", "a-03"}, c.control.Released); diff != "" || len(c.calls) != 0 {
		t.Errorf("first the names (-want +got):\n%s and no call: %v", diff, c.calls)
	}
	c.write()
	c.tasks["a-03"].replied = false // it has not heard of it yet
	c.ledgers[3].Released, c.ledgers[3].Protected = false, true
	if obs = c.tick(t, f, noon.Add(2*time.Second), autoscale.Order{Workers: 3}); obs.IdlePaid != 2 || obs.Released != 2 {
		t.Errorf("with one answer: %d idle and paid, %d released", obs.IdlePaid, obs.Released)
	}
	if diff := cmp.Diff([]string{"a=4"}, c.calls); diff != "" {
		t.Errorf("then the count by as many as have answered (-want +got):\n%s", diff)
	}
	// The ledger of the one that is going still looks alive: it must not count as another to spare.
	if obs = c.tick(t, f, noon.Add(4*time.Second), autoscale.Order{Workers: 3}); obs.IdlePaid != 1 {
		t.Errorf("of those, one is on its way out: %d idle and paid", obs.IdlePaid)
	}
	c.settle(t)
	c.write()
	c.tick(t, f, noon.Add(6*time.Second), autoscale.Order{Workers: 3})
	c.settle(t)
	c.write()
	c.tick(t, f, noon.Add(8*time.Second), autoscale.Order{Workers: 3})
	if len(c.tasks) != 3 || c.desired["a"] != 3 || len(c.control.Released) != 0 {
		t.Errorf("at the end %d workers of %d, %v released; want 3 of 3 and nobody", len(c.tasks), c.desired["a"], c.control.Released)
	}
}

func TestWhoIsWantedAgainTakesUpWork(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 3, nil)
	c.write()
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Workers: 1})
	if len(c.control.Released) != 2 {
		t.Fatalf("released %v", c.control.Released)
	}
	obs := c.tick(t, f, noon.Add(time.Second), autoscale.Order{Workers: 3})
	if obs.Released != 2 || len(c.control.Released) != 0 || len(c.calls) != 0 {
		t.Errorf("%d released when work came, %v after, calls %v", obs.Released, c.control.Released, c.calls)
	}
	if c.tick(t, f, noon.Add(2*time.Second), autoscale.Order{Workers: 5}); c.desired["a"] != 5 {
		t.Errorf("raised to %d", c.desired["a"])
	}
}

func TestANewLeaderWritesWhomItHasReleased(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 2, nil)
	c.control.Released = []string{"a-00"} // by a leader that died
	c.write()
	f := c.open(t)
	if obs := c.tick(t, f, noon, autoscale.Order{Workers: 2}); obs.Released != 1 || len(c.control.Released) != 0 {
		t.Errorf("%d released, %v after the first order", obs.Released, c.control.Released)
	}
}

// A leader that slept may name workers after its successor has begun; those must not stay away from work for ever.
func TestAReleaseThatIsNotOfThisLeaderIsUndone(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 2, nil)
	c.write()
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Workers: 2})
	c.control.Released = []string{"a-00"} // by a leader that slept
	for i := range 13 {
		c.wrote = noon.Add(time.Duration(i) * 10 * time.Second)
		c.write()
		c.tick(t, f, c.wrote, autoscale.Order{Workers: 2})
	}
	if len(c.control.Released) != 0 || c.tasks["a-00"].replied || len(c.calls) != 0 {
		t.Errorf("after two minutes %v are released, calls %v", c.control.Released, c.calls)
	}
}

func TestALowerMaximumReleasesBusyWorkersTooAndStopsNobody(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 3, func(h *hand) { h.busy = true })
	c.write()
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Workers: 1})
	if len(c.control.Released) != 2 || len(c.calls) != 0 {
		t.Errorf("released %v, calls %v", c.control.Released, c.calls)
	}
}

func TestWithoutProtectionTheCountIsLoweredAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 3, nil)
	c.write()
	for i := range c.ledgers {
		c.ledgers[i].Protected = false
	}
	f := c.open(t)
	if obs := c.tick(t, f, noon, autoscale.Order{Workers: 0}); obs.IdlePaid != 0 || obs.Released != 0 {
		t.Errorf("%d idle and paid, %d released, of workers that nobody can name to ECS", obs.IdlePaid, obs.Released)
	}
	if diff := cmp.Diff([]string{"a=0"}, c.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAStopCutsProtectedWorkersOffOnce(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	c.add("a", 2, func(h *hand) { h.busy = true })
	c.write()
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Now: true})
	c.tick(t, f, noon.Add(time.Second), autoscale.Order{Now: true})
	slices.Sort(c.calls) // tasks are stopped several at once
	if diff := cmp.Diff([]string{"a=0", "stop a-00", "stop a-01"}, c.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestSeveralServicesGrowTogetherAndShrinkWhereTheIdleAre(t *testing.T) {
	t.Parallel()
	c := newCluster("a", "b", "c")
	f := c.open(t)
	c.tick(t, f, noon, autoscale.Order{Workers: 7})
	if diff := cmp.Diff(map[string]int{"a": 3, "b": 2, "c": 2}, c.desired); diff != "" {
		t.Errorf("seven over three (-want +got):\n%s", diff)
	}
	c = newCluster("a", "b", "c")
	c.add("a", 2, nil)
	c.add("b", 2, func(h *hand) { h.busy = true })
	c.add("c", 2, func(h *hand) { h.busy = true })
	c.write()
	f = c.open(t)
	for i := range 3 {
		c.tick(t, f, noon.Add(time.Duration(2*i)*time.Second), autoscale.Order{Workers: 5})
		c.settle(t)
		c.write()
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 2, "c": 2}, c.desired); diff != "" || c.asked != 1 {
		t.Errorf("only an idle one of a can go (-want +got):\n%s asked ECS %d times", diff, c.asked)
	}
}

func TestOnDemandStandsInBesideSpot(t *testing.T) {
	t.Parallel()
	c := newCluster("spot", "steady")
	f := c.open(t, "steady")
	c.tick(t, f, noon, autoscale.Order{Workers: 6, OnDemand: 2})
	if diff := cmp.Diff(map[string]int{"spot": 4, "steady": 2}, c.desired); diff != "" {
		t.Errorf("two on demand (-want +got):\n%s", diff)
	}
	standing, err := f.Services.Counts(t.Context())
	want := autoscale.Standing{Counts: autoscale.Counts{Desired: 6}, OnDemand: autoscale.Counts{Desired: 2}}
	if standing != want || err != nil {
		t.Errorf("standing %+v, %v", standing, err)
	}
	c.tick(t, f, noon.Add(time.Second), autoscale.Order{Workers: 6})
	if diff := cmp.Diff(map[string]int{"spot": 6, "steady": 0}, c.desired); diff != "" {
		t.Errorf("Spot is to be had again (-want +got):\n%s", diff)
	}
}

func TestAMissingServiceIsNamed(t *testing.T) {
	t.Parallel()
	c := newCluster("a")
	f := open(t, c.cloud, func(cfg *fleet.Config) { cfg.ECS, cfg.Services = c, []string{"a", "gone"} })
	_, err := f.Services.Counts(t.Context())
	if missing, ok := err.(*fleet.NoServiceError); !ok || missing.Service != "gone" { //nolint:errorlint // it is not wrapped
		t.Errorf("got %v", err)
	}
}

// Whatever is ordered and whoever is busy: no busy worker is stopped, and the fleet comes to what is ordered.
func TestNoBusyWorkerIsStopped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(rt, "services")]
		c := newCluster(names...)
		for _, s := range names {
			c.add(s, rapid.IntRange(0, 6).Draw(rt, s), nil)
		}
		f := c.open(t)
		at := noon
		step := func(want int) {
			at = at.Add(10 * time.Second)
			c.wrote = at
			c.write()
			c.tick(t, f, at, autoscale.Order{Workers: want})
			c.settle(rt)
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			for _, name := range slices.Sorted(maps.Keys(c.tasks)) {
				if h := c.tasks[name]; !h.replied { // who polls may get work
					h.busy = rapid.Bool().Draw(rt, "busy")
				}
			}
			total := 0
			for _, n := range c.desired {
				total += n
			}
			step(rapid.IntRange(0, total).Draw(rt, "want"))
		}
		for _, h := range c.tasks {
			h.busy = false
		}
		want := rapid.IntRange(0, len(c.tasks)).Draw(rt, "the last order")
		for range 8 {
			step(want)
		}
		total := 0
		for _, n := range c.desired {
			total += n
		}
		if total != want || len(c.tasks) > want {
			rt.Fatalf("ordered %d: desired %d, running %d, released %v", want, total, len(c.tasks), c.control.Released)
		}
	})
}
