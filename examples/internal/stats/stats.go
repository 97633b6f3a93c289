package stats

import (
	"math"
	"slices"
)

// Column extracts one number of each item, in order.
func Column[T any](items []T, number func(T) float64) []float64 {
	column := make([]float64, len(items))
	for i, item := range items {
		column[i] = number(item)
	}
	return column
}

// Sorted returns an ascending copy of x.
func Sorted(x []float64) []float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	return s
}

// Mean returns the arithmetic mean of x, NaN when x is empty.
func Mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// SD returns the sample standard deviation of x (divisor n−1), NaN for fewer
// than two values. It takes two passes: the one-pass formula Σx²−(Σx)²/n
// loses all digits when the mean is large beside the spread.
func SD(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	mean, squares := Mean(x), 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(x)-1))
}

// MeanSE returns the standard error of the mean of x, NaN for fewer than two values.
func MeanSE(x []float64) float64 { return SD(x) / math.Sqrt(float64(len(x))) }

// Share returns the share of x for which holds is true, 0…1; NaN when x is empty.
func Share(x []float64, holds func(float64) bool) float64 {
	n := 0
	for _, v := range x {
		if holds(v) {
			n++
		}
	}
	return float64(n) / float64(len(x))
}

// ShareSE returns the standard error of a share p seen in n independent cases.
func ShareSE(p float64, n int) float64 { return math.Sqrt(p * (1 - p) / float64(n)) }

// Quantile returns the p-quantile (p in 0…1) of an ascending slice, by linear
// interpolation between order statistics: type 7 of Hyndman and Fan (1996),
// the default of R, NumPy and spreadsheets. It is NaN when sorted is empty.
func Quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	position := min(max(p, 0), 1) * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
}

// QuantileSE returns the standard error of Quantile(sorted, p). The rank of a
// quantile has standard deviation √(n·p·(1−p)); the slope between the order
// statistics two such steps to either side turns ranks into values without a
// density estimate. (One step would be less biased in a curved tail, but
// half as precise: with 10,000 values it rests on 100 of them.)
func QuantileSE(sorted []float64, p float64) float64 {
	step := ShareSE(p, len(sorted))
	low, high := max(p-2*step, 0), min(p+2*step, 1)
	if high == low {
		return 0 // p is 0 or 1, or there is one value
	}
	return (Quantile(sorted, high) - Quantile(sorted, low)) / (high - low) * step
}
