package cost

import "time"

// Providers of capacity, as the cost samples name them.
const (
	Fargate     = "FARGATE"
	FargateSpot = "FARGATE_SPOT"
	// Local is a process on the user's own machine, priced as if on Fargate.
	Local = "LOCAL"
)

// Worker is what NewStatement needs to know of one worker.
type Worker struct {
	Name string
	// Provider is Fargate, FargateSpot or Local.
	Provider string
	Platform Platform
	// Size reserved. A Local worker may leave it zero: see LocalSize.
	Size  Size
	Slots int
	// Start of billing, Ready for work (zero: not yet), and Stop: the end, or now for a worker that still runs.
	Start, Ready, Stop time.Time
	// Estimated means that nobody saw the worker's end: Stop is a guess until it is settled.
	Estimated bool
	// Wave names the raise of the fleet that launched the worker; "" when it is not known.
	Wave string
	// Jobs is the work done, by job.
	Jobs map[string]JobWork
	// Triggers weighs the jobs for which the worker was launched; may be empty.
	Triggers map[string]int64
	// Requests counts the worker's own calls to AWS: "sqs.receive", "ddb.put", "s3.get", …
	Requests map[string]int64
	// CPUMS is the processor time of the worker's process. It is shown beside the time in handlers, and prices nothing.
	CPUMS int64
}

// JobWork is what a worker did for one job.
type JobWork struct {
	// Tasks settled by this worker.
	Tasks int64
	// BusyMS is slot-time in handlers; WastedMS the part of it that came to nothing.
	BusyMS, WastedMS int64
	// FailedMS and InterruptedMS say why WastedMS was wasted: attempts that failed, and runs that were cut off
	// or not recorded. The rest did again what another worker had done.
	FailedMS, InterruptedMS int64
}

// Options are choices of a statement.
type Options struct {
	// PublicIPv4 adds the price of a public address for each worker ($0.005 an hour:
	// 10 % on top of 1 vCPU and 2 GB).
	PublicIPv4 bool
	// Job limits the statement to one job's part of everything; "" means all jobs.
	Job string
	// Extras are costs that no worker's ledger holds.
	Extras []Extra
}

// Extra is a quantity of something that no worker paid for: the producer's sends, hours of a NAT gateway.
type Extra struct {
	// Job to charge, or "" to divide it among the jobs in proportion to their handlers' time.
	Job string
	// ID of the price book's line, Quantity in its base units (seconds, bytes, requests).
	ID       string
	Quantity int64
}

// Elsewhere stands for the worker and the wave of what no worker paid for.
const Elsewhere = "__elsewhere__"

// UnknownWave stands for the wave of a worker whose launch no decision explains.
const UnknownWave = "__unknown__"

// Waste is what was paid for work that came to nothing.
type Waste struct {
	// Failed attempts, whether their task succeeded later or not.
	Failed PicoUSD
	// Duplicated work, whose result another worker had recorded first.
	Duplicated PicoUSD
	// Interrupted runs: the lease was lost, the worker stopped, the job was cancelled, or the result not recorded.
	Interrupted PicoUSD
}

// Total is the sum of the parts.
func (w Waste) Total() PicoUSD { return w.Failed + w.Duplicated + w.Interrupted }

// JobCost is one job's part of a statement.
type JobCost struct {
	Job string
	// Direct, Startup and Idle divide the workers' bills (see Attribute); Requests is the price of calls to SQS, DynamoDB, S3;
	// Other is the job's part of Options.Extras.
	Direct, Startup, Idle, Requests, Other PicoUSD
	// Waste is the part of Direct that paid for work that came to nothing. It is not added to Total.
	Waste                   Waste
	Tasks, BusyMS, WastedMS int64
}

// Total is what the job cost.
func (j JobCost) Total() PicoUSD {
	return add(add(add(add(j.Direct, j.Startup), j.Idle), j.Requests), j.Other)
}

// WorkerCost is one worker's part of a statement.
type WorkerCost struct {
	Name, Wave string
	// Bill is the whole worker's, even when the statement is limited to one job.
	Bill Bill
	// Cost is what the statement counts of the worker: its bill and its requests, or one job's part of both.
	Cost PicoUSD
	// Estimated and CPUMS are the worker's. BusyMS is its time in handlers, of the one job if the statement is limited to one.
	Estimated     bool
	BusyMS, CPUMS int64
}

// WaveCost is one wave's part of a statement.
type WaveCost struct {
	Wave string
	// Workers launched by it.
	Workers int
	Cost    PicoUSD
}

// LineCost is one priced thing's part of a statement.
type LineCost struct {
	// ID of the price book's line.
	ID string
	// Quantity in Unit: "vCPU-ms", "MiB-second", "GB-second", "second", "byte" or "request".
	Quantity int64
	Unit     string
	Cost     PicoUSD
	// Estimate is set when the price is not a published list price.
	Estimate bool
}

// Statement is a bill seen four ways. The jobs, the workers, the waves and the lines each add up to Total exactly.
type Statement struct {
	Jobs    []JobCost    // sorted by job, Idle last
	Workers []WorkerCost // in the order given, Elsewhere last
	Waves   []WaveCost   // sorted by name, UnknownWave and Elsewhere last
	Lines   []LineCost   // sorted by id
	Total   PicoUSD
	// Wasted is the sum of the jobs' Waste.
	Wasted PicoUSD
	// PriceDate and Region are the price book's.
	PriceDate, Region string
	// Assumptions are sentences that belong beside the figures.
	Assumptions []string
	// Unpriced are kinds of requests that the book has no price for, sorted.
	Unpriced []string
}

// NewStatement prices workers and divides the bill among their jobs. The error is a
// *NoPriceError when the book lacks the rate of a worker's platform; an unknown kind
// of request is only listed in Unpriced, because it must not hide the rest.
func NewStatement(book *Book, workers []Worker, o Options) (*Statement, error) {
	t := newTally(book, o)
	for _, w := range workers {
		if err := t.worker(w); err != nil {
			return nil, err
		}
	}
	t.extras(o.Extras)
	return t.statement(), nil
}
