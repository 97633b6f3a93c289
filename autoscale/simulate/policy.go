package simulate

import (
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// Policy sizes a simulated fleet. One value serves one run: it may remember what it saw.
type Policy interface {
	// Traits says how its workers behave. It must not change during a run.
	Traits() Traits
	// Look is called at time 0, and then after every Order.After.
	Look(v *View) Order
}

// Preparer is a Policy that takes something from the scenario before a run: its defaults are filled in by then.
type Preparer interface {
	Prepare(s *Scenario, b Bound, mean float64)
}

// Traits say how the workers of a policy behave, and what the policy needs to see.
type Traits struct {
	// Protected workers are not stopped while they run a task; when fewer are wanted, those still starting go first, then idle
	// ones. Without, ECS stops any running one.
	Protected bool
	// PaidOnly workers that are idle go only when their minimum bill is lived out, unless Order.Now.
	PaidOnly bool
	// OneTask workers end after one task and are not replaced; Order.Desired is then how many to start.
	OneTask bool
	// Ages has filled in what takes a look at each worker: View.Ages, the heartbeats but for Busy and Idle, and the bill.
	Ages bool
}

// Order is what a policy wants.
type Order struct {
	Desired int
	// After is the seconds to the next look; required.
	After float64
	// Now lets idle workers go that are not paid for yet, as nothing is left.
	Now bool
	// Drain stops workers from taking tasks, Stop ends running ones too.
	Drain, Stop bool
	// Keep leaves the desired count as it is.
	Keep bool
	// Wave is the number of the wave, for the record.
	Wave int64
}

// Batched is what is known of one batch.
type Batched struct {
	// Submitted and Done tasks, and what the done ones took.
	Submitted, Done int64
	Seconds         float64
	Foreign         bool
	// Mean duration, as an earlier run would have shown it.
	Mean float64
}

// View is what a policy can see.
type View struct {
	// Time in seconds since the first task.
	Time float64
	// Visible, InFlight and Delayed are what SQS says; in a stale scenario it is old and wrong.
	Visible, InFlight, Delayed int64
	// Queued and Taken are the truth, which only a scheduler with its own queue knows.
	Queued, Taken int64

	Desired, Running, Pending, Provisioning int
	// Of the running: Busy and Idle workers, Paid idle ones, Mute ones that are not heard of, and Polled idle ones with an empty poll.
	Busy, Idle, Paid, Mute, Polled int
	BusySlots                      int
	// EmptyFor is for how long no worker has held anything; 0 when one does.
	EmptyFor float64

	// Batches are the ledgers' counts.
	Batches []Batched
	// Completed and CompletedSeconds are all tasks done and what they took.
	Completed        int64
	CompletedSeconds float64
	Done, Ages       *autoscale.Histogram
	// Starts is the workers that became ready, with the sums of their start-up and its billed part.
	Starts                 int
	StartSum, BilledSum    float64
	RecentStarts, Failures int
	// LedgerError is by how many tasks the ledgers are off at this look.
	LedgerError int
	// Quota is the workers that may live at once.
	Quota int
	// Price of a worker-second now.
	Price cost.PicoUSD
	// Spent so far, with living workers at their minimum; Prepaid worker-seconds of it are still to be lived.
	Spent   cost.PicoUSD
	Prepaid float64

	idleFor func(s float64) int
}

// IdleFor counts the workers that have been idle for at least that many seconds.
func (v *View) IdleFor(s float64) int { return v.idleFor(s) }
