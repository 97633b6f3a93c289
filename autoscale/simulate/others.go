package simulate

import "math"

// KEDA is its SQS scaler with the horizontal pod autoscaler behind it, by their documented rules.
type KEDA struct {
	// PerWorker is queueLength, default 5.
	PerWorker float64
	// Protect stops idle pods only, which Kubernetes does not.
	Protect bool

	recent []past // recommendations of the last 300 s
	polled float64
	metric float64
	idle   float64 // when the metric was last above 0
}

type past struct {
	at float64
	n  int
}

// Traits of pods.
func (p *KEDA) Traits() Traits { return Traits{Protected: p.Protect} }

// Look is the pod autoscaler's sync, every 15 s; KEDA itself polls every 30 s.
func (p *KEDA) Look(v *View) Order {
	const (
		sync, poll = 15, 30
		window     = 300
		tolerance  = .1
	)
	if p.PerWorker == 0 {
		p.PerWorker = 5
	}
	if v.Time-p.polled >= poll || v.Time == 0 {
		p.polled, p.metric = v.Time, float64(v.Visible+v.InFlight)
	}
	if p.metric > 0 {
		p.idle = v.Time
	}
	n := v.Desired
	switch {
	case n == 0 && p.metric == 0:
		return Order{After: sync}
	case n == 0:
		n = 1 // KEDA activates; the autoscaler takes over at its next sync
		return Order{Desired: n, After: sync}
	}
	want := n
	if ratio := p.metric / (p.PerWorker * float64(n)); math.Abs(ratio-1) > tolerance {
		want = int(math.Ceil(p.metric / p.PerWorker))
	}
	want = min(max(want, 1), v.Quota)
	p.recent = append(p.recent, past{v.Time, want})
	for v.Time-p.recent[0].at > window {
		p.recent = p.recent[1:]
	}
	if want < n {
		for _, r := range p.recent {
			want = max(want, min(r.n, n))
		}
	}
	want = min(want, max(2*n, n+4))
	if p.metric == 0 && v.Time-p.idle >= window {
		want = 0 // cooldownPeriod
	}
	return Order{Desired: want, After: sync}
}

// AWS is target tracking on the backlog per task, as AWS's guide has it, on one-minute metrics.
type AWS struct {
	// Latency that is acceptable, in seconds; default 60.
	Latency float64
	Protect bool

	high, low int
}

// Traits of an ECS service.
func (p *AWS) Traits() Traits { return Traits{Protected: p.Protect} }

// Look is a minute's evaluation: out after 3 minutes above the target, in after 15 below nine tenths of it.
func (p *AWS) Look(v *View) Order {
	const minute = 60
	if p.Latency == 0 {
		p.Latency = 60
	}
	mean := 1.0
	if v.Completed > 0 {
		mean = v.CompletedSeconds / float64(v.Completed)
	}
	target := max(p.Latency/mean, 1)
	n := v.Desired
	if n == 0 {
		p.low = 0
		if v.Visible == 0 {
			p.high = 0
			return Order{After: minute}
		}
		if p.high++; p.high < 3 && v.Time > 0 {
			return Order{After: minute}
		}
		return Order{Desired: 1, After: minute} // the metric divides by zero: the minimum amount
	}
	metric := float64(v.Visible) / float64(max(1, v.Running))
	switch {
	case v.Running == 0:
	case metric > target:
		p.high++
		p.low = 0
	case metric < .9*target:
		p.low++
		p.high = 0
	default:
		p.high, p.low = 0, 0
	}
	want := n
	if p.high >= 3 {
		want = int(math.Ceil(float64(v.Running) * metric / target))
		want = max(want, n)
	}
	if p.low >= 15 {
		want = min(n, int(math.Ceil(float64(v.Running)*metric/target)))
		p.low = 0
	}
	return Order{Desired: min(want, v.Quota), After: minute}
}

// Step is ECS step scaling on visible messages: the bands of a common example.
type Step struct{ low int }

// Traits of an ECS service.
func (p *Step) Traits() Traits { return Traits{} }

// Look is a minute's evaluation.
func (p *Step) Look(v *View) Order {
	const minute = 60
	n := v.Desired
	switch {
	case v.Visible >= 1000:
		n += 100
	case v.Visible >= 100:
		n += 20
	case v.Visible >= 1:
		n += 2
	}
	if v.Visible == 0 {
		if p.low++; p.low >= 5 { // 5 minutes of nothing: a tenth, at least one
			n -= max(1, n/10)
		}
	} else {
		p.low = 0
	}
	return Order{Desired: min(max(0, n), v.Quota), After: minute}
}

// Dask is distributed's adaptive: enough workers for a target duration, with perfect counts, once a second.
type Dask struct {
	// Target in seconds; default 5.
	Target float64

	down int
}

// Traits of a scheduler that closes idle workers only.
func (p *Dask) Traits() Traits { return Traits{Protected: true} }

// Look is the adaptive loop.
func (p *Dask) Look(v *View) Order {
	if p.Target == 0 {
		p.Target = 5
	}
	mean := .5 // its default for unknown tasks
	if v.Completed > 0 {
		mean = v.CompletedSeconds / float64(v.Completed)
	}
	tasks := v.Queued + v.Taken
	want := int(min(math.Ceil(float64(tasks)*mean/p.Target), float64(tasks), float64(v.Quota)))
	if want >= v.Desired {
		p.down = 0
		return Order{Desired: want, After: 1}
	}
	if p.down++; p.down < 3 {
		return Order{Desired: v.Desired, After: 1}
	}
	return Order{Desired: max(want, v.Desired-v.Idle-v.Pending), After: 1}
}

// Spark is dynamic allocation: rounds that double while there is a backlog, idle ones closed after 60 s.
type Spark struct {
	round   int
	backlog float64 // since when
	waiting bool
}

// Traits of executors: only idle ones are closed.
func (p *Spark) Traits() Traits { return Traits{Protected: true} }

// Look is the allocation loop, once a second.
func (p *Spark) Look(v *View) Order {
	need := int(min(v.Queued+v.Taken, int64(v.Quota)))
	n := v.Desired
	switch {
	case v.Queued == 0:
		p.waiting, p.round = false, 0
	case !p.waiting:
		p.waiting, p.backlog, p.round = true, v.Time, 1
	case v.Time-p.backlog >= 1 && n < need:
		n = min(n+p.round, need)
		p.round *= 2
		if n == need {
			p.round = 1
		}
	}
	if idle := v.IdleFor(60); idle > 0 && v.Queued == 0 {
		n = max(n-idle, 0)
	}
	if n > need && v.Pending > 0 {
		n = max(need, n-v.Pending)
	}
	return Order{Desired: n, After: 1}
}

// Buildkite is its agent scaler: an agent for every job that is scheduled or runs, in again after an hour in elastic mode.
type Buildkite struct{ above float64 }

// Traits of agents that finish their job.
func (p *Buildkite) Traits() Traits { return Traits{Protected: true} }

// Look is the scaler's ten-second loop.
func (p *Buildkite) Look(v *View) Order {
	want := int(min(v.Visible+v.InFlight, int64(v.Quota)))
	if want >= v.Desired {
		p.above = v.Time
		return Order{Desired: want, After: 10}
	}
	const in = 3600
	if v.Time-p.above < in {
		want = v.Desired
	}
	return Order{Desired: want, After: 10}
}

// Barrier is staRburst's waves: a worker per task, the next wave when the last one's workers have all ended.
type Barrier struct{}

// Traits of workers that end after their task.
func (Barrier) Traits() Traits { return Traits{OneTask: true, Protected: true} }

// Look polls every 5 s whether the wave is over.
func (Barrier) Look(v *View) Order {
	if v.Running+v.Pending > 0 {
		return Order{After: 5}
	}
	return Order{Desired: int(min(v.Queued, int64(v.Quota))), After: 5}
}

// Static is a fixed number of workers while there is work.
type Static struct {
	// Workers; default a tenth of the tasks, at least 1.
	Workers int

	idle float64
}

// Traits of a fleet that nobody touches.
func (p *Static) Traits() Traits { return Traits{Protected: true} }

// Prepare takes the number from the scenario.
func (p *Static) Prepare(s *Scenario, b Bound, _ float64) {
	if p.Workers == 0 {
		p.Workers = max(1, min(s.Quota, int(math.Ceil(math.Sqrt(b.work)))))
	}
}

// Look stops everything after a minute with nothing to do.
func (p *Static) Look(v *View) Order {
	if v.Visible+v.InFlight > 0 {
		p.idle = v.Time
	}
	if v.Time-p.idle >= 60 {
		return Order{After: 10}
	}
	return Order{Desired: p.Workers, After: 10}
}
