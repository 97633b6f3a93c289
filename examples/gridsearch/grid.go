package main

// The grid: every λ with every feature set, 16 configurations.
var (
	lambdas = []float64{0.001, 0.01, 0.1, 1}
	// The last set holds the interaction that the classes really depend on. (The
	// R original had the first set twice, so 4 of its 16 configurations were
	// copies, told apart only by their folds.)
	featureSets = [][]string{
		{"x1", "x2", "x3", "x4"},
		{"x1", "x2", "x3"},
		{"x1", "x2"},
		{"x1", "x2", "x3", "x1*x2"},
	}
)

// grid returns the tasks of a run: all folds of a configuration together, all
// λ of a feature set together.
func grid(seed uint64, rows int) []Fit {
	var fits []Fit
	for _, features := range featureSets {
		for _, lambda := range lambdas {
			for fold := range folds {
				fits = append(fits, Fit{Seed: seed, Rows: rows, Lambda: lambda, Features: features, Fold: fold})
			}
		}
	}
	return fits
}
