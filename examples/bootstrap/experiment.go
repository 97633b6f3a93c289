package main

import (
	"math"
	"math/rand/v2"

	"github.com/starburst-go/starburst/examples/internal/stats"
)

// The experiment: outcomes of two groups, normal, with a true effect of 5.
const (
	controls    = 100
	controlMean = 50
	controlSD   = 10
	treated     = 120
	treatedMean = 55
	treatedSD   = 12
)

// dataStream is the random stream that the data come from. Resamples use
// streams 0, 1, 2, …, so no resample shares its random numbers with the data.
const dataStream = math.MaxUint64

// Experiment is the data set: the outcomes of the controls, then of the treated.
type Experiment [controls + treated]float64

// generate makes the data set of a seed.
func generate(seed uint64) Experiment {
	rng := rand.New(rand.NewPCG(seed, dataStream))
	var e Experiment
	for i := range e {
		if i < controls {
			e[i] = controlMean + controlSD*rng.NormFloat64()
		} else {
			e[i] = treatedMean + treatedSD*rng.NormFloat64()
		}
	}
	return e
}

// Resample is a task: draw one bootstrap sample from the experiment of a seed.
//
// The data do not travel with it: 220 numbers are 2 KB, 10,000 tasks would put
// 20 MB on the queue where 200 KB will do. A worker makes (with real data:
// reads from a file or S3, by a name in the task) the data set once and keeps
// it for the tasks to come; see newResampler.
type Resample struct {
	Seed  uint64 `json:"seed"`
	Index uint64 `json:"index"`
}

// Effect is a task's result: the treatment's effect in that sample.
type Effect struct {
	// Difference is the mean of the treated minus the mean of the controls.
	Difference float64 `json:"difference"`
	// D is Cohen's d: Difference over the root mean square of both groups' standard deviations.
	D float64 `json:"d"`
}

// resamples returns the tasks of a run of n resamples.
func resamples(seed uint64, n int) []Resample {
	tasks := make([]Resample, n)
	for i := range tasks {
		tasks[i] = Resample{Seed: seed, Index: uint64(i)}
	}
	return tasks
}

// draw draws as many rows as the experiment has, with replacement, from both
// groups pooled, and returns the effect among them. Group sizes vary as they
// would if subjects were assigned by chance. (A group of fewer than two
// has a probability of 10⁻⁵⁶ and would be a NaN.)
func (r Resample) draw(e Experiment) Effect {
	rng := rand.New(rand.NewPCG(r.Seed, r.Index))
	var c, t [len(e)]float64
	nc, nt := 0, 0
	for range e {
		if row := rng.IntN(len(e)); row < controls {
			c[nc] = e[row]
			nc++
		} else {
			t[nt] = e[row]
			nt++
		}
	}
	return effect(c[:nc], t[:nt])
}

// effect compares two groups.
func effect(control, treatment []float64) Effect {
	difference := stats.Mean(treatment) - stats.Mean(control)
	sdc, sdt := stats.SD(control), stats.SD(treatment)
	return Effect{Difference: difference, D: difference / math.Sqrt((sdc*sdc+sdt*sdt)/2)}
}
