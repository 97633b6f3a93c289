package simulate_test

import (
	"testing"

	"github.com/starburst-go/starburst/autoscale/simulate"
)

// A million tasks on ten thousand workers must take less than 3 s and a gigabyte.
func BenchmarkGiant(b *testing.B) {
	s, ok := simulate.ScenarioNamed("giant")
	p, ok2 := simulate.PolicyNamed("ours")
	if !ok || !ok2 {
		b.Fatal("no scenario giant, or no policy ours")
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := simulate.Run(s, p.New(), 1, simulate.Options{}); r.Tasks != 1_000_000 || r.Peak != 10_000 {
			b.Fatalf("%d tasks on at most %d workers", r.Tasks, r.Peak)
		}
	}
}
