package stats_test

import (
	"fmt"

	"github.com/starburst-go/starburst/examples/internal/stats"
)

func ExampleQuantile() {
	type run struct{ seconds float64 }
	runs := []run{{4.1}, {2.5}, {3.0}, {2.9}, {9.5}}
	seconds := stats.Sorted(stats.Column(runs, func(r run) float64 { return r.seconds }))
	fmt.Printf("median %.1f s, 90 %% quantile %.2f s\n", stats.Quantile(seconds, 0.5), stats.Quantile(seconds, 0.9))
	// Output: median 3.0 s, 90 % quantile 7.34 s
}
