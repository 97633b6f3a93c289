package stats_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/examples/internal/stats"
	"pgregory.net/rapid"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	low, high := math.Inf(-1), math.Inf(1)
	cases := []struct {
		name  string
		x     []float64
		about int
		want  []stats.Bin
	}{
		{"round bins, open at both ends", []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2, []stats.Bin{{low, 2, 2}, {2, 4, 2}, {4, 6, 2}, {6, 8, 2}, {8, high, 2}}},
		{"equal values share one bin", []float64{3, 3, 3}, 10, []stats.Bin{{low, high, 3}}},
		{"no values, no bins", nil, 10, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, stats.Histogram(c.x, c.about)); diff != "" {
				t.Errorf("Histogram (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistogramLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := stats.Sorted(rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 200).Draw(t, "x"))
		about := rapid.IntRange(1, 40).Draw(t, "about")
		bins := stats.Histogram(x, about)
		total := 0
		for i, b := range bins {
			total += b.Count
			if i > 0 && b.Low != bins[i-1].High {
				t.Fatalf("bin %d starts at %v, the one before ends at %v", i, b.Low, bins[i-1].High)
			}
		}
		if total != len(x) {
			t.Fatalf("%d values counted of %d", total, len(x))
		}
		// A round width is at least 1/2.5 of the exact one, plus a bin cut at each end.
		if len(bins) > 5*about/2+3 {
			t.Fatalf("%d bins, asked for about %d", len(bins), about)
		}
	})
}
