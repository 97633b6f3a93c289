package store

import "time"

// Control is what the leader tells workers, read by each of them every few seconds.
type Control struct {
	// Cancelled jobs: nothing of them is started any more.
	Cancelled []string
	// Released workers stop polling, let what they hold end, give up their protection and say so in their ledgers
	// (Ledger.Released). One that is no longer named protects itself again, and polls.
	Released []string
	// Paused workers take no new work, because somebody says so; Draining ones, because the
	// leader does: what is left of the money is needed to end what runs.
	Paused, Draining bool
	// LeaderAt is when the leader last wrote.
	LeaderAt time.Time
	// Scale is what people ask of the autoscaler; workers do not look at it.
	Scale Scale
}

// Scale is what somebody has set about a fleet's size while it runs. It goes before what the autoscaler was started with; the zero value
// of a field asks for nothing.
type Scale struct {
	// Hold leaves the fleet as it is: no worker is started, none is stopped. Money that runs out and jobs over their caps are still acted upon.
	Hold bool
	// Min workers are kept even when there is nothing to do. Max is the most, SetMax says that somebody said so: a Max of 0 lets the fleet end.
	Min, Max int
	SetMax   bool
	// Mode is one of autoscale's, "" for the one it was started with. Efficiency, Deadline and ValuePico are what the modes of that name
	// need; BudgetPico bounds any.
	Mode                  string
	Efficiency            float64
	Deadline              time.Time
	ValuePico, BudgetPico int64
	// By, At and Why say who asked, when and for what reason.
	By  string
	At  time.Time
	Why string
}

// Decision is one recorded step of the autoscaler; together they are the time
// series of the plots.
type Decision struct {
	Fleet string
	At    time.Time
	// Seq numbers the decisions of a fleet since its leader started; Wave the raises since the fleet was last at zero.
	Seq, Wave int64
	// Observation.
	Visible, InFlight, Delayed      int64
	Backlog                         int64
	Running, Pending, Desired, Busy int
	SpentPico                       int64
	// Want is the desired count decided on; OnDemand is the part of it that is not on Spot.
	Want, OnDemand int
	// Jobs is how many tasks of each job were outstanding when the fleet was raised: the cause of the launches, to
	// which their start-up is charged. At most MaxLedgerJobs, the rest under OtherJobs; nil when nothing was raised.
	Jobs map[string]int64
	// Binding names the limit that bound the decision, or "".
	Binding string
	// Reason is one line for people, with the figures.
	Reason string
	// Memory is what the leader remembers after it, in its own words, for a successor. At most MaxMemory bytes.
	Memory []byte
}

// MaxMemory bounds Decision.Memory: a leader remembers a few dozen numbers.
const MaxMemory = 16 << 10

// BadMessage records a message that could not be understood.
type BadMessage struct {
	MessageID string
	Sent      time.Time
	Seen      time.Time
	// Reason is one of codec's reasons, or "unknown handler", "unknown job", "checksum".
	Reason string
	Detail string
	Sender string
	// Head is the body's first KiB.
	Head string
	// ReceiveCount at the time of the record.
	ReceiveCount int
}

// HandlerInfo says that a fleet's workers can run a handler.
type HandlerInfo struct {
	Name string
	// Seen is when a deploy or a worker last named it.
	Seen time.Time
	// Language and Build describe the program that named it.
	Language, Build string
}
