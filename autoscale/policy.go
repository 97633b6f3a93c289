package autoscale

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Mode is what the size of the fleet is chosen for.
type Mode string

// The modes. All obey the same limits; each but Fast weighs a worker's start-up and its minimum bill against the work it is for.
const (
	// Fast starts a worker for every task that is waiting, in doubling waves. It fits workers that cost
	// nothing to start, such as processes on a laptop. It keeps what it has until nothing is left.
	Fast Mode = ""
	// Efficiency starts a worker only if at least the share Policy.Efficiency of its bill will be work.
	Efficiency Mode = "efficiency"
	// Deadline is the cheapest fleet that is done by Policy.Deadline.
	Deadline Mode = "deadline"
	// Budget is the fastest fleet that finishes within Policy.Budget.
	Budget Mode = "budget"
	// Value weighs the price of more workers against Policy.Value, the price of an hour of waiting.
	Value Mode = "value"
)

// Policy says how the size of the fleet is chosen, and what bounds it besides Config.Max.
type Policy struct {
	Mode Mode
	// Efficiency is the least share of a worker's bill that should be work, in (0, 1). Default: 0.7.
	Efficiency float64
	// Deadline is when everything should be done. One that cannot be met is worked towards as fast as is efficient.
	Deadline time.Time
	// Value is what an hour of waiting for the whole is worth.
	Value cost.PicoUSD
	// MaxWait is how long a task may wait for a worker when there is too little work to start one for. 0 starts one at once.
	MaxWait time.Duration

	// Tick is the usual time between two decisions. Default: 10 s.
	Tick time.Duration
	// Billed is how much of StartUp is paid: from the beginning of the image pull. Default: 5/8 of StartUp (25 of 40 s).
	Billed time.Duration
	// MinBilled is the least that a worker's life is charged as. Default: 60 s (Fargate pricing page); below 0 for none.
	MinBilled time.Duration
	// StopLag is how long a worker is still paid for after it was told to stop. Default: 2 s. With a
	// budget it must include the whole grace that workers have.
	StopLag time.Duration

	// LaunchRate and LaunchBurst are the account's launches per second, and at once. Defaults: 20 and 100
	// (Fargate service quotas, per Region). They pace what is asked for; ECS enforces them.
	LaunchRate, LaunchBurst float64
	// Services is how many ECS services share the fleet; each launches 500 tasks a minute and holds 5,000 at most (ECS service quotas). Default: 1.
	Services int

	// Exclusive says that nobody but our clients sends to the queue: the ledgers name all work
	// exactly, and SQS's approximate counts are ignored.
	Exclusive bool

	// Price is what a worker-second costs. It is needed for Budget, Value and Caps.
	Price cost.PicoUSD
	// Budget caps the money.
	Budget Caps
	// Spot is how Spot is used.
	Spot Spot
	// Warm is the pool that stays when there is nothing to do.
	Warm Warm
}

// Caps are upper bounds on what the workers may cost; 0 is none. What other lines of the
// bill will cost (requests, addresses, logs) must be taken off before.
type Caps struct {
	// Total is for Observation.Spent.
	Total cost.PicoUSD
	// PerHour and PerDay are for any 60 minutes and 24 hours. PerHour also bounds the fleet to what it can pay all hour.
	PerHour, PerDay cost.PicoUSD
}

// Defaults of Policy.
const (
	DefaultEfficiency  = 0.7
	DefaultTick        = 10 * time.Second
	DefaultMinBilled   = time.Minute
	DefaultStopLag     = 2 * time.Second
	DefaultLaunchRate  = 20
	DefaultLaunchBurst = 100
)

// Quotas of one ECS service (ECS service quotas page).
const (
	ServiceLaunchesPerMinute = 500
	ServiceTasks             = 5000
)

func (p Policy) withDefaults() Policy {
	p.Efficiency = cmp.Or(p.Efficiency, DefaultEfficiency)
	p.Tick = cmp.Or(p.Tick, DefaultTick)
	p.MinBilled = max(0, cmp.Or(p.MinBilled, DefaultMinBilled))
	p.StopLag = cmp.Or(p.StopLag, DefaultStopLag)
	p.LaunchRate = cmp.Or(p.LaunchRate, DefaultLaunchRate)
	p.LaunchBurst = cmp.Or(p.LaunchBurst, DefaultLaunchBurst)
	p.Services = max(1, p.Services)
	return p
}

func (p Policy) validate() error {
	if p.Efficiency <= 0 || p.Efficiency >= 1 {
		return fmt.Errorf("autoscale: Efficiency is %v, must be between 0 and 1", p.Efficiency)
	}
	switch p.Mode {
	case Fast, Efficiency:
	case Deadline:
		if p.Deadline.IsZero() {
			return errors.New("autoscale: mode deadline needs a Deadline")
		}
	case Budget:
		if p.Budget.Total <= 0 {
			return errors.New("autoscale: mode budget needs Budget.Total")
		}
	case Value:
		if p.Value <= 0 {
			return errors.New("autoscale: mode value needs a Value")
		}
	default:
		return fmt.Errorf("autoscale: there is no mode %q", p.Mode)
	}
	if p.Price <= 0 && (p.Mode == Value || p.Budget != (Caps{})) {
		return errors.New("autoscale: mode value and a Budget need the Price of a worker-second")
	}
	if min(p.Budget.Total, p.Budget.PerHour, p.Budget.PerDay) < 0 {
		return errors.New("autoscale: a Budget must not be negative")
	}
	if min(p.MaxWait, p.Tick, p.Billed, p.StopLag) < 0 || min(p.LaunchRate, p.LaunchBurst) < 0 {
		return errors.New("autoscale: MaxWait, Tick, Billed, StopLag, LaunchRate and LaunchBurst must not be negative")
	}
	return errors.Join(p.Spot.validate(), p.Warm.validate())
}

// Evidence is what the modes other than Fast decide by, besides the counts.
type Evidence struct {
	// Done counts the durations of completed tasks, Ages how long each running task has run so far. DoneTime is
	// the sum of the completed durations; 0 takes it from the buckets.
	Done, Ages Histogram
	DoneTime   time.Duration
	// Prior is what was known before.
	Prior Prior
	// Kinds divides the outstanding tasks by handler or job, when their durations differ.
	Kinds []Kind

	// BusySlots is the number of slots that run a task; 0 with Busy above it means all slots of the busy workers.
	BusySlots int
	// IdlePaid is how many workers hold nothing and have lived out their minimum bill, and can be released by name.
	// It must be 0 for a fleet that cannot: ECS would choose the victims of a lower count, and may choose busy ones.
	IdlePaid int
	// Released is how many workers have been told by name to stop. Decide does not look at it: they are among IdlePaid,
	// and are wanted again when the size does not fall.
	Released int

	// StartUp and Billed are the means measured over Starts launches: launch to ready, and pull to ready.
	StartUp, Billed time.Duration
	Starts          int
	// RecentStarts and FailedStarts are the launches of the last two minutes that became ready, and that failed.
	RecentStarts, FailedStarts int

	// Quota is how many more workers the vCPU quota has room for, counting what anybody uses; Addresses the same for free subnet addresses.
	Quota, Addresses Room

	// SpentHour and SpentDay are the parts of the spending within the last 60 minutes and 24 hours.
	SpentHour, SpentDay cost.PicoUSD
	// Prepaid is how many worker-seconds are in Spent that have not been lived yet, of minimum bills.
	Prepaid time.Duration
	// Provisioning is how many launched workers are not charged yet, because their pull has not begun.
	Provisioning int
	// Caps are the jobs' own cost caps.
	Caps []JobCap
	// Interruptions is the measured Spot interruptions per worker and hour.
	Interruptions float64
	// OnDemand is the part of Counts that is On-Demand when Spot is used.
	OnDemand Counts
}

// Kind is the outstanding work of one handler or job.
type Kind struct {
	Name string
	// Tasks waiting or running.
	Tasks int64
	// Done is the number of its completed tasks, DoneTime what they took in all.
	Done     int64
	DoneTime time.Duration
	// Prior is its mean duration as remembered; 0 takes that of all tasks.
	Prior time.Duration
}

// JobCap is a job's own cost cap.
type JobCap struct {
	Job        string
	Cap, Spent cost.PicoUSD
	// Tasks waiting or running.
	Tasks int64
}

// Room is how many more workers a resource has room for. The zero value is no such limit.
type Room struct {
	// Limited says that there is a limit, Known that Left is its value. A limit that is not known lets nothing grow.
	Limited, Known bool
	Left           int
	// Note says where Left comes from, such as "6 of 16 vCPU used, set by you". It is shown when the limit binds.
	Note string
}

// RoomFor is a known limit of n more workers.
func RoomFor(n int) Room { return Room{Limited: true, Known: true, Left: max(0, n)} }

// UnknownRoom is a limit whose value could not be found out.
func UnknownRoom() Room { return Room{Limited: true} }

// samples is how many ticks the rate of arrivals is taken over, peaks over how many the need that it means is remembered.
const (
	samples = 18
	peaks   = 12
)

// Memory is what the modes other than Fast remember between decisions.
type Memory struct {
	// Probe is the size that the next wave may reach without confidence.
	Probe int
	// Strangers are the last three counts of tasks of no known job, Seen how many of them there are. Known is the last KnownMessages.
	Strangers [3]float64
	Seen      int
	Known     int64
	// Rates are the arrivals per second at the last ticks, Peaks the workers they needed, both from the newest to the oldest.
	Rates  [samples]float64
	Peaks  [peaks]float64
	Sample int
	// Outstanding and Completed are the counts at SampledAt, to take the next rate from.
	Outstanding, Completed float64
	SampledAt              time.Time
	// Progress is the last count of completed tasks, ProgressAt when it last changed or nobody was busy.
	Progress   int64
	ProgressAt time.Time
	// WaitingSince is since when tasks have been waiting with no worker.
	WaitingSince time.Time
	// Draining says that the budget is nearly spent.
	Draining bool
	// Backoff is the wait between probes of a fleet whose workers do not start, RetryAt when the next is due.
	Backoff time.Duration
	RetryAt time.Time
	// Fallback is how many On-Demand workers stand in for Spot that does not arrive.
	Fallback int
}
