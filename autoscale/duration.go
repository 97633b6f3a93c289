package autoscale

import (
	"math"
	"time"
)

// Buckets is the number of buckets of a Histogram: 30 octaves from 1 ms, about twelve days.
const Buckets = 240

// bucketsPerOctave is how fine a Histogram is: a bucket is 9 % wide. Workers' ledgers use the same.
const bucketsPerOctave = 8

// Histogram counts durations, 8 buckets an octave from 1 ms: bucket 0 holds everything
// up to 1 ms, bucket i what is from 1 ms · 2^((i−1)/8) to 1 ms · 2^(i/8). Two are merged by adding them up.
type Histogram [Buckets]int64

// Add counts n durations of d.
func (h *Histogram) Add(d time.Duration, n int64) { h[Bucket(d)] += n }

// AddBucket counts n durations of a bucket, as a ledger names it. Buckets beyond the last count as the last.
func (h *Histogram) AddBucket(bucket int, n int64) {
	h[min(max(0, bucket), Buckets-1)] += n
}

// Count is the number of durations counted.
func (h *Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Bucket is the bucket that holds d.
func Bucket(d time.Duration) int {
	if d <= time.Millisecond {
		return 0
	}
	return min(Buckets-1, 1+int(bucketsPerOctave*math.Log2(float64(d)/float64(time.Millisecond))))
}

// upper is the upper bound of bucket i in seconds; upper(-1) is 0.
func upper(i int) float64 {
	if i < 0 {
		return 0
	}
	return bounds[min(i, Buckets-1)]
}

// bounds are the upper bounds of the buckets in seconds.
var bounds = func() (b [Buckets]float64) {
	for i := range b {
		b[i] = 1e-3 * math.Exp2(float64(i)/bucketsPerOctave)
	}
	return b
}()

// Prior is what is known about the durations of tasks before the first one ends: what a
// user says, or what is remembered of the same handler.
type Prior struct {
	// Mean duration of a task; 0 means not known, and is taken as 1 s with the weight of one task.
	Mean time.Duration
	// CV is the coefficient of variation, standard deviation / mean. Default: 1.
	CV float64
	// Weight is how many observed tasks the prior is worth. Default: 20.
	Weight float64
}

// Defaults of a Prior.
const (
	defaultPriorMean   = time.Second
	defaultPriorWeight = 20
)

func (p Prior) seconds() (mean, cv, weight float64) {
	mean, cv, weight = p.Mean.Seconds(), p.CV, p.Weight
	if cv <= 0 {
		cv = 1
	}
	if mean <= 0 {
		return defaultPriorMean.Seconds(), cv, 1
	}
	if weight <= 0 {
		weight = defaultPriorWeight
	}
	return mean, cv, weight
}

// estimate is what is believed about the tasks' durations, in seconds.
type estimate struct {
	// mean of a task, and bounds that it lies between with about 80 %.
	mean, low, high float64
	// rest is the mean time that a running task still takes.
	rest float64
	// longest a task may take: the longest seen, or twice the mean.
	longest float64
	// cv is the coefficient of variation, 0 while nobody knows it.
	cv float64
	// slowest is the longest that completed, or twice the prior's mean.
	slowest float64
	// seen is the number of tasks the estimate rests on, without the prior.
	seen float64
}

// measure estimates the tasks' durations from those completed and from the ages of those that run. The
// mean of what has completed will not do: after t seconds only tasks shorter than t can have.
func measure(o *Observation) estimate {
	priorMean, priorCV, weight := o.Prior.seconds()
	t := lifeTable(&o.Done, &o.Ages, priorMean, o.DoneTime.Seconds())
	if t.seen == 0 {
		t.mean, t.rest = priorMean, priorMean/2
		if t.old > 0 {
			t.rest = max(t.rest, priorMean-t.old)
		}
	}
	k := weight + t.seen
	e := estimate{mean: (weight*priorMean + t.seen*t.mean) / k, rest: t.rest, seen: t.seen}
	cv := priorCV
	if t.completed >= 10 {
		cv = t.cv
	}
	if o.Prior.Mean > 0 || t.completed >= 10 {
		e.cv = cv
	}
	z := 1.28 * max(cv, .3)
	e.low = e.mean * k / (k + z*math.Sqrt(k) + 1)
	e.high = e.mean * k / max(k-z*math.Sqrt(k), k/4)
	e.longest = max(t.oldest, 2*e.mean)
	e.slowest = max(t.slowest, 2*priorMean)
	return e
}
