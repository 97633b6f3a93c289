package autoscale

import (
	"cmp"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Observation is everything a decision depends on, besides configuration and state.
type Observation struct {
	// Now is the time of the decision, Taken when the oldest part of the observation was read.
	Now, Taken time.Time

	// Visible, InFlight and Delayed are SQS's approximate counts of messages.
	Visible, InFlight, Delayed int64

	// KnownTasks counts the tasks of known jobs that SQS has confirmed and that no
	// ledger has settled, running and delayed ones included. Ledgers lag by seconds, so it is never too low.
	KnownTasks int64
	// Jobs divides KnownTasks among the jobs. Decide does not look at it; it is recorded with a raise, so that the
	// start-up of the workers can be charged to its cause.
	Jobs map[string]int64
	// KnownMessages is how many messages should carry those tasks, by the jobs' chunking.
	KnownMessages int64
	// TasksPerMessage is the mean number of tasks in a message, for messages of no known
	// job; 0 means unknown and is taken as 1.
	TasksPerMessage float64

	Counts

	// Heard is the number of workers with a fresh ledger, Busy how many of them hold messages, and
	// Silent how many more have not been heard of lately, without having said good-bye.
	Heard, Busy, Silent int
	// IdlePolls is the number of fresh workers that hold nothing and whose last long poll came back
	// empty. One is proof that nothing is visible, better than any count.
	IdlePolls int
	// EmptySince is since when every fresh worker has held nothing; zero when one is busy or none was heard of.
	EmptySince time.Time

	// Evidence is what else the modes other than Fast decide by.
	Evidence

	// Spent is the price of the fleet's workers so far, a living one charged with at least its
	// minimum. It is recorded with the decision, and held against the budget.
	Spent cost.PicoUSD

	// Trouble is why workers cannot be started, in the platform's words; "" when nobody says.
	Trouble string

	// Asked is what somebody has asked for while the fleet runs.
	Asked Asked

	// Stop, when not empty, is why somebody wants the fleet at zero now, whatever is queued.
	Stop string
}

// trouble is what the platform says of launches that do not arrive, or where it says it.
func (o *Observation) trouble() string { return cmp.Or(o.Trouble, "see the service's events") }

// Counts is the state of the fleet's service.
type Counts struct {
	// Desired is what was asked for, Running what takes work, Pending what has been launched and does not yet run.
	Desired, Running, Pending int
}

// State is what Decide remembers between decisions. Its zero value is a good start.
type State struct {
	// At is the time of the last decision, Seq its number.
	At  time.Time
	Seq int64
	// Wave counts the raises since the fleet was last at zero; WaveAt is when the last one was decided.
	Wave   int64
	WaveAt time.Time
	// Want is the desired count last decided on.
	Want int
	// QuietSince is since when nothing has been waiting or in flight, EmptySince since when
	// the queue has shown no message of any kind. Zero while that is not so.
	QuietSince, EmptySince time.Time
	// Running is the last count, ArrivedAt when it last rose or nothing was pending.
	Running   int
	ArrivedAt time.Time

	// Memory is what the modes other than Fast remember.
	Memory
}

// asOf is a predecessor's state on this process's clock: what lies in the future there is now.
func (s State) asOf(now time.Time) State {
	for _, t := range []*time.Time{&s.At, &s.WaveAt, &s.QuietSince, &s.EmptySince, &s.ArrivedAt, &s.SampledAt, &s.ProgressAt, &s.WaitingSince} {
		if t.After(now) {
			*t = now
		}
	}
	if s.RetryAt.After(now.Add(maxBackoff)) {
		s.RetryAt = now.Add(maxBackoff)
	}
	return s
}

// Binding names the limit that bound a decision.
type Binding string

// The limits. A decision that no limit bound has the empty Binding.
const (
	BindMax      Binding = "max"      // Config.Max
	BindTasks    Binding = "tasks"    // no more tasks than the slots of so many workers
	BindMessages Binding = "messages" // no more messages to receive
	BindWave     Binding = "wave"     // the next doubling is not due yet, or would exceed it
	BindStuck    Binding = "stuck"    // launched workers do not arrive
	BindIdle     Binding = "idle"     // nothing left, but not long enough to be sure
	BindStranded Binding = "stranded" // ledgers name tasks that the queue does not hold
	BindHold     Binding = "hold"     // the observation cannot be believed
	BindStop     Binding = "stop"     // told to stop

	BindGoal      Binding = "goal"      // the mode's goal: more would not be worth its price
	BindQuota     Binding = "quota"     // the vCPU quota that is left
	BindAddresses Binding = "addresses" // the subnets' free addresses
	BindRate      Binding = "rate"      // no more can arrive in time: ECS's launch rate
	BindBudget    Binding = "budget"    // a money cap
	BindCrash     Binding = "crash"     // launched workers fail to start
	BindProgress  Binding = "progress"  // workers are busy and nothing gets done
	BindWait      Binding = "wait"      // too little to start a worker for, and it may wait
)

// Decision is one step of the autoscaler, with the figures it was made from.
type Decision struct {
	// At and Seq: when, and the number of the decision since the leader started.
	At  time.Time
	Seq int64
	// Wave is the number of raises since the fleet was last at zero.
	Wave int64
	// Backlog is the number of tasks waiting or running; Foreign is the part that belongs to no known job.
	Backlog, Foreign int64
	// From is the desired count before, Want the one decided on.
	From, Want int
	// Hold means that the observation was not believed and nothing must be changed.
	Hold    bool
	Binding Binding
	// Next is when to look again at the latest; 0 means at the usual interval.
	Next time.Duration
	// Drain means that the workers must take no new task: what is left of the budget is needed to end the running ones.
	Drain bool
	// StopAll means that running tasks must be cut off too: their messages go back to the queue.
	StopAll bool
	// Over names the jobs that have reached their own cost cap, in the observation's order.
	Over []string
	// OnDemand is how many of Want should be On-Demand workers when Spot is used.
	OnDemand int
	// Reason is one line for people, with the figures.
	Reason string
	// Observation is what was seen.
	Observation Observation
}
