package view

import (
	"math"
	"slices"
	"time"

	"github.com/starburst-go/starburst/store"
)

// perOctave is how many buckets of a ledger's histogram double the duration; see store.Ledger.Hist.
const perOctave = 8

// Bucket is one bar of a histogram of task durations: Count tasks took more than From and at most To.
type Bucket struct {
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
	Count int64         `json:"count"`
}

// Tails is how long tasks took: the histogram, and the percentiles read off it. A percentile is its bucket's upper
// end, so that it is too long by at most 2^(1/8) − 1, 9 %. The zero value means that nothing is known.
type Tails struct {
	Count   int64         `json:"count"`
	Mean    time.Duration `json:"mean_ns"`
	P50     time.Duration `json:"p50_ns"`
	P95     time.Duration `json:"p95_ns"`
	P99     time.Duration `json:"p99_ns"`
	Buckets []Bucket      `json:"buckets"`
	// Shared says that some of the workers served other jobs, too, whose tasks their histograms hold as well.
	Shared bool `json:"other_jobs_included,omitempty"`
	// cv is the standard deviation over the mean.
	cv float64
}

// bucketEnd is the upper end of a bucket: 1 ms for the first.
func bucketEnd(b int) time.Duration {
	return time.Duration(math.Exp2(float64(b)/perOctave) * float64(time.Millisecond))
}

// longestBucket bounds what a corrupt ledger may name: 2^30 ms are twelve days.
const longestBucket = 30 * perOctave

// tailsOf adds up the histograms of those who worked for the job. Those who served no other job are enough when
// there are any: a worker's histogram does not tell jobs apart.
func tailsOf(fleet []store.Ledger, job string) Tails {
	own, all := map[int]int64{}, map[int]int64{}
	var busy, did int64
	shared := false
	for _, l := range fleet {
		c, worked := l.Jobs[job]
		if !worked {
			continue
		}
		busy += max(0, c.BusyMS-c.RunningMS)
		did += max(0, c.OK+c.Failed)
		for b, n := range l.Hist {
			b = min(max(b, 0), longestBucket)
			all[b] += max(0, n)
			if len(l.Jobs) == 1 {
				own[b] += max(0, n)
			}
		}
		shared = shared || len(l.Jobs) > 1
	}
	hist := own
	if len(own) == 0 {
		hist = all
	} else {
		shared = false
	}
	t := tailsOfHist(hist)
	t.Shared = shared
	if did > 0 && busy > 0 {
		t.Mean = time.Duration(float64(busy) / float64(did) * float64(time.Millisecond)) // exact, failed attempts included
	}
	return t
}

func tailsOfHist(hist map[int]int64) Tails {
	t := Tails{Buckets: []Bucket{}}
	least, most := longestBucket, 0
	var sum, squares float64
	for b, n := range hist {
		if n == 0 {
			continue
		}
		least, most = min(least, b), max(most, b)
		middle := float64(bucketEnd(b)) / math.Exp2(.5/perOctave)
		t.Count += n
		sum += float64(n) * middle
		squares += float64(n) * middle * middle
	}
	if t.Count == 0 {
		return t
	}
	mean := sum / float64(t.Count)
	t.Mean = time.Duration(mean)
	t.cv = math.Sqrt(max(0, squares/float64(t.Count)-mean*mean)) / mean
	for b := least; b <= most; b++ {
		from := time.Duration(0)
		if b > 0 {
			from = bucketEnd(b - 1)
		}
		t.Buckets = append(t.Buckets, Bucket{From: from, To: bucketEnd(b), Count: hist[b]})
	}
	t.P50, t.P95, t.P99 = t.quantile(.5), t.quantile(.95), t.quantile(.99)
	return t
}

// quantile is the upper end of the bucket that holds the q-th part of the tasks.
func (t Tails) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(t.Count)))
	var seen int64
	i := slices.IndexFunc(t.Buckets, func(b Bucket) bool {
		seen += b.Count
		return seen >= rank
	})
	if i < 0 {
		return 0
	}
	return t.Buckets[i].To
}
