package cost

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
)

// Idle is the job to which everything is charged that no job caused. It is always
// shown as a line of its own.
const Idle = "__idle__"

// Work is what the slots of one worker did during its billed life.
type Work struct {
	// Slots is the number of handlers the worker runs at once; below 1 means 1.
	Slots int
	// BilledMS is the billed life, after the minimum, in milliseconds.
	BilledMS int64
	// StartupMS is from the start of billing until the worker could take work.
	StartupMS int64
	// Busy is slot-milliseconds in handlers, per job.
	Busy map[string]int64
	// Triggers weighs the jobs for which the worker was launched. When it is empty, start-up is
	// charged like idle time: we know no better cause than the work the worker then did.
	Triggers map[string]int64
}

// Share is one job's part of a worker's bill.
type Share struct {
	Job string
	// Direct pays for handlers running, Startup for launching the worker, Idle for the rest of its life.
	Direct, Startup, Idle PicoUSD
}

// Total is the sum of the parts.
func (s Share) Total() PicoUSD { return s.Direct + s.Startup + s.Idle }

// Attribute divides a worker's bill among jobs: handlers' time to their job, start-up
// to the jobs that triggered the launch, the rest (waiting, draining, the remainder of
// the minimum minute) to the worker's jobs in proportion to their handlers' time; what
// has no such job goes to [Idle].
//
// The bill is first split direct : start-up : idle and then each part among the jobs,
// both times by largest remainder, so that the shares add up to the bill exactly. The
// result is sorted by job and does not depend on the order of the maps.
func Attribute(bill PicoUSD, w Work) []Share {
	slots := int64(min(max(1, w.Slots), maxSlots))
	billed := min(max(0, w.BilledMS), maxBilledSeconds*1000)
	busy := newWeights(w.Busy)
	startup := min(max(0, w.StartupMS), billed) * slots
	// Clocks of worker and bill differ: busy time may exceed what was billed. Then
	// nothing is idle, and direct and start-up share the bill.
	idle := max(0, billed*slots-startup-busy.sum())
	parts := apportion(bill, []int64{busy.sum(), startup, idle})
	if parts == nil { // a bill for no time at all
		parts = []PicoUSD{0, 0, bill}
	}
	triggers := newWeights(w.Triggers)
	if triggers.sum() == 0 {
		triggers = busy
	}
	ledger := shares{}
	busy.each(parts[0], func(job string, p PicoUSD) { ledger.at(job).Direct += p })
	triggers.each(parts[1], func(job string, p PicoUSD) { ledger.at(job).Startup += p })
	busy.each(parts[2], func(job string, p PicoUSD) { ledger.at(job).Idle += p })
	return ledger.sorted()
}

// maxSlots bounds what a corrupt ledger may claim, so that the slot-time of a hundred years fits 64 bits.
const maxSlots = 1 << 20

// weights are the jobs with a positive weight, sorted by name.
type weights struct {
	jobs  []string
	count []int64
}

// maxWeight (35,000 years in milliseconds) keeps sums of weights far from overflow.
const maxWeight = 1 << 50

func newWeights(m map[string]int64) weights {
	var w weights
	for _, job := range slices.Sorted(maps.Keys(m)) {
		if n := min(m[job], maxWeight); n > 0 {
			w.jobs = append(w.jobs, job)
			w.count = append(w.count, n)
		}
	}
	return w
}

func (w weights) sum() int64 {
	var sum int64
	for _, n := range w.count {
		sum += n
	}
	return sum
}

// each divides amount among the jobs, or gives it to Idle when there is none.
func (w weights) each(amount PicoUSD, give func(job string, part PicoUSD)) {
	parts := apportion(amount, w.count)
	if parts == nil {
		give(Idle, amount)
		return
	}
	for i, job := range w.jobs {
		give(job, parts[i])
	}
}

type shares map[string]*Share

func (s shares) at(job string) *Share {
	if s[job] == nil {
		s[job] = &Share{Job: job}
	}
	return s[job]
}

// sorted leaves out jobs that got nothing.
func (s shares) sorted() []Share {
	var out []Share
	for _, job := range slices.Sorted(maps.Keys(s)) {
		if s[job].Total() != 0 {
			out = append(out, *s[job])
		}
	}
	return out
}

// apportion divides amount ≥ 0 in proportion to the weights ≥ 0 by largest remainder
// (Hamilton's method): each gets the floor of its quota, and what is left goes, one
// pico-dollar each, to the largest fractions, the earlier first among equals. The parts
// add up to amount exactly. It returns nil when all weights are zero.
func apportion(amount PicoUSD, weight []int64) []PicoUSD {
	var sum uint64
	for _, w := range weight {
		sum += uint64(w)
	}
	if sum == 0 {
		return nil
	}
	parts := make([]PicoUSD, len(weight))
	remainder := make([]uint64, len(weight))
	order := make([]int, len(weight))
	left := amount
	for i, w := range weight {
		hi, lo := bits.Mul64(uint64(amount), uint64(w))
		quota, rest := bits.Div64(hi, lo, sum) // w ≤ sum, hence quota ≤ amount: no overflow
		parts[i], remainder[i], order[i] = PicoUSD(quota), rest, i
		left -= PicoUSD(quota)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder[b], remainder[a]) })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}
