package sample

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Wave is one raise of a fleet's desired count, as the autoscaler recorded it.
type Wave struct {
	Fleet string
	At    time.Time
	// N numbers the raises since the fleet was last at zero.
	N int64
	// Launches is by how many workers the fleet was raised.
	Launches int
	// Jobs weighs the jobs the wave was for, by their outstanding tasks; nil when it was for no known job.
	Jobs map[string]int64
}

// Name is what the bill calls the wave: its number, and the time that tells it from
// the waves with this number of other days.
func (w Wave) Name() string {
	return fmt.Sprintf("%s #%d", w.At.UTC().Format("2006-01-02T15:04:05.000Z"), w.N)
}

// Waves reads the raises from a fleet's decisions, which must come in order of time.
func Waves(decisions iter.Seq2[store.Decision, error]) ([]Wave, error) {
	var waves []Wave
	for d, err := range decisions {
		if err != nil {
			return nil, err
		}
		if raise := d.Want - d.Desired; raise > 0 && d.Wave > 0 {
			waves = append(waves, Wave{Fleet: d.Fleet, At: d.At, N: d.Wave, Launches: raise, Jobs: d.Jobs})
		}
	}
	return waves, nil
}

// clockSkew is how much earlier than the decision that launched it a worker may say that it began.
const clockSkew = 5 * time.Second

// Explain finds the wave that launched each worker, and with it the jobs to which its
// start-up is charged. Workers must be of the waves' fleet.
//
// The workers are gone through in the order in which they began. Each is put down to the
// earliest wave before it that still has a launch to be explained: a start takes
// tens of seconds on Fargate, so the next wave is often decided before a worker of the last
// one begins. When there is none, the worker replaces one that died, and its cause is the
// latest wave before it. One that began before all waves was started by hand, and stays unexplained.
func Explain(workers []cost.Worker, waves []Wave) {
	order := make([]int, len(workers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(workers[a].Start.Compare(workers[b].Start), cmp.Compare(workers[a].Name, workers[b].Name))
	})
	left := make([]int, len(waves))
	for i, w := range waves {
		left[i] = w.Launches
	}
	open, latest := 0, -1 // the earliest wave with launches left, the latest that has been decided
	for _, i := range order {
		w := &workers[i]
		for latest+1 < len(waves) && !waves[latest+1].At.After(w.Start.Add(clockSkew)) {
			latest++
			if waves[latest].N == 1 {
				open = latest // the fleet was at zero: what an earlier ascent did not launch never came
			}
		}
		for open < latest && left[open] == 0 {
			open++
		}
		if latest < 0 {
			continue
		}
		at := latest
		if open <= latest && left[open] > 0 {
			at = open
			left[open]--
		}
		w.Wave, w.Triggers = waves[at].Name(), waves[at].Jobs
	}
}
