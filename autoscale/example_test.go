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

// Ten thousand tasks that took 30 s each in earlier runs, a quota with room for 400 workers more and a start-up of 40 s: what is
// certain to be of use starts at once, as far as it can arrive.
func ExampleDecide_efficiency() {
	config := autoscale.Config{Max: 1000, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Exclusive: true}}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	seen := autoscale.Observation{Now: now, Taken: now, KnownTasks: 10_000, KnownMessages: 10_000}
	seen.Prior = autoscale.Prior{Mean: 30 * time.Second}
	seen.Quota = autoscale.RoomFor(400)
	_, d := autoscale.Decide(config, autoscale.State{}, seen)
	fmt.Println(d.Binding)
	fmt.Println(d.Reason)
	// Output:
	// quota
	// wave 1: 0→400, all that is wanted; 10000 waiting, 0 running, a task takes 30s (22.5s–42s); goal 400; running 0, pending 0
}
