package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// maxReleased bounds the names in the control item: 4,000 of 32 letters are 130 KB, of the 400 KB that an item may have
// (DynamoDB). The others wait for the next tick.
const maxReleased = 4000

// locateAtOnce bounds the calls that an order makes to learn which service a worker is of, 100 workers each.
const locateAtOnce = 10

// worker is a living worker as its last ledger tells.
type worker struct {
	name                           string
	busy, paid, protected, replied bool
	since                          time.Time // idle since, or else started at
	started                        time.Time
}

// fact is what ECS tells of a worker once and for all.
type fact struct {
	service, deployment string
	created             time.Time
}

// crew knows the workers by name, so that idle ones can be released. ECS alone would choose the victims of a lower count, and
// may choose busy ones; it leaves alone those that protect themselves, which workers do while they poll.
// So the leader names the workers that it can spare in the control item; these stop polling, end what they hold, give their protection up and
// say so in their ledgers; then the count is lowered by as many. Who is no longer named takes up work again.
type crew struct {
	tasks          Tasks
	control        func(ctx context.Context, change func(*store.Control)) error
	cluster, fleet string
	minBilled      time.Duration

	mu      sync.Mutex // protects all below
	workers []worker   // that live
	facts   map[string]fact
	told    []string // who is named in the control item, sorted
	synced  bool     // whether told is known; a new leader does not know what the last one named
	stopped map[string]bool
	strays  time.Time // since when workers have followed a release that is not of this leader; zero when none does
	askedAt time.Time // when ECS was last asked about new workers
}

// attend takes the workers' states from their ledgers.
func (c *crew) attend(ledgers []store.Ledger, now time.Time) {
	workers := make([]worker, 0, len(c.workers))
	living := map[string]bool{}
	for i := range ledgers {
		l := &ledgers[i]
		if l.Final || !l.End.IsZero() || now.Sub(l.Updated) > sample.DefaultAliveFor {
			continue
		}
		w := worker{name: l.Worker, busy: l.Busy > 0 || l.Held > 0, protected: l.Protected, replied: l.Released, since: l.Started, started: l.Started}
		w.paid = now.Sub(l.Cost.Launched) >= c.minBilled-paidEarly
		if !w.busy {
			w.since = idleSince(*l)
		}
		workers = append(workers, w)
		living[l.Worker] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers = workers
	switch {
	case !slices.ContainsFunc(workers, c.stray):
		c.strays = time.Time{}
	case c.strays.IsZero():
		c.strays = now
	case now.Sub(c.strays) >= strayFor:
		c.strays, c.synced = time.Time{}, false
	}
	gone := func(name string) bool { return !living[name] }
	maps.DeleteFunc(c.facts, func(name string, _ fact) bool { return gone(name) })
	maps.DeleteFunc(c.stopped, func(name string, _ bool) bool { return gone(name) })
}

// strayFor is how long a worker may take to hear that it is no longer named. One that stays away for longer follows what an earlier leader
// wrote after this one began, which only writing anew undoes.
const strayFor = time.Minute

// stray reports whether the worker keeps away from work though this leader does not name it.
func (c *crew) stray(w worker) bool {
	_, told := slices.BinarySearch(c.told, w.name)
	return w.replied && !told
}

// paidEarly is how long before the end of its minimum bill a worker may be told to go: it takes as long to hear of it.
const paidEarly = 2 * time.Second

// spare says how many workers can be released by name, and how many have been; desired is the services' count. Those that it was already
// lowered by are on their way out.
func (c *crew) spare(desired int) (idlePaid, released int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	able, replied := 0, 0
	for _, w := range c.workers {
		if !w.protected && !w.replied {
			continue
		}
		able++
		if w.replied {
			replied++
		}
		if !w.busy && w.paid {
			idlePaid++
		}
	}
	released = max(len(c.told), replied, able-desired)
	if able > 0 && !c.synced {
		released = max(released, 1)
	}
	return max(0, idlePaid-max(0, able-desired)), released
}

// plan is how an order is carried out now.
type plan struct {
	desired []int    // of each service
	release []string // the names for the control item, sorted
	stop    []string // tasks to be stopped, protected or not
}

// plan divides an order among the services.
func (c *crew) plan(all []service, o autoscale.Order) plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := plan{desired: make([]int, len(all))}
	onDemand := 0
	if slices.ContainsFunc(all, func(s service) bool { return s.fallback }) {
		onDemand = min(max(0, o.OnDemand), o.Workers)
	}
	for _, part := range []struct {
		fallback bool
		want     int
	}{{false, o.Workers - onDemand}, {true, onDemand}} {
		var of []int
		for i := range all {
			if all[i].fallback == part.fallback {
				of = append(of, i)
			}
		}
		if len(of) > 0 {
			c.divide(&p, all, of, part.want, o.Now)
		}
	}
	slices.Sort(p.release)
	return p
}

// divide brings the services of the indices towards so many workers.
func (c *crew) divide(p *plan, all []service, of []int, want int, now bool) {
	desired := make([]int, len(of))
	live := make([]int, len(of))    // that can be released, or have been
	holding := make([]int, len(of)) // that ECS would not stop
	var able []int                  // indices of workers
	total, sum := 0, 0
	for j, i := range of {
		desired[j] = all[i].Desired
		total += desired[j]
		for k := range c.workers {
			if w := &c.workers[k]; (w.protected || w.replied) && c.serviceOf(w.name, all) == i {
				live[j]++
				sum++
				able = append(able, k)
				if !w.replied {
					holding[j]++
				}
			}
		}
	}
	if want >= total && sum <= want {
		for j, n := range autoscale.Spread(want, desired) {
			p.desired[of[j]] = n
		}
		return
	}
	victims := c.victims(able, sum-want, all)
	names := make([]int, len(of))
	for _, k := range victims {
		name := c.workers[k].name
		names[slices.Index(of, c.serviceOf(name, all))]++
		switch {
		case now && !c.stopped[name]:
			p.stop = append(p.stop, name)
		case now:
		case len(p.release) < maxReleased:
			p.release = append(p.release, name)
		}
	}
	target := lower(want, total, desired, live, names, all, of)
	for j, i := range of {
		p.desired[i] = target[j]
		if !now {
			p.desired[i] = max(target[j], min(desired[j], holding[j]))
		}
	}
}

// lower chooses the services whose counts fall: first what has not started yet, then by as many as their workers are released, and
// what nobody can choose by name from the last service on.
func lower(want, total int, desired, live, names []int, all []service, of []int) []int {
	target := slices.Clone(desired)
	cut := total - want
	for j := len(of) - 1; j >= 0; j-- {
		missing := max(0, desired[j]-max(all[of[j]].Running, live[j]))
		n := max(0, min(cut, missing, target[j]))
		target[j] -= n
		cut -= n
	}
	for j := range of {
		leaving := max(0, names[j]-max(0, live[j]-desired[j])) // the count has fallen for the others already
		n := max(0, min(cut, leaving, target[j]))
		target[j] -= n
		cut -= n
	}
	if cut > 0 {
		return autoscale.Spread(want, target)
	}
	return target
}

// victims chooses n of the workers: those that are named already, then idle ones whose minimum bill is lived out, those idle for longest
// first, then other idle ones, then the youngest busy ones, which end what they run before. Before all of them come those whose deployment
// is being replaced: ECS starts their successors first, so that there are too many, and stops no other ones.
func (c *crew) victims(able []int, n int, all []service) []int {
	const busy, current = 4, 10
	rank := func(w *worker) int {
		r := 0
		if !c.outdated(w.name, all) {
			r = current
		}
		_, told := slices.BinarySearch(c.told, w.name)
		switch {
		case w.replied:
			return r
		case told:
			return r + 1
		case !w.busy && w.paid:
			return r + 2
		case !w.busy:
			return r + 3
		}
		return r + busy
	}
	slices.SortStableFunc(able, func(a, b int) int {
		v, w := &c.workers[a], &c.workers[b]
		age := v.since.Compare(w.since)
		if rank(v)%current == busy {
			age = -age
		}
		return cmp.Or(cmp.Compare(rank(v), rank(w)), age, strings.Compare(v.name, w.name))
	})
	return able[:min(max(0, n), len(able))]
}

// outdated reports whether the worker is of a deployment that is being replaced.
func (c *crew) outdated(name string, all []service) bool {
	now := all[c.serviceOf(name, all)].deploying
	f := c.facts[name]
	return now != "" && f.deployment != "" && f.deployment != now
}

// serviceOf is the index of the worker's service, the first one when nobody knows.
func (c *crew) serviceOf(name string, all []service) int {
	if f, known := c.facts[name]; known {
		if i := slices.IndexFunc(all, func(s service) bool { return s.name == f.service }); i >= 0 {
			return i
		}
	}
	return 0
}

// tell names the released workers in the control item, unless these are named already.
func (c *crew) tell(ctx context.Context, names []string) error {
	c.mu.Lock()
	same := c.synced && slices.Equal(names, c.told) || len(names) == 0 && len(c.told) == 0 && len(c.workers) == 0
	c.mu.Unlock()
	if same {
		return nil
	}
	if err := c.control(ctx, func(item *store.Control) { item.Released = names }); err != nil {
		return fmt.Errorf("release %d workers of fleet %s by name: %w", len(names), c.fleet, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.synced = names, true
	return nil
}

// stopping notes that a worker has been stopped, whatever it was at.
func (c *crew) stopping(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil {
		c.stopped = map[string]bool{}
	}
	c.stopped[name] = true
}

// forget is for a leader that has been another in between: what is named must be written again.
func (c *crew) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.synced = nil, false
}

// locate learns which services the workers are of, where there are several, and which deployment, while one replaces another.
func (c *crew) locate(ctx context.Context, all []service) error {
	if len(all) < 2 && !slices.ContainsFunc(all, func(s service) bool { return s.deploying != "" }) {
		return nil
	}
	return c.learn(ctx, locateAtOnce*describeAtOnce, func(w *worker) bool { return w.protected || w.replied })
}

// learn asks ECS for the facts about workers that it has not told yet, at most that many.
func (c *crew) learn(ctx context.Context, most int, which func(*worker) bool) error {
	var unknown []string
	c.mu.Lock()
	for i := range c.workers {
		if w := &c.workers[i]; len(unknown) < most && which(w) {
			if _, known := c.facts[w.name]; !known {
				unknown = append(unknown, w.name)
			}
		}
	}
	c.mu.Unlock()
	for names := range slices.Chunk(unknown, describeAtOnce) {
		out, err := c.tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &c.cluster, Tasks: names})
		if err != nil {
			return fmt.Errorf("describe the workers of fleet %s: %w", c.fleet, err)
		}
		c.mu.Lock()
		if c.facts == nil {
			c.facts = map[string]fact{}
		}
		for _, name := range names {
			c.facts[name] = fact{} // ECS may not know it, and is not asked again
		}
		for i := range out.Tasks {
			t := &out.Tasks[i]
			service, _ := strings.CutPrefix(aws.ToString(t.Group), "service:")
			c.facts[taskID(aws.ToString(t.TaskArn))] = fact{service: service, deployment: aws.ToString(t.StartedBy), created: aws.ToTime(t.CreatedAt)}
		}
		c.mu.Unlock()
	}
	return nil
}

func lastPart(arn, otherwise string) string { return cmp.Or(taskID(arn), otherwise) }
