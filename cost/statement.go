package cost

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"time"
)

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
	// Jobs is the work done, by job.
	Jobs map[string]JobWork
	// Triggers weighs the jobs for which the worker was launched; may be empty.
	Triggers map[string]int64
	// Requests counts the worker's own calls to AWS: "sqs.receive", "ddb.put", "s3.get", …
	Requests map[string]int64
}

// JobWork is what a worker did for one job.
type JobWork struct {
	// Tasks settled by this worker.
	Tasks int64
	// BusyMS is slot-time in handlers; WastedMS the part of it whose outcome was not kept.
	BusyMS, WastedMS int64
}

// Options are choices of a statement.
type Options struct {
	// PublicIPv4 adds the price of a public address for each worker ($0.005 an hour:
	// 10 % on top of 1 vCPU and 2 GB).
	PublicIPv4 bool
}

// JobCost is one job's part of a statement.
type JobCost struct {
	Job string
	// Direct, Startup and Idle divide the workers' bills (see Attribute); Requests is the price of calls to SQS, DynamoDB, S3.
	Direct, Startup, Idle, Requests PicoUSD
	// Wasted is the part of Direct that paid for work whose outcome was not kept. It is not added to Total.
	Wasted                  PicoUSD
	Tasks, BusyMS, WastedMS int64
}

// Total is what the job cost.
func (j JobCost) Total() PicoUSD { return j.Direct + j.Startup + j.Idle + j.Requests }

// WorkerCost is one worker's part of a statement.
type WorkerCost struct {
	Name     string
	Bill     Bill
	Requests PicoUSD
}

// Total is what the worker cost.
func (w WorkerCost) Total() PicoUSD { return add(w.Bill.Total(), w.Requests) }

// LineCost is one priced thing's part of a statement.
type LineCost struct {
	// ID of the price book's line.
	ID string
	// Quantity in Unit: "vCPU-ms", "MiB-second", "GB-second", "second" or "request".
	Quantity int64
	Unit     string
	Cost     PicoUSD
	// Estimate is set when the price is not a published list price.
	Estimate bool
}

// Statement is a bill seen three ways. The jobs, the workers and the lines each add up to Total exactly.
type Statement struct {
	Jobs    []JobCost    // sorted by job, Idle last
	Workers []WorkerCost // in the order given
	Lines   []LineCost   // sorted by id
	Total   PicoUSD
	// Wasted is the sum of the jobs' Wasted.
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
	t := tally{book: book, options: o, jobs: map[string]*JobCost{}, lines: map[string]*LineCost{},
		assumed: map[string]bool{}, unpriced: map[string]bool{}}
	for _, w := range workers {
		if err := t.worker(w); err != nil {
			return nil, err
		}
	}
	return t.statement(), nil
}

// tally gathers a statement worker by worker.
type tally struct {
	book     *Book
	options  Options
	jobs     map[string]*JobCost
	lines    map[string]*LineCost
	workers  []WorkerCost
	assumed  map[string]bool
	unpriced map[string]bool
}

func (t *tally) worker(w Worker) error {
	if w.Provider == Local {
		w = t.asFargate(w)
	}
	bill, err := t.bill(w)
	if err != nil {
		return err
	}
	work := Work{Slots: w.Slots, BilledMS: bill.Seconds * 1000, StartupMS: startup(w).Milliseconds(),
		Busy: map[string]int64{}, Triggers: w.Triggers}
	for job, jw := range w.Jobs {
		work.Busy[job] = jw.BusyMS
	}
	for _, s := range Attribute(bill.Total(), work) {
		j := t.job(s.Job)
		j.Direct += s.Direct
		j.Startup += s.Startup
		j.Idle += s.Idle
		j.Wasted += part(s.Direct, w.Jobs[s.Job].WastedMS, w.Jobs[s.Job].BusyMS)
	}
	for job, jw := range w.Jobs {
		j := t.job(job)
		j.Tasks += jw.Tasks
		j.BusyMS += jw.BusyMS
		j.WastedMS += jw.WastedMS
	}
	requests := t.requests(w)
	t.workers = append(t.workers, WorkerCost{Name: w.Name, Bill: bill, Requests: requests})
	return nil
}

func startup(w Worker) time.Duration {
	if w.Ready.IsZero() {
		return w.Stop.Sub(w.Start)
	}
	return w.Ready.Sub(w.Start)
}

// bill prices a worker's life and enters its lines.
func (t *tally) bill(w Worker) (Bill, error) {
	spot := w.Provider == FargateSpot
	rate, err := t.book.Fargate(w.Platform, spot)
	if err != nil {
		return Bill{}, err
	}
	b := FargateBill(rate, w.Size, w.Start, w.Stop)
	prefix := "fargate." + string(w.Platform)
	if spot {
		prefix += ".spot"
	}
	t.line(prefix+".vcpu", "vCPU-ms", b.Seconds*bounded(w.Size.VCPUMilli), b.VCPU)
	t.line(prefix+".gb", "MiB-second", b.Seconds*bounded(w.Size.MemoryMiB), b.GB)
	t.line("fargate.disk", "GB-second", b.Seconds*bounded(w.Size.DiskGiB-IncludedDiskGiB), b.Disk)
	t.line(prefix+".os", "vCPU-ms", b.Seconds*bounded(w.Size.VCPUMilli), b.OS)
	if t.options.PublicIPv4 {
		if b.PublicIPv4, err = t.book.Price("ipv4", b.Seconds); err != nil {
			return Bill{}, err
		}
		t.line("ipv4", "second", b.Seconds, b.PublicIPv4)
	}
	return b, nil
}

// line adds to a line of the statement. What costs nothing makes no line.
func (t *tally) line(id, unit string, quantity int64, amount PicoUSD) {
	if amount == 0 {
		return
	}
	l := t.lines[id]
	if l == nil {
		priced, _ := t.book.Line(id)
		l = &LineCost{ID: id, Unit: unit, Estimate: priced.Estimate}
		t.lines[id] = l
	}
	l.Quantity += quantity
	l.Cost = add(l.Cost, amount)
}

func (t *tally) job(name string) *JobCost {
	if t.jobs[name] == nil {
		t.jobs[name] = &JobCost{Job: name}
	}
	return t.jobs[name]
}

func (t *tally) statement() *Statement {
	s := &Statement{Workers: t.workers, PriceDate: t.book.Date, Region: t.book.Region,
		Assumptions: slices.Sorted(maps.Keys(t.assumed)), Unpriced: slices.Sorted(maps.Keys(t.unpriced))}
	for _, name := range slices.SortedFunc(maps.Keys(t.jobs), idleLast) {
		s.Jobs = append(s.Jobs, *t.jobs[name])
		s.Wasted = add(s.Wasted, t.jobs[name].Wasted)
		s.Total = add(s.Total, t.jobs[name].Total())
	}
	for _, id := range slices.Sorted(maps.Keys(t.lines)) {
		s.Lines = append(s.Lines, *t.lines[id])
		if t.lines[id].Estimate {
			s.Assumptions = append(s.Assumptions, id+" is an estimate, not a list price.")
		}
	}
	return s
}

func idleLast(a, b string) int {
	if (a == Idle) != (b == Idle) {
		if a == Idle {
			return 1
		}
		return -1
	}
	return cmp.Compare(a, b)
}

// part returns amount·n/of, rounded down, for 0 ≤ n ≤ of.
func part(amount PicoUSD, n, of int64) PicoUSD {
	n = min(max(0, n), of)
	if n <= 0 || amount <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(n))
	q, _ := bits.Div64(hi, lo, uint64(of))
	return PicoUSD(q)
}
