package cost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Defaults of an estimate.
const (
	// DefaultStartUp is from a launch until the worker takes work, DefaultPull the part of it that is
	// billed: both as measured on Fargate with images of about 100 MB.
	DefaultStartUp = 40 * time.Second
	DefaultPull    = 25 * time.Second
	// DefaultTail is how long a worker is paid for after the last task: the fleet shrinks after 20 s without
	// work, and the loop looks every 10 s.
	DefaultTail = 30 * time.Second
	// DefaultResultBytes is the size of a result before there is one.
	DefaultResultBytes = 100
	// DefaultVisibility is the queue's visibility timeout, a third of which is the pace of the leases' heartbeats.
	DefaultVisibility = 2 * time.Minute
)

// JobShape is what is known of a job before it runs.
type JobShape struct {
	// Tasks, and the messages they are cut into.
	Tasks    int `json:"tasks"`
	Messages int `json:"messages"`
	// ArgBytes is the size of all arguments in msgpack; ResultBytes that of one result. Default: 0 and 100.
	ArgBytes    int64 `json:"arg_bytes"`
	ResultBytes int64 `json:"result_bytes"`
	// Offloaded is how many arguments go to the bucket because they do not fit a message.
	Offloaded int `json:"offloaded"`
	// TaskTime is the duration of one task; the zero value means unknown.
	TaskTime TimeRange `json:"task_time_ns"`
}

// TimeRange is a duration that is not known exactly; in JSON it is in nanoseconds.
type TimeRange struct {
	Low    time.Duration `json:"low"`
	Likely time.Duration `json:"likely"`
	High   time.Duration `json:"high"`
}

// Known reports whether there is an estimate at all.
func (r TimeRange) Known() bool { return r.Likely > 0 }

// Fleet is what a job is to run on.
type Fleet struct {
	// Max is the most workers, Slots the tasks that each runs at once. Below 1 means 1.
	Max   int `json:"max_workers"`
	Slots int `json:"slots"`
	// Provider is Fargate, FargateSpot or Local; Local is priced as Fargate (see LocalSize). Default: Fargate.
	Provider string `json:"provider"`
	// Platform and Size reserved. Default: X86, and 1 vCPU with 2 GB for each slot.
	Platform Platform `json:"platform"`
	Size     Size     `json:"size"`
	// StartUp is from a launch until the worker takes work, Pull the billed part of it. Defaults: 40 s and 25 s. −1 means none.
	StartUp time.Duration `json:"start_up_ns"`
	Pull    time.Duration `json:"pull_ns"`
	// Tail is how long a worker is paid for after the last task. Default: 30 s. −1 means none.
	Tail time.Duration `json:"tail_ns"`
	// Network adds what workers need to reach AWS: NetworkPublic, NetworkNAT or nothing.
	Network Network `json:"network,omitempty"`
	// ImageBytes are pulled by each worker, through the NAT gateway if there is one.
	ImageBytes int64 `json:"image_bytes,omitempty"`
}

// Network is how workers reach AWS.
type Network string

// The networks with a price of their own. Gateway endpoints for S3 and DynamoDB cost nothing.
const (
	// NetworkPublic gives each worker a public IPv4 address.
	NetworkPublic Network = "public"
	// NetworkNAT sends all traffic through one NAT gateway.
	NetworkNAT Network = "nat"
)

func (f Fleet) withDefaults() Fleet {
	f.Max, f.Slots = max(1, f.Max), max(1, f.Slots)
	if f.Provider == Local || f.Provider == "" {
		f.Provider = Fargate
	}
	f.Platform = cmp.Or(f.Platform, X86)
	if f.Size.VCPUMilli <= 0 || f.Size.MemoryMiB <= 0 {
		f.Size = LocalSize(f.Slots)
	}
	f.StartUp = max(0, cmp.Or(f.StartUp, DefaultStartUp))
	f.Pull = min(max(0, cmp.Or(f.Pull, DefaultPull)), f.StartUp)
	f.Tail = max(0, cmp.Or(f.Tail, DefaultTail))
	return f
}

// Range is an amount that is not known exactly; in JSON it is in pico-dollars.
type Range struct {
	Low    PicoUSD `json:"low"`
	Likely PicoUSD `json:"likely"`
	High   PicoUSD `json:"high"`
}

func (r Range) plus(o Range) Range {
	return Range{add(r.Low, o.Low), add(r.Likely, o.Likely), add(r.High, o.High)}
}

// Short formats the range for people: "$4.52 – $4.63", or one amount when both read the same.
func (r Range) Short() string {
	low, high := r.Low.Short(), r.High.Short()
	if low == high {
		return low
	}
	return low + " – " + high
}

// EstimatedLine is one priced thing's part of an estimate.
type EstimatedLine struct {
	// ID of the price book's line.
	ID string `json:"id"`
	// Quantity that is likely, in Unit: "vCPU-ms", "MiB-second", "GB-second", "second", "byte" or "request".
	Quantity int64  `json:"quantity"`
	Unit     string `json:"unit"`
	// Cost adds up with the other lines to the estimate's Cost.
	Cost Range `json:"cost"`
}

// Estimate is what a job is expected to cost.
type Estimate struct {
	// Cost is the sum of the lines.
	Cost  Range           `json:"cost"`
	Lines []EstimatedLine `json:"lines"` // sorted by id
	// Workers that are likely to be launched.
	Workers int `json:"workers"`
	// Elapsed is from the first launch to the last result.
	Elapsed TimeRange `json:"elapsed_ns"`
	// Bound is the least that the likely work can cost; see Bound.
	Bound PicoUSD `json:"bound"`
	// ComputeUnknown is set when the tasks' duration is not known: the workers are left out of everything above, and
	// PerTaskSecond is what each second that a task takes adds, start-up and idle time not included.
	ComputeUnknown bool    `json:"compute_unknown,omitempty"`
	PerTaskSecond  PicoUSD `json:"per_task_second,omitempty"`
	// PriceDate and Region are the price book's, Assumptions sentences that belong beside the figures.
	PriceDate   string   `json:"price_date"`
	Region      string   `json:"region"`
	Assumptions []string `json:"assumptions,omitempty"`
}

// EstimateJob predicts what a job costs, with the formulas that price the finished one.
// The three figures of a range differ in how long a task takes and in how full the
// batches are. The fleet grows as the autoscaler lets it: one worker first, then twice as
// many with each wave, until all messages are worked on. The error is a *NoPriceError.
func EstimateJob(book *Book, j JobShape, f Fleet) (*Estimate, error) {
	f = f.withDefaults()
	j.ResultBytes = max(0, cmp.Or(j.ResultBytes, DefaultResultBytes))
	rate, err := book.Fargate(f.Platform, f.Provider == FargateSpot)
	if err != nil {
		return nil, err
	}
	e := &Estimate{PriceDate: book.Date, Region: book.Region}
	lines := map[string]*EstimatedLine{}
	for _, care := range [...]careOf{frugal, likely, careless} {
		s := scenario{job: j, fleet: f, rate: rate, taskTime: *j.TaskTime.at(care), care: care}
		run := s.run()
		*e.Elapsed.at(care) = run.elapsed
		if care == likely {
			e.Workers = run.workers
		}
		charges, err := s.charges(book, run)
		if err != nil {
			return nil, err
		}
		enter(lines, care, charges)
	}
	e.gather(book, lines)
	e.compute(rate, j, f)
	return e, nil
}

// enter adds a scenario's charges to its figure of each line.
func enter(lines map[string]*EstimatedLine, care careOf, charges []charge) {
	for _, c := range charges {
		l := lines[c.id]
		if l == nil {
			l = &EstimatedLine{ID: c.id, Unit: c.unit}
			lines[c.id] = l
		}
		if care == likely {
			l.Quantity += c.quantity
		}
		sum := l.Cost.at(care)
		*sum = add(*sum, c.amount)
	}
}

// at is the figure that belongs to a scenario.
func (r *Range) at(c careOf) *PicoUSD { return [...]*PicoUSD{&r.Low, &r.Likely, &r.High}[c] }

func (r *TimeRange) at(c careOf) *time.Duration {
	return [...]*time.Duration{&r.Low, &r.Likely, &r.High}[c]
}

// gather sorts the lines, puts their figures in order and adds them up.
func (e *Estimate) gather(book *Book, lines map[string]*EstimatedLine) {
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		l := lines[id]
		// A shorter run can need more workers at once, and cost more of one thing.
		l.Cost.Low, l.Cost.High = min(l.Cost.Low, l.Cost.Likely), max(l.Cost.High, l.Cost.Likely)
		if l.Cost.High == 0 {
			continue
		}
		e.Lines = append(e.Lines, *l)
		e.Cost = e.Cost.plus(l.Cost)
		if priced, err := book.Line(id); err == nil && priced.Estimate {
			e.Assumptions = append(e.Assumptions, id+" is an estimate, not a list price.")
		}
	}
}

// compute fills in what depends on the tasks' duration.
func (e *Estimate) compute(rate Rate, j JobShape, f Fleet) {
	if !j.TaskTime.Known() {
		begin := time.Unix(1, 0)
		hour := FargateBill(rate, f.Size, begin, begin.Add(time.Hour)).Total()
		second := hour / 3600
		e.ComputeUnknown = true
		e.PerTaskSecond = mulDiv(second, int64(j.Tasks), int64(f.Slots))
		e.Assumptions = append(e.Assumptions, "The tasks' duration is not known: workers are not in the total.")
		return
	}
	e.Bound = Bound(rate, f.Size, f.Slots, time.Duration(j.Tasks)*j.TaskTime.Likely, f.Pull)
	e.Assumptions = append(e.Assumptions, fmt.Sprintf("Workers take %s to start, %s of it billed, and are paid for %s after the last task; 60 s at least.",
		f.StartUp.Round(time.Second), f.Pull.Round(time.Second), f.Tail.Round(time.Second)))
}

// Bound is the least that so much handlers' time can cost on workers of one kind: a
// single worker with all slots busy from its start to its end, start-up and minimum
// included. More workers are faster and never cheaper. No work costs nothing.
func Bound(rate Rate, size Size, slots int, busy, startUp time.Duration) PicoUSD {
	if busy <= 0 {
		return 0
	}
	begin := time.Unix(1, 0)
	return FargateBill(rate, size, begin, begin.Add(max(0, startUp)+busy/time.Duration(max(1, slots)))).Total()
}
