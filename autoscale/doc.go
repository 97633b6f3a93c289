// Package autoscale sizes a fleet of workers to the work that is queued: from zero,
// in doubling waves, and back to zero.
//
// # The decision
//
// [Decide] is a pure function of a configuration, what it remembered from last time
// and what is seen now. It has no clock, no randomness, no I/O and no map whose
// order could matter, so the same code runs in the loop, in a test table and in a
// simulator, and a recorded series of observations can be replayed.
//
//	state, decision := autoscale.Decide(config, state, observation)
//	fmt.Println(decision.Want, decision.Reason)
//	// 8 wave 4: 4→8, doubling; 9911 tasks waiting or running in 100 messages want 100; running 4, pending 0
//
// Work is counted in tasks, not in messages: the workers' ledgers say how many tasks of
// the known jobs are unsettled, and queued messages beyond theirs count too, so that
// programs which put tasks straight into SQS are served as well. Workers are added
// 1, 2, 4, 8, … while there is work for them, each wave when the previous one has mostly
// arrived; never more than there are tasks for their slots, messages to receive, or
// the maximum. Nothing is taken away while work remains, because without a release by
// name ECS would choose the victim, and it may choose a busy one; when nothing is left
// the fleet shrinks to one worker and, after a quiet minute, to zero.
//
// An observation that is stale or cannot be true changes nothing: hold.
//
// # What a worker costs
//
// That is the mode [Fast], for workers that cost nothing to start. The others weigh a worker's start-up and its minimum
// bill against the seconds of work that it is for: [Efficiency], [Deadline], [Budget] and [Value], chosen and bounded by a
// [Policy], with what else they need to see in [Evidence]. They know durations from a life table of completed and running
// tasks, jump where that is certain and double beyond, hold every limit and cap, and release idle workers by name once their
// minimum is paid. [Share] divides what several fleets share, [Spread] a size over several ECS services.
//
//	config := autoscale.Config{Max: 1000, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Efficiency: 0.7}}
//
// Package [github.com/starburst-go/starburst/autoscale/simulate] runs all of them, and the rules of others, against simulated
// fleets; docs/autoscaling.md says how good they are.
//
// # The loop
//
// [Loop] observes, decides, applies and records, every few seconds or at once when
// nudged. What it does that with are four small interfaces; package
// [github.com/starburst-go/starburst/autoscale/fleet] implements them with SQS, ECS and
// DynamoDB, and the tests with values. A lease makes one of several loops the leader; the
// others stand by.
//
// This package imports neither the AWS SDK nor the store.
package autoscale
