package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// folds is the number of parts of the cross-validation.
const folds = 5

// dataStream is the random stream of the data set; the fits themselves use no
// random numbers.
const dataStream = math.MaxUint64

// Dataset is what all configurations are scored on: four features, of which x4
// is pure noise, a class, and the fold that each row is tested in.
type Dataset struct {
	X     [][4]float64
	Class []float64 // 0 or 1
	// Fold is part of the data on purpose: when every configuration is tested
	// on the same folds, a difference between two of them is theirs. (The R
	// original drew new folds for each, and so ranked mostly the folds' luck.)
	Fold []int
}

// trueScore is the log odds of class 1, apart from noise. No weighting of x1 and
// x2 alone can express their product.
func trueScore(x [4]float64) float64 {
	return 0.5*x[0] + 0.8*x[1] - 0.3*x[2] + 0.6*x[0]*x[1]
}

// generate makes a data set.
func generate(k dataKey) Dataset {
	rng := rand.New(rand.NewPCG(k.seed, dataStream))
	d := Dataset{X: make([][4]float64, k.rows), Class: make([]float64, k.rows), Fold: make([]int, k.rows)}
	for i := range d.X {
		x := &d.X[i]
		for j := range x {
			x[j] = rng.NormFloat64()
		}
		if score := trueScore(*x) + 0.5*rng.NormFloat64(); rng.Float64() < logistic(score) {
			d.Class[i] = 1
		}
	}
	for i, row := range rng.Perm(k.rows) {
		d.Fold[row] = i % folds // sizes differ by one at most
	}
	return d
}

// dataKey names a data set: what a task carries in place of the rows.
type dataKey struct {
	seed uint64
	rows int
}

// columns returns a function that fills a row's design vector: 1 for the
// intercept, then the named features.
func (d Dataset) columns(features []string) (func(row int, into []float64), error) {
	for _, name := range features {
		if _, known := featureColumns[name]; !known {
			return nil, fmt.Errorf("unknown feature %q: the data have x1, x2, x3, x4 and x1*x2", name)
		}
	}
	return func(row int, into []float64) {
		into[0] = 1
		for j, name := range features {
			into[j+1] = featureColumns[name](d.X[row])
		}
	}, nil
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// featureColumns computes each feature from a row.
var featureColumns = map[string]func(x [4]float64) float64{
	"x1":    func(x [4]float64) float64 { return x[0] },
	"x2":    func(x [4]float64) float64 { return x[1] },
	"x3":    func(x [4]float64) float64 { return x[2] },
	"x4":    func(x [4]float64) float64 { return x[3] },
	"x1*x2": func(x [4]float64) float64 { return x[0] * x[1] },
}
