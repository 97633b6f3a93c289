package simulate

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Durations draws how long a task takes, in seconds.
type Durations func(r *rand.Rand) float64

// Constant durations.
func Constant(s float64) Durations { return func(*rand.Rand) float64 { return s } }

// Uniform durations between two.
func Uniform(from, to float64) Durations {
	return func(r *rand.Rand) float64 { return from + (to-from)*r.Float64() }
}

// Exponential durations of a mean.
func Exponential(mean float64) Durations {
	return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
}

// Lognormal durations of a mean and a coefficient of variation, cut at most (0 for never).
func Lognormal(mean, cv, most float64) Durations {
	sigma2 := math.Log1p(cv * cv)
	mu, sigma := math.Log(mean)-sigma2/2, math.Sqrt(sigma2)
	if most <= 0 {
		most = math.Inf(1)
	}
	return func(r *rand.Rand) float64 { return min(math.Exp(mu+sigma*r.NormFloat64()), most) }
}

// Batch is a number of tasks of one kind.
type Batch struct {
	Name      string
	Tasks     int
	Durations Durations
	// At is when they are submitted; Over spreads them evenly at random over that long after.
	At, Over float64
	// Rate, if not nil, is the arrivals per second at a time, at most Peak; Over is then for how long.
	Rate func(t float64) float64
	Peak float64
	// Foreign tasks are sent by programs that bypass our client.
	Foreign bool
}

// Change is something that happens to the world during a run.
type Change struct {
	At float64
	// Quota is the new room for workers; 0 leaves it.
	Quota int
	// Price multiplies the price; 0 leaves it.
	Price float64
	// Deploy replaces all workers: each ends when its tasks have.
	Deploy bool
}

// Scenario is a world and its work. Times are in seconds. The zero value of a field that is not said to be required is none, or the usual.
type Scenario struct {
	Name, About string
	Batches     []Batch
	// Online scenarios are judged by waiting times, others by the time to the end.
	Online bool
	// Quota is the most workers at once; required. Slots is tasks at once per worker; default 1.
	Quota, Slots int
	// Provisioning (free) and Pull (billed) are the means of a worker's start-up; defaults 15 and 25.
	Provisioning, Pull float64
	// Rate and Burst are the launches per second and at once; defaults 20 and 100. Services shares them out; default 1.
	Rate, Burst float64
	Services    int
	// Stale counts of SQS are up to 60 s old and up to a fifth wrong.
	Stale bool
	// Interruptions are Spot's per worker and hour.
	Interruptions float64
	// HeartbeatLag is how old what is known of the workers is; Mute is the part of the workers that are never heard of.
	HeartbeatLag, Mute float64
	// Poison is the part of the tasks that kill their attempt; after three they go to the dead-letter queue, unsettled.
	Poison float64
	// Expired is the part of the tasks whose messages vanish unread.
	Expired float64
	// Delayed is the part of the tasks that become visible only DelayedFor after they were sent.
	Delayed, DelayedFor float64
	// CrashUntil is until when workers fail as they start.
	CrashUntil float64
	// StuckAfter is how many launches arrive before StuckUntil.
	StuckAfter int
	StuckUntil float64
	// Throttled is the part of the calls to the fleet that fail.
	Throttled float64
	// LedgerError is by how many tasks the ledger is off, either way.
	LedgerError int
	// Changes happen in order.
	Changes []Change
	// Size of a worker; default 1 vCPU and 2 GiB.
	Size cost.Size
	// Fargate is what a worker costs; default the embedded price book's of x86 in us-east-1.
	Fargate cost.Rate
	// CV is the coefficient of variation that is remembered of the tasks; default 1.
	CV float64
	// Horizon ends a run that never ends; default 48 h and thirty times the least makespan after the last arrival.
	Horizon float64
}

func (s Scenario) withDefaults() Scenario {
	def := func(x *float64, d float64) {
		if *x == 0 {
			*x = d
		}
	}
	def(&s.Provisioning, 15)
	def(&s.Pull, 25)
	def(&s.Rate, 20)
	def(&s.Burst, 100)
	def(&s.StuckUntil, math.Inf(1))
	s.Slots, s.Services = max(1, s.Slots), max(1, s.Services)
	if s.Size == (cost.Size{}) {
		s.Size = cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}
	}
	if s.Fargate == (cost.Rate{}) {
		s.Fargate = rate()
	}
	return s
}

// seconds is a time.Duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
