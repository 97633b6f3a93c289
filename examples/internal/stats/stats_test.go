package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/starburst-go/starburst/examples/internal/stats"
	"pgregory.net/rapid"
)

func TestQuantileIsTypeSeven(t *testing.T) {
	t.Parallel()
	// Expected values are those of R's quantile(x, p, type = 7).
	cases := []struct {
		name   string
		sorted []float64
		p      float64
		want   float64
	}{
		{"the median of an odd number of values is the middle one", []float64{1, 2, 10}, 0.5, 2},
		{"the median of an even number of values is the mean of the middle two", []float64{1, 2, 4, 10}, 0.5, 3},
		{"between two order statistics it interpolates", []float64{10, 20, 30, 40, 50}, 0.1, 14},
		{"p = 0 is the minimum", []float64{3, 5}, 0, 3},
		{"p = 1 is the maximum", []float64{3, 5}, 1, 5},
		{"a p above 1 is the maximum, which QuantileSE relies on", []float64{3, 5}, 1.2, 5},
		{"one value is each of its quantiles", []float64{7}, 0.3, 7},
		{"no values have no quantile", nil, 0.5, math.NaN()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := stats.Quantile(c.sorted, c.p); !same(got, c.want) {
				t.Errorf("Quantile(%v, %v) = %v, want %v", c.sorted, c.p, got, c.want)
			}
		})
	}
}

func TestMeanAndSD(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		x        []float64
		mean, sd float64
	}{
		{"the divisor is n-1", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 5, math.Sqrt(32.0 / 7)},
		{"a large mean does not drown the spread", []float64{1e9 + 1, 1e9 + 2, 1e9 + 3}, 1e9 + 2, 1},
		{"one value has a mean and no spread", []float64{3}, 3, math.NaN()},
		{"no values have neither", nil, math.NaN(), math.NaN()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := stats.Mean(c.x); !same(got, c.mean) {
				t.Errorf("Mean = %v, want %v", got, c.mean)
			}
			if got := stats.SD(c.x); !same(got, c.sd) {
				t.Errorf("SD = %v, want %v", got, c.sd)
			}
		})
	}
}

func TestQuantileLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := stats.Sorted(rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 50).Draw(t, "x"))
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		q := rapid.Float64Range(p, 1).Draw(t, "q")
		low, high := stats.Quantile(x, p), stats.Quantile(x, q)
		if low > high+1e-6 {
			t.Fatalf("quantile falls from %v at %v to %v at %v", low, p, high, q)
		}
		if low < x[0] || high > x[len(x)-1]+1e-6 {
			t.Fatalf("quantiles %v, %v outside the data", low, high)
		}
	})
}

// The standard errors must predict how much the estimates vary between samples.
func TestStandardErrorsMatchTheSpreadOverSamples(t *testing.T) {
	t.Parallel()
	const samples, n = 400, 2_000
	rng := rand.New(rand.NewPCG(1, 2))
	var means, medians, shares, meanSE, medianSE, shareSE []float64
	for range samples {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.ExpFloat64()
		}
		x = stats.Sorted(x)
		share := stats.Share(x, func(v float64) bool { return v > 1 })
		means, meanSE = append(means, stats.Mean(x)), append(meanSE, stats.MeanSE(x))
		medians, medianSE = append(medians, stats.Quantile(x, 0.5)), append(medianSE, stats.QuantileSE(x, 0.5))
		shares, shareSE = append(shares, share), append(shareSE, stats.ShareSE(share, n))
	}
	for _, c := range []struct {
		name                string
		estimates, standard []float64
	}{{"mean", means, meanSE}, {"median", medians, medianSE}, {"share", shares, shareSE}} {
		// The sd of 400 estimates is itself known to 1/√800 = 3.5 %; 4σ = 14 %.
		if ratio := stats.Mean(c.standard) / stats.SD(c.estimates); math.Abs(ratio-1) > 0.14 {
			t.Errorf("%s: standard error is %.2f times the spread seen", c.name, ratio)
		}
	}
}

func same(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
}
