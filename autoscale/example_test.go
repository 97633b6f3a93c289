package autoscale_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// Ten thousand tasks in a hundred messages arrive at a fleet of at most 12; its
// workers start in 20 s and are looked at every 10 s.
func ExampleDecide() {
	config := autoscale.Config{Max: 12, Slots: 4, StartUp: 20 * time.Second}
	var state autoscale.State
	seen := autoscale.Observation{Visible: 100, KnownTasks: 10_000, KnownMessages: 100}
	for tick := range 5 {
		seen.Now = time.Date(2026, 11, 24, 12, 0, 10*tick, 0, time.UTC)
		seen.Taken = seen.Now
		var d autoscale.Decision
		state, d = autoscale.Decide(config, state, seen)
		fmt.Println(d.Reason)
		seen.Counts = autoscale.Counts{Desired: d.Want, Running: d.Want}
	}
	// Output:
	// wave 1: 0→1, doubling; 10000 tasks waiting or running in 100 messages want 12; running 0, pending 0
	// wave 2: 1→2, doubling; 10000 tasks waiting or running in 100 messages want 12; running 1, pending 0
	// wave 3: 2→4, doubling; 10000 tasks waiting or running in 100 messages want 12; running 2, pending 0
	// wave 4: 4→8, doubling; 10000 tasks waiting or running in 100 messages want 12; running 4, pending 0
	// wave 5: 8→12, all that is wanted; 10000 tasks waiting or running in 100 messages want 12; running 8, pending 0
}
