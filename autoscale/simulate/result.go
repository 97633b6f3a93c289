package simulate

import (
	"math"
	"slices"

	"github.com/starburst-go/starburst/cost"
)

// Result is what a run came to. Times are seconds.
type Result struct {
	Scenario string `json:"scenario"`
	Policy   string `json:"policy"`
	Seed     uint64 `json:"seed"`

	// Tasks done of those Submitted, Left behind, and Dead: in the dead-letter queue, or expired.
	Submitted, Tasks, Left, Dead int
	// Makespan is from time 0 to the end of the last task, End to the end of the last worker.
	Makespan, End float64
	// Billed worker-seconds, and their Cost.
	Billed float64
	Cost   cost.PicoUSD
	// Price of a worker-second at the start.
	Price cost.PicoUSD
	// WaitMean, WaitP95 and Longest are how long tasks were visible before they started.
	WaitMean, WaitP95, Longest float64
	// Peak of workers, Launches, Waves, Flips (changes of direction), Looks and Calls (changes of the desired count).
	Peak, Launches, Flips, Looks, Calls int
	Waves                               int64
	// Killed tasks, and the Wasted seconds of them; Interrupted workers.
	Killed, Interrupted int
	Wasted              float64
	// Unfinished says that the horizon ended the run.
	Unfinished bool
	// Bound is what no policy can do better than.
	Bound Bound
	// Series is recorded with Options.Trace.
	Series []Point `json:",omitempty"`
	// Lives are the workers that were billed, also with Options.Trace.
	Lives []Life `json:"-"`

	direction int
}

// Life is what a worker is billed for, in seconds of the run.
type Life struct{ Pulled, Stopped float64 }

// Point is the state at a look.
type Point struct {
	Time                     float64
	Desired, Running, Queued int
	Spent                    cost.PicoUSD
}

// TimeRatio is makespan over its bound.
func (r *Result) TimeRatio() float64 { return r.Makespan / r.Bound.Makespan }

// CostRatio is billed time over its bound.
func (r *Result) CostRatio() float64 { return r.Billed / r.Bound.Billed }

// ParetoRatio is billed time over the least for the makespan that was reached.
func (r *Result) ParetoRatio() float64 { return r.Billed / r.Bound.At(r.Makespan) }

// record keeps account of an order.
func (w *world) record(o *Order) {
	r := w.result
	r.Waves = max(r.Waves, o.Wave)
	if change := o.Desired - w.order.Desired; change != 0 && !w.traits.OneTask {
		r.Calls++
		d := 1
		if change < 0 {
			d = -1
		}
		if d != r.direction && r.direction != 0 {
			r.Flips++
		}
		r.direction = d
	}
	if w.trace {
		r.Series = append(r.Series, Point{Time: w.now, Desired: o.Desired, Running: w.fleet.runningN, Queued: w.waiting(), Spent: w.view.Spent})
	}
}

// finish settles the accounts.
func (w *world) finish() {
	r := w.result
	r.End = w.now + stopLag
	for len(w.fleet.live) > 0 {
		w.fleet.kill(w.fleet.live[0], 1)
	}
	r.Submitted, r.Price = w.work.n, w.s.perSecond()
	r.Tasks, r.Left, r.Dead = w.settled, w.work.n-w.settled-w.lost-w.dead, w.lost+w.dead
	r.Makespan = w.lastDone
	r.Cost = w.fleet.spent
	sum := 0.0
	for _, x := range w.waits {
		sum += float64(x)
	}
	if n := len(w.waits); n > 0 {
		slices.Sort(w.waits)
		r.WaitMean, r.WaitP95 = sum/float64(n), float64(w.waits[min(n-1, n*95/100)])
		r.Longest = float64(w.waits[n-1])
	}
	if w.trace {
		r.Series = append(r.Series, Point{Time: r.End, Spent: r.Cost})
	}
}

// Bound is what no policy can do better than, even one that knows every task before.
type Bound struct {
	// Makespan and Billed, in seconds, each for itself.
	Makespan, Billed float64

	work, start, pull float64
}

// At is the least billed time for a makespan.
func (b Bound) At(makespan float64) float64 {
	n := max(1, math.Ceil(b.work/max(1, makespan-b.start)))
	return max(60*n, b.work+n*b.pull)
}

// bound is the lower bounds of the scenario, with mean start-up times.
func bound(s *Scenario, l *load) Bound {
	start := s.Provisioning + s.Pull
	var work, last, longest float64
	first := math.Inf(1)
	for i := range l.n {
		if l.expired != nil && l.expired[i] || l.poison != nil && l.poison[i] {
			continue
		}
		d := float64(l.length[i])
		work += d
		longest = max(longest, d)
		last = max(last, l.visible[i]+d)
		first = min(first, l.visible[i])
	}
	work /= float64(s.Slots)
	rate := min(s.Rate, float64(s.Services)*500/60)
	most := min(float64(s.Quota), math.Ceil(float64(l.n)/float64(s.Slots)))
	return Bound{
		Makespan: max(fluid(work, start, min(s.Burst, most), rate, most), first+longest+start, last),
		Billed:   max(60, work+s.Pull), work: work, start: start, pull: s.Pull,
	}
}

// fluid is when the work is done if workers come as fast as they can and share it perfectly.
func fluid(work, start, burst, rate, most float64) float64 {
	ramp := max(0, most-burst) / rate
	if during := burst*ramp + rate*ramp*ramp/2; during < work {
		return start + ramp + (work-during)/most
	}
	return start + (math.Sqrt(burst*burst+2*rate*work)-burst)/rate
}
