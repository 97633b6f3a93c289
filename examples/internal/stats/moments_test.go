package stats_test

import (
	"testing"

	"github.com/starburst-go/starburst/examples/internal/stats"
	"pgregory.net/rapid"
)

// However the values are cut into parts, merging the parts describes the whole.
func TestMomentsOfPartsDescribeTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1000, 1000), 2, 100).Draw(t, "x")
		cut := rapid.IntRange(0, len(x)).Draw(t, "cut")
		var left, right stats.Moments
		for i, v := range x {
			if i < cut {
				left.Add(v)
			} else {
				right.Add(v)
			}
		}
		left.Merge(right)
		if left.N != len(x) || !near(left.Mean, stats.Mean(x)) || !near(left.SD(), stats.SD(x)) {
			t.Fatalf("merged: %d values, mean %v, sd %v; at once: %d, %v, %v", left.N, left.Mean, left.SD(), len(x), stats.Mean(x), stats.SD(x))
		}
	})
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }
