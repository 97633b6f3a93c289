// Package simulate runs autoscaling policies, the real autoscale.Decide among them, against simulated fleets: what would it have
// taken and cost? It is no model of AWS but of what matters to a policy: start-up that is paid for, a minimum bill, a launch rate,
// a quota, counts that are late and wrong, workers that vanish.
//
//	s, _ := simulate.ScenarioNamed("medium")
//	p, _ := simulate.PolicyNamed("ours")
//	r := simulate.Run(s, p.New(), 1, simulate.Options{})
//	fmt.Println(r.Makespan, r.Cost, r.TimeRatio(), r.CostRatio())
//
// A run depends on its scenario, policy and seed alone. Times are seconds from the first task; money comes from package cost.
// Results are compared with [Bound], below which no policy can come even if it knows every task before.
//
// What the model leaves out: the workers' polls and their latency, messages of more than one task, calls to AWS that take
// time, and an end of a worker that takes longer than two seconds. Others' policies are given what they would see at best.
package simulate
