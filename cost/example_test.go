package cost_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// A worker ran 41 s on two slots for two jobs; Fargate bills it 60 s.
func Example() {
	book, err := cost.Embedded()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	st, err := cost.NewStatement(book, []cost.Worker{{
		Name: "w1", Provider: cost.Fargate, Platform: cost.X86, Slots: 2,
		Size:     cost.Size{VCPUMilli: 1000, MemoryMiB: 2048},
		Start:    start,
		Ready:    start.Add(25 * time.Second),
		Stop:     start.Add(41 * time.Second),
		Jobs:     map[string]cost.JobWork{"prices": {Tasks: 20, BusyMS: 20_001}, "risk": {Tasks: 10, BusyMS: 9_999}},
		Triggers: map[string]int64{"prices": 2, "risk": 1},
	}}, cost.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range st.Jobs {
		fmt.Printf("%-7s %s = work %s + start-up %s + idle %s\n", j.Job, j.Total(), j.Direct, j.Startup, j.Idle)
	}
	fmt.Println("total  ", st.Total)
	// Output:
	// prices  $0.000548576 = work $0.000137146857 + start-up $0.000228566667 + idle $0.000182862476
	// risk    $0.000274264 = work $0.000068563143 + start-up $0.000114283333 + idle $0.000091417524
	// total   $0.00082284
}
