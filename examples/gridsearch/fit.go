package main

import (
	"math"

	"github.com/starburst-go/starburst/examples/internal/memo"
)

// Gradient descent from zero, with a fixed number of steps.
const (
	steps    = 100
	stepSize = 0.01
)

// Fit is a task: train one configuration on all folds but one, and test it on
// that one. A fold a task, rather than a configuration, makes 80 tasks of 16
// configurations: five times as many workers can share them.
type Fit struct {
	// Seed and Rows name the data set; a worker makes it once and keeps it.
	Seed uint64 `json:"seed"`
	Rows int    `json:"rows"`
	// Lambda is the weight of the L2 penalty; the intercept is not penalised.
	Lambda float64 `json:"lambda"`
	// Features are the names of the columns that the model may use.
	Features []string `json:"features"`
	// Fold is the fold to test on.
	Fold int `json:"fold"`
}

// Score is a task's result.
type Score struct {
	// Correct is how many of the Tested rows the model put in the right class.
	Correct int `json:"correct"`
	Tested  int `json:"tested"`
	// Weights are the model's: the intercept's, then each feature's.
	Weights []float64 `json:"weights"`
}

// newFitter returns the function that a worker runs for each task. It keeps
// the last data set, so that a worker makes it once a run, not once a task.
func newFitter() func(Fit) (Score, error) {
	var datasets memo.Last[dataKey, Dataset]
	return func(f Fit) (Score, error) {
		return f.run(datasets.Get(dataKey{f.Seed, f.Rows}, generate))
	}
}

// run trains and tests.
func (f Fit) run(d Dataset) (Score, error) {
	columns, err := d.columns(f.Features)
	if err != nil {
		return Score{}, err
	}
	width := 1 + len(f.Features)
	var train, test design
	for row, fold := range d.Fold {
		into := &train
		if fold == f.Fold {
			into = &test
		}
		into.add(width, d.Class[row], func(x []float64) { columns(row, x) })
	}
	weights := train.descend(f.Lambda, width)
	return Score{Correct: test.correct(weights), Tested: len(test.class), Weights: weights}, nil
}

// design is a design matrix, row after row in one slice, with the classes.
type design struct {
	x     []float64
	class []float64
}

// add appends a row of the given width, which fill fills.
func (m *design) add(width int, class float64, fill func(x []float64)) {
	m.x = append(m.x, make([]float64, width)...)
	m.class = append(m.class, class)
	fill(m.x[len(m.x)-width:])
}

// descend fits a logistic regression: the gradient is Xᵀ(p−y)/n, plus the
// penalty's λ·β for all weights but the intercept's.
func (m *design) descend(lambda float64, width int) []float64 {
	weights, gradient := make([]float64, width), make([]float64, width)
	n := float64(len(m.class))
	for range steps {
		clear(gradient)
		for i, class := range m.class {
			x := m.x[i*width : (i+1)*width]
			miss := logistic(dot(weights, x)) - class
			for j, v := range x {
				gradient[j] += miss * v
			}
		}
		for j := range weights {
			slope := gradient[j] / n
			if j > 0 {
				slope += lambda * weights[j]
			}
			weights[j] -= stepSize * slope
		}
	}
	return weights
}

// correct counts the rows whose more probable class (1 above one half) is theirs.
func (m *design) correct(weights []float64) int {
	correct, width := 0, len(weights)
	for i, class := range m.class {
		if guess := dot(weights, m.x[i*width:(i+1)*width]) > 0; guess == (class == 1) {
			correct++
		}
	}
	return correct
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// accuracy of a score: the share of correct answers, NaN when nothing was tested.
func (s Score) accuracy() float64 {
	if s.Tested == 0 {
		return math.NaN()
	}
	return float64(s.Correct) / float64(s.Tested)
}
