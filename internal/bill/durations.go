package bill

import (
	"context"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/starburst-go/starburst/store"
)

// Durations is how long tasks took.
type Durations struct {
	// Mean is exact: the time in handlers per settled task, failed attempts included, since they will be paid for again.
	Mean time.Duration
	// CV is the standard deviation over the mean, from the histogram; 0 when that is not known, see Counted.
	CV float64
	// Seen is how many tasks Mean is of, Counted how many of them the histogram holds: a worker's histogram
	// does not tell handlers apart, so that only that of a worker with one handler counts.
	Seen, Counted int64
	// Hist is the histogram: bucket → count, as in store.Ledger.
	Hist map[int]int64
	// Source says where they were taken: "job 06h…", "the last 3 jobs".
	Source string
}

// Remembered is how long the handler's tasks took in its last three jobs; Seen is 0 when there were none.
func Remembered(ctx context.Context, past Past, handler, fleet string, now time.Time) (Durations, error) {
	var jobs []string
	looked := 0
	for j, err := range past.Jobs(ctx, now.Add(-remember)) {
		if err != nil {
			return Durations{}, fmt.Errorf("look for earlier jobs: %w", err)
		}
		if looked++; looked > lookAt || len(jobs) == learnFrom {
			break
		}
		if j.Handler == handler && j.Fleet == fleet {
			jobs = append(jobs, j.ID)
		}
	}
	return DurationsOf(ctx, past, jobs...)
}

// DurationsOf is how long the tasks of some jobs of one handler took.
func DurationsOf(ctx context.Context, past Past, jobs ...string) (Durations, error) {
	d := Durations{Hist: map[int]int64{}}
	mine := map[string]bool{}
	for _, id := range jobs {
		mine[id] = true
	}
	var busy int64
	counted := map[string]bool{} // workers: one that served several of the jobs has one histogram
	for _, id := range jobs {
		ledgers, err := past.JobLedgers(ctx, id)
		if err != nil {
			return Durations{}, fmt.Errorf("read the ledgers of job %s: %w", id, err)
		}
		for _, l := range ledgers {
			c := l.Jobs[id]
			busy += max(0, c.BusyMS-c.RunningMS)
			d.Seen += max(0, c.OK+c.Failed)
			if only(l, mine) && !counted[l.Worker] {
				counted[l.Worker] = true
				for b, n := range l.Hist {
					d.Hist[b] += max(0, n)
				}
			}
		}
	}
	if d.Seen == 0 || busy == 0 {
		return Durations{}, nil
	}
	d.Mean = time.Duration(float64(busy) / float64(d.Seen) * float64(time.Millisecond))
	d.CV, d.Counted = variation(d.Hist)
	d.Source = "job " + jobs[0]
	if len(jobs) > 1 {
		d.Source = fmt.Sprintf("the last %d jobs", len(jobs))
	}
	return d, nil
}

// only reports whether a worker served none but these jobs.
func only(l store.Ledger, jobs map[string]bool) bool {
	for id := range l.Jobs {
		if !jobs[id] {
			return false
		}
	}
	return true
}

// variation is the coefficient of variation of a histogram, by the middles of its buckets.
func variation(hist map[int]int64) (cv float64, count int64) {
	var n, sum, squares float64
	for b, c := range maps.All(hist) {
		middle := math.Exp2((float64(b) - .5) / 8)
		n += float64(c)
		sum += float64(c) * middle
		squares += float64(c) * middle * middle
	}
	if n < 2 || sum <= 0 {
		return 0, int64(n)
	}
	mean := sum / n
	return math.Sqrt(max(0, squares/n-mean*mean)*n/(n-1)) / mean, int64(n)
}
