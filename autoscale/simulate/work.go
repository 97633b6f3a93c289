package simulate

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// load is a scenario's tasks for one seed, by arrival.
type load struct {
	arrive, visible []float64
	length          []float32
	batch           []uint8
	poison, expired []bool // nil for none
	n               int
}

// task is one while it is drawn.
type task struct {
	at     float64
	length float32
	batch  uint8
}

// draw makes the tasks. Different seeds are different runs of the same scenario.
func (s *Scenario) draw(seed uint64) *load {
	r := rand.New(rand.NewPCG(seed, 0x5ca1ab1e))
	total := 0
	for _, b := range s.Batches {
		total += b.Tasks
	}
	tasks := make([]task, 0, total)
	for i, b := range s.Batches {
		tasks = b.draw(tasks, uint8(i), r)
	}
	byTime := func(a, b task) int { return cmp.Compare(a.at, b.at) }
	if !slices.IsSortedFunc(tasks, byTime) {
		slices.SortStableFunc(tasks, byTime)
	}
	l := &load{n: len(tasks), arrive: make([]float64, len(tasks)), length: make([]float32, len(tasks)), batch: make([]uint8, len(tasks))}
	for i, t := range tasks {
		l.arrive[i], l.length[i], l.batch[i] = t.at, t.length, t.batch
	}
	l.visible = l.arrive
	if s.Delayed > 0 {
		l.visible = slices.Clone(l.arrive)
		for i := range l.visible {
			if r.Float64() < s.Delayed {
				l.visible[i] += s.DelayedFor
			}
		}
	}
	l.poison, l.expired = some(len(tasks), s.Poison, r), some(len(tasks), s.Expired, r)
	return l
}

// some picks a part of n; nil for none.
func some(n int, part float64, r *rand.Rand) []bool {
	if part <= 0 {
		return nil
	}
	picked := make([]bool, n)
	for i := range picked {
		picked[i] = r.Float64() < part
	}
	return picked
}

// draw appends the batch's tasks.
func (b *Batch) draw(tasks []task, number uint8, r *rand.Rand) []task {
	add := func(at float64) { tasks = append(tasks, task{at, float32(max(1e-3, b.Durations(r))), number}) }
	if b.Rate == nil {
		for k := range b.Tasks {
			at := b.At
			if b.Over > 0 && k > 0 {
				at += b.Over * r.Float64()
			}
			add(at)
		}
		return tasks
	}
	// Thinning: candidates at the peak rate, each kept with the rate's share of it.
	for at := b.At + r.ExpFloat64()/b.Peak; at <= b.At+b.Over; at += r.ExpFloat64() / b.Peak {
		if r.Float64()*b.Peak < b.Rate(at-b.At) {
			add(at)
		}
	}
	return tasks
}

// mean duration of the tasks in seconds.
func (l *load) mean() float64 {
	sum := 0.0
	for _, d := range l.length {
		sum += float64(d)
	}
	return sum / max(1, float64(l.n))
}

// meanOf is the mean duration of a batch's tasks.
func (l *load) meanOf(batch int) float64 {
	sum, n := 0.0, 0
	for i, d := range l.length {
		if int(l.batch[i]) == batch {
			sum += float64(d)
			n++
		}
	}
	return sum / float64(max(1, n))
}
