package main

import "github.com/starburst-go/starburst/examples/internal/memo"

// newResampler returns the function that a worker runs for each task. It keeps
// the experiment of the last seed, so that a worker makes the data once a run,
// not once a task.
func newResampler() func(Resample) Effect {
	var experiments memo.Last[uint64, Experiment]
	return func(r Resample) Effect { return r.draw(experiments.Get(r.Seed, generate)) }
}
