package stats

import "math"

// Bin is one bar of a histogram: the values v with Low ≤ v < High.
type Bin struct {
	// Low is −Inf in the first bin and High is +Inf in the last, which also
	// hold the values too far out to deserve bins of their own.
	Low, High float64
	// Count is the number of values in the bin.
	Count int
}

// Histogram counts an ascending slice in about the given number of bins of
// equal, round width (1, 2 or 5 times a power of ten). The bins cover the
// middle 99 %; the first and the last are open and take the rest, because one
// outlier must not squeeze everything else into a single bar. Few values get
// fewer bins, about √n, or the bars would show nothing but chance.
// It is nil when sorted is empty.
func Histogram(sorted []float64, about int) []Bin {
	if len(sorted) == 0 {
		return nil
	}
	from, to := Quantile(sorted, 0.005), Quantile(sorted, 0.995)
	bars := min(float64(max(about, 1)), math.Sqrt(float64(len(sorted))))
	width := roundWidth((to - from) / bars)
	first := math.Floor(from / width)
	bins := make([]Bin, int(math.Floor(to/width)-first)+1)
	for i := range bins {
		bins[i] = Bin{Low: (first + float64(i)) * width, High: (first + float64(i) + 1) * width}
	}
	bins[0].Low, bins[len(bins)-1].High = math.Inf(-1), math.Inf(1)
	bin := 0
	for _, v := range sorted {
		for v >= bins[bin].High {
			bin++
		}
		bins[bin].Count++
	}
	return bins
}

// roundWidth returns the largest of 1, 2, 5 times a power of ten that is at
// most w, or 1 when w is 0 (all values are the same).
func roundWidth(w float64) float64 {
	if w <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(w)))
	switch {
	case w >= 5*unit:
		return 5 * unit
	case w >= 2*unit:
		return 2 * unit
	}
	return unit
}
