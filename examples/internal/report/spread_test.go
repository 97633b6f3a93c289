package report

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSpreadVisitsEachOnceAndEarlyEverywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		seen, quarter := make([]bool, n), [4]int{}
		count := 0
		for i := range spread(n) {
			if seen[i] {
				t.Fatalf("n=%d: %d twice", n, i)
			}
			seen[i] = true
			if count++; count <= 40 {
				quarter[4*i/n]++
			}
		}
		if count != n {
			t.Fatalf("n=%d: visited %d", n, count)
		}
		for q, hits := range quarter {
			if n > 1000 && hits < 5 {
				t.Fatalf("n=%d: %d of the first 40 in quarter %d, want about 10", n, hits, q)
			}
		}
	})
}
