package cost

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"time"
)

// tally gathers a statement worker by worker.
type tally struct {
	book     *Book
	options  Options
	jobs     map[string]*JobCost
	lines    map[string]*LineCost
	waves    map[string]*WaveCost
	workers  []WorkerCost
	assumed  map[string]bool
	unpriced map[string]bool
}

func newTally(book *Book, o Options) *tally {
	return &tally{book: book, options: o, jobs: map[string]*JobCost{}, lines: map[string]*LineCost{},
		waves: map[string]*WaveCost{}, assumed: map[string]bool{}, unpriced: map[string]bool{}}
}

// charge is an amount for one line before it is divided among the jobs.
type charge struct {
	id, unit string
	quantity int64
	amount   PicoUSD
}

// counts reports whether the statement is about the job.
func (t *tally) counts(job string) bool { return t.options.Job == "" || t.options.Job == job }

func (t *tally) worker(w Worker) error {
	if w.Provider == Local {
		w = t.asFargate(w)
	}
	bill, charges, err := t.bill(w)
	if err != nil {
		return err
	}
	work := Work{Slots: w.Slots, BilledMS: bill.Seconds * 1000, StartupMS: startup(w).Milliseconds(),
		Busy: map[string]int64{}, Triggers: w.Triggers}
	for job, jw := range w.Jobs {
		work.Busy[job] = jw.BusyMS
		if jw.Tasks > 0 {
			work.Busy[job] = max(1, jw.BusyMS) // tasks of microseconds: the worker's minute is still theirs
		}
	}
	shares := Attribute(bill.Total(), work)
	cost := t.attribute(shares, charges, w.Jobs)
	var busy int64
	for job, jw := range w.Jobs {
		if !t.counts(job) {
			continue
		}
		j := t.job(job)
		j.Tasks += jw.Tasks
		j.BusyMS += jw.BusyMS
		j.WastedMS += jw.WastedMS
		busy += jw.BusyMS
	}
	cost = add(cost, t.requests(w))
	if t.options.Job != "" && cost == 0 {
		return nil // the job has no part in this worker
	}
	t.workers = append(t.workers, WorkerCost{Name: w.Name, Wave: w.Wave, Bill: bill, Cost: cost, Estimated: w.Estimated, BusyMS: busy, CPUMS: w.CPUMS})
	t.wave(cmp.Or(w.Wave, UnknownWave), 1, cost)
	return nil
}

// attribute enters the shares of a worker's bill under their jobs and, line by line, under the lines. It returns what it counted.
func (t *tally) attribute(shares []Share, charges []charge, jobs map[string]JobWork) PicoUSD {
	left := make([]int64, len(shares))
	var sum PicoUSD
	for i, s := range shares {
		left[i] = int64(s.Total())
		sum = add(sum, s.Total())
	}
	for _, c := range charges {
		c.amount = min(c.amount, sum) // differs only where a bill beyond all bounds was cut
		if c.amount == 0 {
			continue
		}
		sum -= c.amount
		// Both the jobs' shares and the lines are given sums. Dividing each line by what the jobs have left to pay keeps
		// both: what is left of the jobs is always what is left of the lines, so that the last line takes it all.
		parts := apportion(c.amount, left)
		t.divide(c, parts, func(i int) string { return shares[i].Job })
		for i, p := range parts {
			left[i] -= int64(p)
		}
	}
	var counted PicoUSD
	for _, s := range shares {
		if !t.counts(s.Job) {
			continue
		}
		j, w := t.job(s.Job), jobs[s.Job]
		j.Direct, j.Startup, j.Idle = add(j.Direct, s.Direct), add(j.Startup, s.Startup), add(j.Idle, s.Idle)
		j.Waste = j.Waste.plus(wasteOf(s.Direct, w))
		counted = add(counted, s.Total())
	}
	return counted
}

// divide enters the counted parts of a charge under its line.
func (t *tally) divide(c charge, parts []PicoUSD, job func(i int) string) {
	weights := make([]int64, len(parts))
	for i, p := range parts {
		weights[i] = int64(p)
	}
	quantities := apportion(PicoUSD(max(0, c.quantity)), weights)
	if quantities == nil {
		return // what costs nothing makes no line
	}
	for i, p := range parts {
		if t.counts(job(i)) {
			t.line(charge{c.id, c.unit, int64(quantities[i]), p})
		}
	}
}

// wasteOf is the part of a direct cost that paid for nothing, by cause.
func wasteOf(direct PicoUSD, w JobWork) Waste {
	wasted := min(max(0, w.WastedMS), w.BusyMS)
	failed := min(max(0, w.FailedMS), wasted)
	interrupted := min(max(0, w.InterruptedMS), wasted-failed)
	parts := apportion(part(direct, wasted, w.BusyMS), []int64{failed, interrupted, wasted - failed - interrupted})
	if parts == nil {
		return Waste{}
	}
	return Waste{Failed: parts[0], Interrupted: parts[1], Duplicated: parts[2]}
}

func (w Waste) plus(o Waste) Waste {
	return Waste{add(w.Failed, o.Failed), add(w.Duplicated, o.Duplicated), add(w.Interrupted, o.Interrupted)}
}

func startup(w Worker) time.Duration {
	if w.Ready.IsZero() {
		return w.Stop.Sub(w.Start)
	}
	return w.Ready.Sub(w.Start)
}

// bill prices a worker's life, line by line.
func (t *tally) bill(w Worker) (Bill, []charge, error) {
	spot := w.Provider == FargateSpot
	rate, err := t.book.Fargate(w.Platform, spot)
	if err != nil {
		return Bill{}, nil, err
	}
	b := FargateBill(rate, w.Size, w.Start, w.Stop)
	prefix := "fargate." + string(w.Platform)
	if spot {
		prefix += ".spot"
	}
	charges := []charge{
		{prefix + ".vcpu", "vCPU-ms", b.Seconds * bounded(w.Size.VCPUMilli), b.VCPU},
		{prefix + ".gb", "MiB-second", b.Seconds * bounded(w.Size.MemoryMiB), b.GB},
		{"fargate.disk", "GB-second", b.Seconds * bounded(w.Size.DiskGiB-IncludedDiskGiB), b.Disk},
		{prefix + ".os", "vCPU-ms", b.Seconds * bounded(w.Size.VCPUMilli), b.OS},
	}
	if t.options.PublicIPv4 {
		if b.PublicIPv4, err = t.book.Price("ipv4", b.Seconds); err != nil {
			return Bill{}, nil, err
		}
		charges = append(charges, charge{"ipv4", "second", b.Seconds, b.PublicIPv4})
	}
	return b, charges, nil
}

// line adds to a line of the statement. What costs nothing makes no line.
func (t *tally) line(c charge) {
	if c.amount == 0 {
		return
	}
	l := t.lines[c.id]
	if l == nil {
		priced, _ := t.book.Line(c.id)
		l = &LineCost{ID: c.id, Unit: c.unit, Estimate: priced.Estimate}
		t.lines[c.id] = l
	}
	l.Quantity += c.quantity
	l.Cost = add(l.Cost, c.amount)
}

func (t *tally) job(name string) *JobCost {
	if t.jobs[name] == nil {
		t.jobs[name] = &JobCost{Job: name}
	}
	return t.jobs[name]
}

func (t *tally) wave(name string, workers int, cost PicoUSD) {
	w := t.waves[name]
	if w == nil {
		w = &WaveCost{Wave: name}
		t.waves[name] = w
	}
	w.Workers += workers
	w.Cost = add(w.Cost, cost)
}

func (t *tally) statement() *Statement {
	s := &Statement{Workers: t.workers, PriceDate: t.book.Date, Region: t.book.Region,
		Assumptions: slices.Sorted(maps.Keys(t.assumed)), Unpriced: slices.Sorted(maps.Keys(t.unpriced))}
	for _, name := range slices.SortedFunc(maps.Keys(t.jobs), last(Idle)) {
		s.Jobs = append(s.Jobs, *t.jobs[name])
		s.Wasted = add(s.Wasted, t.jobs[name].Waste.Total())
		s.Total = add(s.Total, t.jobs[name].Total())
	}
	for _, name := range slices.SortedFunc(maps.Keys(t.waves), last(UnknownWave, Elsewhere)) {
		s.Waves = append(s.Waves, *t.waves[name])
	}
	for _, id := range slices.Sorted(maps.Keys(t.lines)) {
		s.Lines = append(s.Lines, *t.lines[id])
		if t.lines[id].Estimate {
			s.Assumptions = append(s.Assumptions, id+" is an estimate, not a list price.")
		}
	}
	return s
}

// last orders names, with the special ones at the end in the order given.
func last(special ...string) func(a, b string) int {
	return func(a, b string) int {
		return cmp.Or(slices.Index(special, a)-slices.Index(special, b), cmp.Compare(a, b))
	}
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
