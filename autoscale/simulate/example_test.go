package simulate_test

import (
	"fmt"

	"github.com/starburst-go/starburst/autoscale/simulate"
)

// Two hundred tasks of ten seconds, sized by us and by KEDA.
func Example() {
	s, _ := simulate.ScenarioNamed("medium")
	for _, name := range []string{"ours", "keda5"} {
		p, _ := simulate.PolicyNamed(name)
		r := simulate.Run(s, p.New(), 1, simulate.Options{})
		fmt.Printf("%-5s %d tasks, at most %d workers, %.1f times the least time, %.1f times the least cost\n",
			name, r.Tasks, r.Peak, r.TimeRatio(), r.CostRatio())
	}
	// Output:
	// ours  200 tasks, at most 31 workers, 2.3 times the least time, 1.5 times the least cost
	// keda5 200 tasks, at most 40 workers, 2.7 times the least time, 7.2 times the least cost
}
