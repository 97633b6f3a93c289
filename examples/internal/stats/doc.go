// Package stats holds the few statistics that the examples report: mean,
// standard deviation, quantiles, and the standard error of each, so that no
// number is printed without saying how far the run can be trusted.
//
// Everything is a pure function of a slice. Quantiles take a sorted slice,
// because a report asks for several of them and should sort once:
//
//	finals := stats.Sorted(stats.Column(outcomes, func(o Outcome) float64 { return o.Final }))
//	median, se := stats.Quantile(finals, 0.5), stats.QuantileSE(finals, 0.5)
package stats
