package faults_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/faults"
)

func ExamplePlan_Decide() {
	p := faults.Plan{Seed: 1, Rates: faults.Rates{DropResponse: 0.2, Throttle: 0.2}}
	var ends [5]int
	for n := range uint64(1000) {
		ends[p.Decide("PutItem", n).End]++
	}
	// The same seed, operation and number: the same verdict.
	first, second := p.Decide("PutItem", 7), p.Decide("PutItem", 7)
	same := first.End == second.End
	fmt.Println(ends[faults.ResponseDropped] > 150, ends[faults.Throttled] > 150, ends[faults.RequestDropped], same)
	// Output: true true 0 true
}
