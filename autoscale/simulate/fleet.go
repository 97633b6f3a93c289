package simulate

import (
	"math"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// phase of a worker.
type phase uint8

const (
	provisioning phase = iota // free
	pulling                   // billed from here
	running
	gone
)

type worker struct {
	launched, pulled, ready float64
	idleSince               float64
	gen                     uint32
	live                    int32 // place in fleet.live
	idle                    int32 // place in fleet.idle, −1 when not idle
	busy                    int16
	phase                   phase
	mute, crash, leaving    bool
}

// fleet is the ECS service and its workers.
type fleet struct {
	w         *world
	workers   []worker
	tasks     []int32 // per worker and slot, −1 when free
	started   []float64
	live      []int32
	free      []int32 // dead entries of workers, to use again
	idle      []int32 // running workers with a free slot
	pendingN  int
	runningN  int
	busyN     int
	busySlots int
	leavingN  int
	launching bool // a launchDue event is on the agenda
	tokens    float64
	filled    float64 // when tokens were last counted
	toStart   int     // of a OneTask policy

	spent cost.PicoUSD // settled bills
	fails []float64    // times of failed starts
	oks   []float64
}

func (f *fleet) init(w *world) {
	f.w = w
	f.tokens = w.s.Burst
}

func (f *fleet) alive() int { return len(f.live) }

// apply brings the fleet towards the order.
func (f *fleet) apply() {
	if f.w.traits.OneTask {
		f.toStart += f.w.order.Desired
		f.launch()
		return
	}
	f.shrink()
	f.launch()
	if !f.w.order.Drain {
		f.serve()
	}
}

func (f *fleet) lacks() bool {
	if f.w.traits.OneTask {
		return f.toStart > 0
	}
	return f.alive()-f.leavingN < f.w.order.Desired
}

// launch starts workers while there are tokens and room.
func (f *fleet) launch() {
	w := f.w
	rate := min(w.s.Rate, float64(w.s.Services)*500/60)
	f.tokens = min(w.s.Burst, f.tokens+(w.now-f.filled)*rate)
	f.filled = w.now
	for f.lacks() && f.alive() < w.s.Quota {
		if f.tokens < 1-1e-9 {
			if !f.launching {
				f.launching = true
				w.agenda.add(event{at: w.now + (1-f.tokens)/rate, kind: launchDue})
			}
			return
		}
		f.tokens--
		f.toStart--
		f.start()
	}
}

// around draws a time around a mean: lognormal, σ 0.25.
func (f *fleet) around(mean float64) float64 {
	const sigma = .25
	return mean * math.Exp(sigma*f.w.rng.NormFloat64()-sigma*sigma/2)
}

func (f *fleet) start() {
	w := f.w
	var i int32
	if n := len(f.free); n > 0 {
		i = f.free[n-1]
		f.free = f.free[:n-1]
	} else {
		i = int32(len(f.workers))
		f.workers = append(f.workers, worker{})
		for range w.s.Slots {
			f.tasks, f.started = append(f.tasks, -1), append(f.started, 0)
		}
	}
	gen := f.workers[i].gen + 1
	f.workers[i] = worker{launched: w.now, gen: gen, live: int32(len(f.live)), idle: -1, crash: w.now < w.s.CrashUntil,
		mute: w.s.Mute > 0 && w.rng.Float64() < w.s.Mute}
	f.live = append(f.live, i)
	f.pendingN++
	w.result.Launches++
	w.result.Peak = max(w.result.Peak, len(f.live))
	at := w.now + f.around(w.s.Provisioning)
	if w.s.StuckAfter > 0 && w.result.Launches > w.s.StuckAfter && w.now < w.s.StuckUntil {
		at += w.s.StuckUntil - w.now
	}
	w.agenda.add(event{at: at, kind: pulled, a: i, gen: gen})
}

func (f *fleet) pull(e *event) {
	k := &f.workers[e.a]
	if k.gen != e.gen || k.phase != provisioning {
		return
	}
	k.phase, k.pulled = pulling, f.w.now
	f.w.agenda.add(event{at: f.w.now + f.around(f.w.s.Pull), kind: ready, a: e.a, gen: e.gen})
}

func (f *fleet) ready(e *event) {
	k := &f.workers[e.a]
	if k.gen != e.gen || k.phase != pulling {
		return
	}
	w := f.w
	if k.crash {
		f.fails = append(f.fails, w.now)
		f.remove(e.a)
		f.launch()
		return
	}
	f.oks = append(f.oks, w.now)
	k.phase, k.ready, k.idleSince = running, w.now, w.now
	f.pendingN--
	f.runningN++
	w.view.Starts++
	w.view.StartSum += w.now - k.launched
	w.view.BilledSum += w.now - k.pulled
	if h := w.s.Interruptions; h > 0 {
		w.agenda.add(event{at: w.now + w.rng.ExpFloat64()*3600/h, kind: interrupted, a: e.a, gen: e.gen})
	}
	f.offer(e.a)
	f.serve()
}

// offer lists a running worker as having a free slot.
func (f *fleet) offer(i int32) {
	if k := &f.workers[i]; k.idle < 0 && !k.leaving {
		k.idle = int32(len(f.idle))
		f.idle = append(f.idle, i)
	}
}

func (f *fleet) withdraw(i int32) {
	k := &f.workers[i]
	if k.idle < 0 {
		return
	}
	last := f.idle[len(f.idle)-1]
	f.idle[k.idle] = last
	f.workers[last].idle = k.idle
	f.idle = f.idle[:len(f.idle)-1]
	k.idle = -1
}

// serve gives waiting tasks to free slots, any of which SQS may serve.
func (f *fleet) serve() {
	w := f.w
	for len(f.idle) > 0 && w.waiting() > 0 && !w.order.Drain && !w.order.Stop {
		n := 0
		if len(f.idle) > 1 {
			n = w.rng.IntN(len(f.idle))
		}
		f.run(f.idle[n], w.take())
	}
}

func (f *fleet) run(i, task int32) {
	w := f.w
	k := &f.workers[i]
	base := int(i) * w.s.Slots
	slot := 0
	for f.tasks[base+slot] >= 0 {
		slot++
	}
	f.tasks[base+slot], f.started[base+slot] = task, w.now
	if k.busy == 0 {
		f.busyN++
	}
	k.busy++
	f.busySlots++
	if int(k.busy) == w.s.Slots || w.traits.OneTask {
		f.withdraw(i)
	}
	w.agenda.add(event{at: w.now + float64(w.work.length[task]), kind: finished, a: i, gen: k.gen, slot: int16(slot)})
}

func (f *fleet) finish(e *event) {
	k := &f.workers[e.a]
	if k.gen != e.gen {
		return
	}
	w := f.w
	at := int(e.a)*w.s.Slots + int(e.slot)
	task := f.tasks[at]
	f.tasks[at] = -1
	k.busy--
	f.busySlots--
	if k.busy == 0 {
		f.busyN--
		k.idleSince = w.now
	}
	if w.work.poison != nil && w.work.poison[task] {
		w.giveBack(task, w.now-f.started[at], redelivery)
	} else {
		w.settle(task)
	}
	switch {
	case w.traits.OneTask:
		f.remove(e.a)
		f.launch()
		return
	case k.busy == 0 && (k.leaving || w.traits.Protected && !w.traits.PaidOnly && f.excess() > 0):
		f.remove(e.a)
		f.launch()
		return
	}
	f.offer(e.a)
	f.serve()
}

// excess is how many more workers there are than wanted.
func (f *fleet) excess() int { return f.alive() - f.leavingN - f.w.order.Desired }

// remove ends a worker's life and bill. Its tasks must have been taken care of.
func (f *fleet) remove(i int32) {
	w := f.w
	k := &f.workers[i]
	f.withdraw(i)
	switch k.phase {
	case running:
		f.runningN--
	default:
		f.pendingN--
	}
	if k.leaving {
		f.leavingN--
	}
	if k.phase != provisioning {
		bill := w.bill(k.pulled, w.now+stopLag)
		f.spent += bill.Total()
		w.result.Billed += float64(bill.Seconds)
		if w.trace {
			w.result.Lives = append(w.result.Lives, Life{Pulled: k.pulled, Stopped: w.now + stopLag})
		}
	}
	k.phase = gone
	k.gen++
	last := f.live[len(f.live)-1]
	f.live[k.live] = last
	f.workers[last].live = k.live
	f.live = f.live[:len(f.live)-1]
	f.free = append(f.free, i)
}

// epoch is time 0 for package cost.
var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func (w *world) bill(from, to float64) cost.Bill {
	return cost.FargateBill(w.rate, w.s.Size, epoch.Add(seconds(from)), epoch.Add(seconds(to)))
}

// kill ends a worker with its tasks, which come back after a while.
func (f *fleet) kill(i int32, back float64) {
	w := f.w
	k := &f.workers[i]
	base := int(i) * w.s.Slots
	for s := range w.s.Slots {
		if task := f.tasks[base+s]; task >= 0 {
			f.tasks[base+s] = -1
			f.busySlots--
			w.result.Killed++
			w.giveBack(task, w.now-f.started[base+s], back)
		}
	}
	if k.busy > 0 {
		f.busyN--
	}
	k.busy = 0
	f.remove(i)
}

func (f *fleet) interrupt(e *event) {
	if f.workers[e.a].gen != e.gen {
		return
	}
	f.w.result.Interrupted++
	f.kill(e.a, 1) // the two minutes' notice gives the messages back at once
	f.launch()
}

// stopAll is StopTask for each worker.
func (f *fleet) stopAll() {
	for len(f.live) > 0 {
		f.kill(f.live[len(f.live)-1], 1)
	}
}

// replaceAll is a deploy: every worker ends when its tasks have, and a new one starts.
func (f *fleet) replaceAll() {
	for _, i := range slices.Clone(f.live) {
		k := &f.workers[i]
		if k.busy == 0 {
			f.remove(i)
			continue
		}
		if !k.leaving {
			k.leaving = true
			f.leavingN++
			f.withdraw(i)
		}
	}
	f.launch()
}

// shrink stops workers that are not wanted, by the policy's rules.
func (f *fleet) shrink() {
	w := f.w
	take := func(eligible func(k *worker) bool) {
		for n := len(f.live) - 1; n >= 0 && f.excess() > 0; n-- {
			if i := f.live[n]; eligible(&f.workers[i]) && !f.workers[i].leaving {
				f.kill(i, redelivery)
			}
		}
	}
	if f.excess() <= 0 {
		return
	}
	take(func(k *worker) bool { return k.phase == provisioning })
	take(func(k *worker) bool { return k.phase == pulling })
	if !w.traits.Protected {
		for f.excess() > 0 && len(f.live) > f.leavingN {
			f.kill(f.live[w.rng.IntN(len(f.live))], redelivery)
		}
		return
	}
	if w.traits.PaidOnly && !w.order.Now {
		take(func(k *worker) bool { return k.busy == 0 && k.paid(w.now) })
		return
	}
	take(func(k *worker) bool { return k.busy == 0 })
}

// paid says that a worker has lived out its minimum bill.
func (k *worker) paid(now float64) bool { return k.phase == running && now-k.pulled >= 58 }
