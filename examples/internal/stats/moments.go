package stats

import "math"

// Moments is a running count, mean and spread that can be merged with another:
// what a task returns instead of its rows, so that the whole can be described
// exactly from the parts. (A mean of means or a median of medians would not be
// the mean or the median of all rows.) The zero Moments holds no values.
type Moments struct {
	// N is the number of values, Mean their mean.
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	// Squares is the sum of the squared distances from Mean: kept in place of
	// Σx² because it does not lose digits (Welford 1962).
	Squares float64 `json:"squares"`
}

// Add takes in one value.
func (m *Moments) Add(x float64) {
	m.N++
	delta := x - m.Mean
	m.Mean += delta / float64(m.N)
	m.Squares += delta * (x - m.Mean)
}

// Merge takes in the values that o holds (Chan, Golub and LeVeque 1979).
func (m *Moments) Merge(o Moments) {
	if o.N == 0 {
		return
	}
	n := m.N + o.N
	delta := o.Mean - m.Mean
	m.Squares += o.Squares + delta*delta*float64(m.N)*float64(o.N)/float64(n)
	m.Mean += delta * float64(o.N) / float64(n)
	m.N = n
}

// SD returns the sample standard deviation, NaN for fewer than two values.
func (m Moments) SD() float64 {
	if m.N < 2 {
		return math.NaN()
	}
	return math.Sqrt(m.Squares / float64(m.N-1))
}

// MeanSE returns the standard error of the mean, NaN for fewer than two values.
func (m Moments) MeanSE() float64 { return m.SD() / math.Sqrt(float64(m.N)) }
