package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

const (
	// redelivery is how long a killed worker's message stays invisible.
	redelivery = 60
	// stopLag is how long a worker is billed for after it was told to stop.
	stopLag = 2
	// receives is how often a message is received before it goes to the dead-letter queue.
	receives = 3
)

// world is a run under way.
type world struct {
	s      Scenario
	work   *load
	policy Policy
	traits Traits
	rng    *rand.Rand
	agenda agenda
	now    float64
	rate   cost.Rate

	next       int     // the next task to arrive
	queue      []int32 // tasks waiting, from head on
	head       int
	attempts   map[int32]int // of tasks that were killed
	order      Order
	fleet      fleet
	view       View
	done, ages autoscale.Histogram
	batches    []Batched
	sqs        counter
	lagging    []snapshot

	settled, lost, dead int // tasks done; expired; in the dead-letter queue
	delayed             int // sent and not visible yet
	lastDone            float64
	waits               []float32
	result              *Result
	trace               bool
	priceFactor         float64
}

// Options of a run.
type Options struct {
	// Trace records Result.Series and Result.Lives.
	Trace bool
}

// Run simulates one run of a scenario, which depends on nothing but its arguments.
func Run(s Scenario, p Policy, seed uint64, o Options) *Result {
	s = s.withDefaults()
	w := &world{
		s: s, work: s.draw(seed), policy: p, traits: p.Traits(), rng: rand.New(rand.NewPCG(seed, 0xdec1de)),
		attempts: map[int32]int{}, result: &Result{Scenario: s.Name, Seed: seed}, trace: o.Trace, priceFactor: 1,
	}
	w.rate = w.s.Fargate
	w.fleet.init(w)
	w.waits = make([]float32, 0, w.work.n)
	w.queue = make([]int32, 0, w.work.n)
	w.batches = make([]Batched, len(s.Batches))
	for i, b := range s.Batches {
		w.batches[i].Foreign, w.batches[i].Mean = b.Foreign, w.work.meanOf(i)
	}
	if w.s.Horizon == 0 {
		last := 0.0
		if w.work.n > 0 {
			last = w.work.arrive[w.work.n-1]
		}
		w.s.Horizon = last + 48*3600 + 30*bound(&w.s, w.work).Makespan
	}
	for i, c := range s.Changes {
		w.agenda.add(event{at: c.At, kind: changed, a: int32(i)})
	}
	if s.Stale {
		w.agenda.add(event{kind: counted})
	}
	w.agenda.add(event{kind: looked})
	w.result.Bound = bound(&w.s, w.work)
	if t, ok := p.(Preparer); ok {
		t.Prepare(&w.s, w.result.Bound, w.work.mean())
	}
	w.loop()
	w.finish()
	return w.result
}

// loop runs until everything has arrived, nothing is left to do and no worker lives.
func (w *world) loop() {
	for len(w.agenda.events) > 0 || w.next < w.work.n {
		if w.next < w.work.n && (len(w.agenda.events) == 0 || w.work.arrive[w.next] <= w.agenda.events[0].at) {
			w.now = w.work.arrive[w.next]
			w.arrive(int32(w.next))
			w.next++
			continue
		}
		e := w.agenda.pop()
		if e.at > w.s.Horizon {
			w.now = w.s.Horizon
			w.result.Unfinished = true
			return
		}
		w.now = e.at
		w.happen(&e)
		if w.over() {
			return
		}
	}
}

// over says that nothing more can happen that matters.
func (w *world) over() bool {
	if w.next < w.work.n || w.fleet.alive() > 0 {
		return false
	}
	return w.outstanding() == 0 && w.delayed == 0 || w.order.Stop || w.order.Desired == 0 && w.now > w.lastDone+3600 && w.now > w.lastArrival()+3600
}

func (w *world) lastArrival() float64 {
	if w.work.n == 0 {
		return 0
	}
	return w.work.arrive[w.work.n-1]
}

// outstanding is the tasks that have arrived and can still be done.
func (w *world) outstanding() int { return w.next - w.settled - w.lost - w.dead }

func (w *world) happen(e *event) {
	switch e.kind {
	case looked:
		w.look()
	case finished:
		w.fleet.finish(e)
	case launchDue:
		w.fleet.launching = false
		w.fleet.launch()
	case pulled:
		w.fleet.pull(e)
	case ready:
		w.fleet.ready(e)
	case visible:
		w.delayed--
		w.enqueue(e.a)
	case interrupted:
		w.fleet.interrupt(e)
	case counted:
		w.sqs.sample(w.now, len(w.queue)-w.head, w.fleet.busySlots)
		if w.next < w.work.n || w.outstanding() > 0 || w.fleet.alive() > 0 {
			w.agenda.add(event{at: w.now + 5, kind: counted})
		}
	case changed:
		w.change(&w.s.Changes[e.a])
	}
}

func (w *world) change(c *Change) {
	if c.Quota > 0 {
		w.s.Quota = c.Quota
		w.fleet.launch()
	}
	if c.Price > 0 {
		w.priceFactor *= c.Price
		w.rate = scaled(w.rate, c.Price)
	}
	if c.Deploy {
		w.fleet.replaceAll()
	}
}

func (w *world) arrive(i int32) {
	w.batches[w.work.batch[i]].Submitted++
	switch at := w.work.visible[i]; {
	case w.work.expired != nil && w.work.expired[i]:
		w.lost++
	case at > w.now:
		w.delayed++
		w.agenda.add(event{at: at, kind: visible, a: i})
	default:
		w.enqueue(i)
	}
}

func (w *world) enqueue(i int32) {
	w.queue = append(w.queue, i)
	w.fleet.serve()
}

// take removes the task at the head of the queue.
func (w *world) take() int32 {
	i := w.queue[w.head]
	w.head++
	if w.head > 4096 && w.head*2 > len(w.queue) {
		w.queue = append(w.queue[:0], w.queue[w.head:]...)
		w.head = 0
	}
	if len(w.waits) < cap(w.waits) {
		w.waits = append(w.waits, float32(w.now-w.work.visible[i]))
	}
	return i
}

func (w *world) waiting() int { return len(w.queue) - w.head }

// settle counts a task as done.
func (w *world) settle(i int32) {
	d := float64(w.work.length[i])
	w.settled++
	w.done.Add(seconds(d), 1)
	b := &w.batches[w.work.batch[i]]
	b.Done++
	b.Seconds += d
	w.view.Completed++
	w.view.CompletedSeconds += d
	w.lastDone = w.now
}

// giveBack makes a killed task visible again after a while, or buries it.
func (w *world) giveBack(i int32, ran float64, after float64) {
	w.result.Wasted += ran
	w.attempts[i]++
	if w.work.poison != nil && w.work.poison[i] && w.attempts[i] >= receives {
		w.dead++
		return
	}
	w.delayed++
	w.agenda.add(event{at: w.now + after, kind: visible, a: i})
}

// look lets the policy see and order.
func (w *world) look() {
	w.see()
	o := w.policy.Look(&w.view)
	w.result.Looks++
	if o.After <= 0 || math.IsNaN(o.After) {
		o.After = 10
	}
	if o.Keep {
		o.Desired = w.order.Desired
	}
	if w.s.Throttled > 0 && o.Desired != w.order.Desired && w.rng.Float64() < w.s.Throttled {
		o.Desired = w.order.Desired
	}
	w.record(&o)
	w.order = o
	switch {
	case o.Stop:
		w.fleet.stopAll()
	default:
		w.fleet.apply()
	}
	if w.next < w.work.n || w.outstanding() > 0 || w.fleet.alive() > 0 || w.delayed > 0 {
		w.agenda.add(event{at: w.now + o.After, kind: looked})
	}
}

// counter keeps what SQS's counts were, to show them late.
type counter struct {
	at                []float64
	visible, inFlight []int32
}

func (c *counter) sample(now float64, visible, inFlight int) {
	c.at = append(c.at, now)
	c.visible = append(c.visible, int32(visible))
	c.inFlight = append(c.inFlight, int32(inFlight))
}
