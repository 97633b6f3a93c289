package simulate

import (
	"math"
	"sort"

	"github.com/starburst-go/starburst/autoscale"
)

// snapshot is what the heartbeats of a moment said.
type snapshot struct {
	at                             float64
	busy, idle, paid, mute, polled int
	busySlots                      int
	emptyFor                       float64
	completed                      int64
	completedSeconds               float64
	batches                        []Batched
	ages                           autoscale.Histogram
}

// silentFor is how long a worker that is not heard of is still counted.
const silentFor = 600

// longPoll is how long an idle worker must have been idle for its poll to prove the queue empty.
const longPoll = 5

// see fills in the view.
func (w *world) see() {
	v, f := &w.view, &w.fleet
	v.Time = w.now
	w.count(v)
	v.Queued, v.Taken = int64(w.waiting()), int64(f.busySlots)
	v.Delayed = int64(w.delayed)
	v.Desired, v.Running, v.Pending = w.order.Desired, f.runningN, f.pendingN
	v.Quota = w.s.Quota
	if n := w.s.LedgerError; n > 0 {
		v.LedgerError = w.rng.IntN(2*n+1) - n
	}
	v.Done = &w.done
	v.RecentStarts, v.Failures = recent(&f.oks, w.now), recent(&f.fails, w.now)
	w.beat(v)
	v.idleFor = func(s float64) int {
		n := 0
		for _, i := range f.live {
			if k := &f.workers[i]; k.phase == running && k.busy == 0 && w.now-k.idleSince >= s-1e-9 {
				n++
			}
		}
		return n
	}
}

// count shows SQS's counts, old and wrong in a stale scenario.
func (w *world) count(v *View) {
	v.Visible, v.InFlight = int64(w.waiting()), int64(w.fleet.busySlots)
	if !w.s.Stale || len(w.sqs.at) == 0 {
		return
	}
	then := w.now - 60*w.rng.Float64()
	i := max(0, sort.SearchFloat64s(w.sqs.at, then)-1)
	wrong := func(n int32) int64 { return int64(math.Round(float64(n) * (.8 + .4*w.rng.Float64()))) }
	v.Visible, v.InFlight = wrong(w.sqs.visible[i]), wrong(w.sqs.inFlight[i])
}

// recent counts the times of the last two minutes and forgets the others.
func recent(times *[]float64, now float64) int {
	i := sort.SearchFloat64s(*times, now-120)
	*times = (*times)[i:]
	return len(*times)
}

// beat reads the workers' heartbeats and bills.
func (w *world) beat(v *View) {
	f := &w.fleet
	s := snapshot{at: w.now, emptyFor: math.Inf(1)}
	if !w.traits.Ages && !w.trace {
		v.Busy, v.Idle, v.BusySlots, v.Batches = f.busyN, f.runningN-f.busyN, f.busySlots, w.batches
		return
	}
	w.ages = autoscale.Histogram{}
	var seconds, prepaid float64
	v.Provisioning = 0
	for _, i := range f.live {
		k := &f.workers[i]
		if k.phase == provisioning {
			v.Provisioning++
			continue
		}
		age := w.now - k.pulled
		seconds += max(60, math.Ceil(age))
		prepaid += max(0, 60-age)
		if k.phase != running {
			continue
		}
		switch {
		case k.mute:
			if w.now-k.ready < silentFor {
				s.mute++
			}
			continue
		case k.busy > 0:
			s.busy++
			s.busySlots += int(k.busy)
			if w.traits.Ages {
				w.age(i)
			}
			continue
		}
		s.idle++
		idle := w.now - k.idleSince
		s.emptyFor = min(s.emptyFor, idle)
		if k.paid(w.now) {
			s.paid++
		}
		if idle >= longPoll {
			s.polled++
		}
	}
	v.Prepaid = prepaid
	perSecond := float64(w.bill(0, 1e6).Total()) / 1e6
	v.Price = picoUSD(perSecond)
	v.Spent = f.spent + picoUSD(seconds*perSecond)
	if s.busy > 0 || s.idle == 0 {
		s.emptyFor = 0
	}
	s.completed, s.completedSeconds = v.Completed, v.CompletedSeconds
	w.show(v, &s)
}

// age counts how long a worker's tasks have run.
func (w *world) age(i int32) {
	base := int(i) * w.s.Slots
	for s := range w.s.Slots {
		if w.fleet.tasks[base+s] >= 0 {
			w.ages.Add(seconds(w.now-w.fleet.started[base+s]), 1)
		}
	}
}

// show puts a snapshot into the view, an old one where heartbeats lag.
func (w *world) show(v *View, s *snapshot) {
	v.Batches = w.batches
	v.Ages = &w.ages
	if w.s.HeartbeatLag > 0 {
		s.batches = append([]Batched(nil), w.batches...)
		s.ages = w.ages
		w.lagging = append(w.lagging, *s)
		for len(w.lagging) > 1 && w.lagging[1].at <= w.now-w.s.HeartbeatLag {
			w.lagging = w.lagging[1:]
		}
		*s = w.lagging[0]
		for i := range s.batches {
			s.batches[i].Submitted = w.batches[i].Submitted // the producer's own count is no heartbeat
		}
		v.Batches, v.Ages = s.batches, &s.ages
	}
	v.Busy, v.Idle, v.Paid, v.Mute, v.Polled, v.BusySlots, v.EmptyFor = s.busy, s.idle, s.paid, s.mute, s.polled, s.busySlots, s.emptyFor
}
