package simulate

import "math"

// batch is a scenario's only one.
func batch(tasks int, d Durations) []Batch {
	return []Batch{{Name: "tasks", Tasks: tasks, Durations: d}}
}

// online is tasks that arrive at a rate for a time.
func online(rate func(float64) float64, peak, over float64, d Durations) []Batch {
	return []Batch{{Name: "tasks", Durations: d, Rate: rate, Peak: peak, Over: over}}
}

func steady(rate float64) func(float64) float64 { return func(float64) float64 { return rate } }

// Scenarios are the fifteen that policies are compared on.
func Scenarios() []Scenario {
	const day = 8 * 3600
	wave := func(t float64) float64 { return 5 - 5*math.Cos(2*math.Pi*t/day) }
	return []Scenario{
		{Name: "burst", About: "10,000 tasks, exponential 30 s, room for 1,000", Batches: batch(10_000, Exponential(30)), Quota: 1000},
		{Name: "tiny", About: "100,000 tasks of 0.2 s", Batches: batch(100_000, Constant(.2)), Quota: 1000, CV: .01},
		{Name: "long", About: "500 tasks of 8 to 12 min", Batches: batch(500, Uniform(480, 720)), Quota: 1000, CV: .12},
		{Name: "heavy", About: "20,000 tasks, lognormal 20 s, cv 3, up to 30 min", Batches: batch(20_000, Lognormal(20, 3, 1800)), Quota: 1000, CV: 3},
		{Name: "few", About: "3 tasks of 5 s", Batches: batch(3, Constant(5)), Quota: 1000, CV: .01},
		{Name: "medium", About: "200 tasks of 10 s", Batches: batch(200, Constant(10)), Quota: 1000, CV: .01},
		{Name: "quota", About: "600 tasks, exponential 30 s, room for 6", Batches: batch(600, Exponential(30)), Quota: 6},
		{Name: "throttle", About: "burst, but 1 launch/s and 10 at once", Batches: batch(10_000, Exponential(30)), Quota: 1000, Rate: 1, Burst: 10},
		{Name: "stale", About: "burst, SQS counts up to 60 s old and 20 % wrong", Batches: batch(10_000, Exponential(30)), Quota: 1000, Stale: true},
		{Name: "spot", About: "2,000 tasks of 5 min, each worker interrupted every 2 h", Batches: batch(2000, Constant(300)), Quota: 1000, Interruptions: .5, CV: .01},
		{Name: "giant", About: "1,000,000 tasks, exponential 60 s, room for 10,000", Batches: batch(1_000_000, Exponential(60)), Quota: 10_000, Services: 3},
		{Name: "steady", About: "5 tasks/s for 2 h, exponential 10 s", Batches: online(steady(5), 5, 7200, Exponential(10)), Quota: 1000, Online: true},
		{Name: "diurnal", About: "0 to 10 tasks/s over 8 h, exponential 10 s", Batches: online(wave, 10, day, Exponential(10)), Quota: 1000, Online: true},
		{Name: "sparse", About: "a task of 20 s every 3 min for 4 h", Batches: online(steady(1./180), 1./180, 4*3600, Constant(20)), Quota: 1000, Online: true, CV: .01},
		{Name: "stale-steady", About: "steady, SQS counts up to 60 s old and 20 % wrong", Batches: online(steady(5), 5, 7200, Exponential(10)), Quota: 1000, Online: true, Stale: true},
	}
}

// Faults are scenarios in which something goes wrong, or is out of the ordinary.
func Faults() []Scenario {
	medium := func(n int) []Batch { return batch(n, Exponential(20)) }
	return []Scenario{
		{Name: "heartbeats", About: "heartbeats 30 s late, a tenth of the workers mute", Batches: medium(3000), Quota: 200, HeartbeatLag: 30, Mute: .1},
		{Name: "quota-falls", About: "the quota falls from 200 to 50 after 2 min", Batches: medium(5000), Quota: 200, Changes: []Change{{At: 120, Quota: 50}}},
		{Name: "ecs-throttles", About: "half of the calls to ECS fail", Batches: medium(3000), Quota: 200, Throttled: .5},
		{Name: "crash-loop", About: "workers crash at their start for 10 min", Batches: medium(1000), Quota: 200, CrashUntil: 600},
		{Name: "stuck", About: "after 20 launches no worker arrives for 15 min", Batches: medium(2000), Quota: 200, StuckAfter: 20, StuckUntil: 900},
		{Name: "tenants", About: "two jobs: 5,000 tasks of 1 s and 100 of 5 min", Quota: 200, Batches: []Batch{
			{Name: "short", Tasks: 5000, Durations: Exponential(1)}, {Name: "long", Tasks: 100, Durations: Uniform(240, 360)},
		}},
		{Name: "deploy", About: "a deploy replaces all workers after 3 min", Batches: medium(5000), Quota: 200, Changes: []Change{{At: 180, Deploy: true}}},
		{Name: "ledger-off", About: "the ledger is off by one task, either way", Batches: medium(1000), Quota: 200, LedgerError: 1},
		{Name: "slots", About: "4 tasks at once per worker", Batches: medium(5000), Quota: 50, Slots: 4},
		{Name: "price", About: "the price doubles after 2 min", Batches: medium(5000), Quota: 200, Changes: []Change{{At: 120, Price: 2}}},
		{Name: "delayed", About: "a third of the messages is delayed by 5 min", Batches: medium(1500), Quota: 200, Delayed: .33, DelayedFor: 300},
		{Name: "mixed", About: "a third of the tasks comes from programs that bypass our client", Quota: 200, Batches: []Batch{
			{Name: "ours", Tasks: 2000, Durations: Exponential(20)}, {Name: "theirs", Tasks: 1000, Durations: Exponential(20), Over: 60, Foreign: true},
		}},
		{Name: "poison", About: "1 % of the tasks end in the dead-letter queue", Batches: medium(1000), Quota: 200, Poison: .01},
		{Name: "expired", About: "5 % of the messages vanish", Batches: medium(1000), Quota: 200, Expired: .05},
		{Name: "trickle", About: "144 tasks of 0.5 s over 48 min", Quota: 200, CV: .01, Batches: []Batch{{Name: "tasks", Tasks: 144, Durations: Constant(.5), Over: 48 * 60}}},
	}
}
