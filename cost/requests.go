package cost

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// requests prices the worker's own calls, enters their lines, and charges them to
// the jobs in proportion to the tasks settled (a call is made per message, not per
// second), failing that to handlers' time, failing that to Idle. It returns what it counted.
func (t *tally) requests(w Worker) PicoUSD {
	if len(w.Requests) == 0 {
		return 0
	}
	by := byTasks(w.Jobs)
	var counted PicoUSD
	for _, op := range slices.Sorted(maps.Keys(w.Requests)) {
		n := w.Requests[op]
		line, counts := requestLine(op, w.Requests)
		if n <= 0 || !counts {
			continue
		}
		amount, err := t.book.Price(line, n)
		if err != nil {
			t.unpriced[op] = true
			continue
		}
		if strings.HasPrefix(op, "ddb.") && !isUnits(op) {
			t.assumed["DynamoDB calls are counted as one unit each (writes up to 1 KB, reads up to 4 KB)."] = true
		}
		counted = add(counted, t.spread(charge{line, "request", n, amount}, by, func(j *JobCost) *PicoUSD { return &j.Requests }))
	}
	return counted
}

func byTasks(jobs map[string]JobWork) weights {
	tasks, busy := map[string]int64{}, map[string]int64{}
	for job, w := range jobs {
		tasks[job], busy[job] = w.Tasks, w.BusyMS
	}
	if by := newWeights(tasks); by.sum() > 0 {
		return by
	}
	return newWeights(busy)
}

// spread divides a charge among jobs, enters it, and returns what it counted.
func (t *tally) spread(c charge, by weights, field func(*JobCost) *PicoUSD) PicoUSD {
	jobs, parts := by.jobs, apportion(c.amount, by.count)
	if parts == nil {
		jobs, parts = []string{Idle}, []PicoUSD{c.amount}
	}
	t.divide(c, parts, func(i int) string { return jobs[i] })
	var counted PicoUSD
	for i, p := range parts {
		if p == 0 || !t.counts(jobs[i]) {
			continue
		}
		f := field(t.job(jobs[i]))
		*f = add(*f, p)
		counted = add(counted, p)
	}
	return counted
}

// extras enters what no worker paid for. What has no job of its own is divided by the
// handlers' time of all jobs, which the workers must have been entered for before; in a
// statement of one job that is not known, and nothing is charged.
func (t *tally) extras(extras []Extra) {
	busy := map[string]int64{}
	for name, j := range t.jobs {
		busy[name] = j.BusyMS
	}
	shared := newWeights(busy)
	var sum PicoUSD
	for _, e := range extras {
		by := shared
		if e.Job != "" {
			by = weights{jobs: []string{e.Job}, count: []int64{1}}
		} else if t.options.Job != "" {
			continue
		}
		line, err := t.book.Line(e.ID)
		if err != nil {
			t.unpriced[e.ID] = true
			continue
		}
		if e.Quantity <= 0 {
			continue
		}
		c := charge{e.ID, baseUnit(line.Unit), e.Quantity, mulDiv(line.amount, e.Quantity, line.per)}
		sum = add(sum, t.spread(c, by, func(j *JobCost) *PicoUSD { return &j.Other }))
	}
	if sum == 0 {
		return
	}
	t.workers = append(t.workers, WorkerCost{Name: Elsewhere, Wave: Elsewhere, Cost: sum})
	t.wave(Elsewhere, 0, sum)
}

// baseUnit is the unit in which a quantity of a line is counted.
func baseUnit(unit string) string {
	switch unit {
	case "GB", "GB-month":
		return "byte"
	case "hour", "vCPU-hour", "GB-hour", "vCPU-second", "GB-second":
		return "second"
	}
	return "request"
}

// RequestLine returns the id of the price book's line for a kind of request that a
// ledger or a meter counts ("sqs.send", "ddb.wru", "s3.put"), and false for what is not
// priced by the request ("bytes.in").
func RequestLine(op string) (id string, billed bool) {
	id, billed = requestLine(op, nil)
	return id, billed && id != op
}

// requestLine returns the price book's line for an operation, and whether it counts.
// Consumed units ("ddb.wru", "ddb.rru"), where a worker reports them, replace the
// calls of their kind; an unknown operation returns itself, which no book prices.
func requestLine(op string, all map[string]int64) (line string, counted bool) {
	service, call, _ := strings.Cut(op, ".")
	switch {
	case service == "sqs":
		return "sqs.request", true
	case op == "ddb.wru":
		return "dynamodb.wru", true
	case op == "ddb.rru":
		return "dynamodb.rru", true
	case service == "ddb" && (call == "put" || call == "update" || call == "delete"):
		return "dynamodb.wru", all["ddb.wru"] == 0
	case service == "ddb" && (call == "get" || call == "query"):
		return "dynamodb.rru", all["ddb.rru"] == 0
	case op == "s3.put" || op == "s3.list":
		return "s3.put", true
	case op == "s3.get" || op == "s3.head":
		return "s3.get", true
	case op == "s3.delete" || service == "bytes": // free, in and to the same region
		return op, false
	}
	return op, true
}

func isUnits(op string) bool { return op == "ddb.wru" || op == "ddb.rru" }

// maxVCPU is the largest Fargate task (16 vCPU, Fargate task sizes).
const maxVCPU = 16

// LocalSize is the size as which a LOCAL worker is priced: 1 vCPU and 2 GB for each
// slot, rounded up to a size that Fargate offers (1, 2, 4, 8, 16 vCPU). Above 16 slots
// it is a multiple of 16, as if several tasks had been started.
func LocalSize(slots int) Size {
	vcpu := int64(max(1, slots))
	if vcpu <= maxVCPU {
		vcpu = 1 << bits.Len64(uint64(vcpu-1))
	} else {
		vcpu = (vcpu + maxVCPU - 1) / maxVCPU * maxVCPU
	}
	return Size{VCPUMilli: vcpu * 1000, MemoryMiB: vcpu * 2048}
}

// asFargate turns a LOCAL worker into the Fargate worker it is priced as, and notes
// that it did. The platform is the laptop's own: ARM would be cheaper, but the user's
// program may have no ARM build, and a comparison must not understate.
func (t *tally) asFargate(w Worker) Worker {
	w = sized(w)
	t.assumed[fmt.Sprintf("Local workers are priced as Fargate On-Demand %s tasks of %s vCPU and %s GB, at least 60 s each, image pull not included.",
		w.Platform, decimal(w.Size.VCPUMilli, 1000), decimal(w.Size.MemoryMiB, 1024))] = true
	return w
}

// decimal formats n/of with up to two decimals.
func decimal(n, of int64) string {
	s := fmt.Sprintf("%d.%02d", n/of, n%of*100/of)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// plural is "1 worker" or "5 workers".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
