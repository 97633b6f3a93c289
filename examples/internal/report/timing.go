package report

import (
	"fmt"
	"iter"
	"time"
)

// oneCoreBudget is how long OneCore may measure. It is short beside any run, which
// takes 100 ms at least, and long beside the clock's resolution.
const oneCoreBudget = 5 * time.Millisecond

// Timing is how long a run took, and what it has to be compared with.
type Timing struct {
	// Tasks is the number of tasks.
	Tasks int
	// Elapsed is the time from the first task's submission to the last
	// result's arrival, the workers' start included.
	Elapsed time.Duration
	// OneCore is the time the same tasks would take one core in a plain loop, see OneCore.
	OneCore time.Duration
}

// OneCore estimates how long one core needs for n tasks, by running some of
// them here, spread evenly over all so that a grid of unequal tasks is sampled
// fairly. It is the yardstick without which a "speed-up" means nothing:
// staRburst printed 100/elapsed.
func OneCore(n int, run func(i int)) time.Duration {
	start, done := time.Now(), 0
	for i := range spread(n) {
		run(i)
		if done++; time.Since(start) > oneCoreBudget {
			break
		}
	}
	return time.Duration(float64(time.Since(start)) * float64(n) / float64(max(done, 1)))
}

// spread yields each of 0…n−1 once, in an order whose beginnings are spread
// evenly: steps of about 0.618·n (the golden ratio), made coprime to n.
func spread(n int) iter.Seq[int] {
	step := max(int(0.6180339887*float64(n)), 1)
	for gcd(step, n) > 1 {
		step++
	}
	return func(yield func(int) bool) {
		for k, i := 0, 0; k < n && yield(i); k++ {
			i = (i + step) % n
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// String says what the run took and whether distributing it paid.
func (t Timing) String() string {
	rate := float64(t.Tasks) / max(t.Elapsed.Seconds(), 1e-9)
	said := fmt.Sprintf("Time: %s for %s (%s tasks/s), the workers' start included.\n",
		Seconds(t.Elapsed), Plural(t.Tasks, "task"), Number(rate, 0))
	said += fmt.Sprintf("One core in a plain loop, no queue: about %s. ", Seconds(t.OneCore))
	if ratio := t.OneCore.Seconds() / max(t.Elapsed.Seconds(), 1e-9); ratio >= 1.1 {
		return said + fmt.Sprintf("So this run was %.1f times faster.\n", ratio)
	}
	return said + "Here the loop wins:\nworkers pay when there are minutes of work, and more free cores than one.\n"
}
