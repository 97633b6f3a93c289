package main

import "math"

// Incomes are counted in bins 2 % wide between e⁶ and e¹⁶ (403 and 8.9
// million); what lies outside counts in the first or last bin.
const (
	incomeBins     = 500
	lowestLog      = 6.0
	incomeBinWidth = 0.02
)

// incomeCounts counts incomes by bin. Medians cannot be merged (the median of
// the chunks' medians is another number, with a wider error); counts can, and
// within bins of 2 % the median is found to a tenth of its standard error.
type incomeCounts []uint32

func (c incomeCounts) add(logIncome float64) {
	bin := int((logIncome - lowestLog) / incomeBinWidth)
	c[min(max(bin, 0), len(c)-1)]++
}

func (c incomeCounts) merge(o incomeCounts) {
	for bin, n := range o {
		c[bin] += n
	}
}

// total is the number of incomes counted.
func (c incomeCounts) total() int {
	total := 0
	for _, n := range c {
		total += int(n)
	}
	return total
}

// quantile returns the income below which the share p of all incomes lies,
// taking incomes to be evenly spread within a bin on the logarithmic scale.
func (c incomeCounts) quantile(p float64) float64 {
	rank := p * float64(c.total())
	for bin, n := range c {
		if rank <= float64(n) && n > 0 {
			return math.Exp(lowestLog + incomeBinWidth*(float64(bin)+rank/float64(n)))
		}
		rank -= float64(n)
	}
	return math.NaN() // no incomes at all
}

// quantileSE returns the standard error of quantile(p): the rank's own
// standard deviation, turned into money by the slope around it.
func (c incomeCounts) quantileSE(p float64) float64 {
	step := math.Sqrt(p * (1 - p) / float64(c.total()))
	low, high := max(p-2*step, 0), min(p+2*step, 1)
	return (c.quantile(high) - c.quantile(low)) / (high - low) * step
}
