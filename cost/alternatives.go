package cost

import (
	"slices"
	"strings"
	"time"
)

// Alternative is what the same work would have cost otherwise.
type Alternative struct {
	// Name is "spot", "arm", "fewer workers" or "no NAT".
	Name string `json:"name"`
	// Cost would have been the statement's total, Saves the difference.
	Cost  PicoUSD `json:"cost_pico_usd"`
	Saves PicoUSD `json:"saves_pico_usd"`
	// Note is what it would have taken.
	Note string `json:"note"`
}

// efficiency is the share of a worker's bill that should be work (autoscale's default).
const efficiency = 0.7

// Alternatives returns what would have been cheaper than the statement of the same
// arguments, the largest saving first. Each is priced on its own, by the same formulas, with everything
// else as it was.
func Alternatives(book *Book, workers []Worker, o Options) ([]Alternative, error) {
	actual, err := NewStatement(book, workers, o)
	if err != nil || actual.Total == 0 {
		return nil, err
	}
	var out []Alternative
	consider := func(name, note string, workers []Worker, o Options) error {
		st, err := NewStatement(book, workers, o)
		if err == nil && st.Total < actual.Total {
			out = append(out, Alternative{Name: name, Cost: st.Total, Saves: actual.Total - st.Total, Note: note})
		}
		return err
	}
	spot, arm := each(workers, onSpot), each(workers, onARM)
	fewer, note := fewerWorkers(workers, o)
	err = firstError(
		func() error {
			return consider("spot", "interrupted at two minutes' notice; work that is cut off runs again", spot, o)
		},
		func() error { return consider("arm", "the program must be built for ARM64", arm, o) },
		func() error {
			if fewer == nil {
				return nil
			}
			return consider("fewer workers", note, fewer, o)
		},
		func() error {
			without, had := withoutNAT(o)
			if !had {
				return nil
			}
			return consider("no NAT", "public addresses, and gateway endpoints for S3 and DynamoDB, instead of the NAT gateway", workers, without)
		},
	)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b Alternative) int { return int(min(max(b.Saves-a.Saves, -1), 1)) })
	return out, nil
}

func firstError(steps ...func() error) error {
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func each(workers []Worker, f func(Worker) Worker) []Worker {
	out := make([]Worker, len(workers))
	for i, w := range workers {
		out[i] = f(w)
	}
	return out
}

// onSpot is the worker on Spot. Windows has none.
func onSpot(w Worker) Worker {
	if w.Platform == Windows {
		return w
	}
	w = sized(w)
	w.Provider = FargateSpot
	return w
}

func onARM(w Worker) Worker {
	if w.Platform == X86 {
		w.Platform = ARM
	}
	return w
}

// sized gives a LOCAL worker the size and the provider it is priced as.
func sized(w Worker) Worker {
	if w.Provider != Local {
		return w
	}
	if w.Size.VCPUMilli <= 0 || w.Size.MemoryMiB <= 0 {
		w.Size = LocalSize(w.Slots)
	}
	w.Provider = Fargate
	return w
}

// Bounds on what a corrupt ledger may claim, so that durations and their sums fit 64 bits.
const (
	maxBusyMS  = 1 << 42 // 139 years
	maxStartUp = 24 * time.Hour
)

// fewerWorkers is the fleet of so many workers as would each have been at work for 70 % of
// its bill, or nil when there were no more than that. All are taken to be like the first.
func fewerWorkers(workers []Worker, o Options) ([]Worker, string) {
	var busyMS int64
	var starting time.Duration
	jobs := map[string]JobWork{}
	requests := map[string]int64{}
	billed := 0
	for _, w := range workers {
		if o.Job != "" && w.Jobs[o.Job].BusyMS == 0 {
			continue
		}
		billed++
		starting += min(max(0, startup(w)), maxStartUp)
		for name, j := range w.Jobs {
			busyMS = min(busyMS+min(max(0, j.BusyMS), maxBusyMS)/int64(max(1, w.Slots)), maxBusyMS)
			jobs[name] = jobs[name].plus(j)
		}
		for op, n := range w.Requests {
			requests[op] += n
		}
	}
	if billed < 2 || busyMS <= 0 {
		return nil, ""
	}
	busy := time.Duration(busyMS) * time.Millisecond
	startUp := starting / time.Duration(billed)
	const stopLag = 12 * time.Second // the loop's tick, and the end
	ratio := efficiency / (1 - efficiency)
	share := max(time.Duration(efficiency*linuxMinimum*float64(time.Second)), time.Duration(ratio*float64(startUp+stopLag)))
	n := max(1, int(busy/share))
	if n >= billed {
		return nil, ""
	}
	first := workers[slices.IndexFunc(workers, func(w Worker) bool { return o.Job == "" || w.Jobs[o.Job].BusyMS > 0 })]
	life := startUp + busy/time.Duration(n) + stopLag
	fleet := make([]Worker, n)
	for i := range fleet {
		w := first
		w.Ready, w.Stop = w.Start.Add(startUp), w.Start.Add(life)
		w.Jobs, w.Requests = part64(jobs, n, i), nil
		if i == 0 {
			w.Requests = requests
		}
		fleet[i] = w
	}
	return fleet, strings.Join([]string{plural(n, "worker"), "instead of", plural(billed, "worker") + ",", "about", life.Round(time.Second).String(), "each"}, " ")
}

// plus adds two workers' work up.
func (w JobWork) plus(o JobWork) JobWork {
	return JobWork{w.Tasks + o.Tasks, w.BusyMS + o.BusyMS, w.WastedMS + o.WastedMS, w.FailedMS + o.FailedMS, w.InterruptedMS + o.InterruptedMS}
}

// part64 is the i-th of n equal parts of the work; the first takes what does not divide.
func part64(jobs map[string]JobWork, n, i int) map[string]JobWork {
	out := make(map[string]JobWork, len(jobs))
	cut := func(v int64) int64 {
		if i == 0 {
			return v/int64(n) + v%int64(n)
		}
		return v / int64(n)
	}
	for name, j := range jobs {
		out[name] = JobWork{cut(j.Tasks), cut(j.BusyMS), cut(j.WastedMS), cut(j.FailedMS), cut(j.InterruptedMS)}
	}
	return out
}

// withoutNAT replaces a NAT gateway by public addresses.
func withoutNAT(o Options) (Options, bool) {
	kept := slices.DeleteFunc(slices.Clone(o.Extras), func(e Extra) bool { return strings.HasPrefix(e.ID, "nat.") })
	had := len(kept) < len(o.Extras)
	o.Extras, o.PublicIPv4 = kept, true
	return o, had
}
