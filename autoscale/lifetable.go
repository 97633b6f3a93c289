package autoscale

import "math"

// table is the outcome of a life table, in seconds.
type table struct {
	mean, rest float64
	cv         float64 // of the completed
	seen       float64 // completed, and running for longer than the mean, or than was expected
	completed  float64
	slowest    float64 // the longest duration
	oldest     float64 // the longest duration or age observed
	old        float64 // mean age of the running

	done, ages *Histogram
	top        int                  // the last bucket that holds anything
	middles    float64              // the sum of the completed, by the middles of their buckets
	alive      [Buckets + 1]float64 // the part of the tasks that outlast a bucket's begin
	area       [Buckets + 1]float64 // time lived within a bucket, per task
}

// lifeTable is the actuarial estimate of the mean duration: a running task is a life that has not ended,
// and counts as at risk in every bucket up to its age. prior is the mean expected before, total the exact sum of the completed or 0.
func lifeTable(done, ages *Histogram, prior, total float64) *table {
	t := &table{done: done, ages: ages, top: -1}
	risk := t.count()
	if t.top < 0 {
		return t
	}
	beyond := t.survive(risk, prior)
	tail := t.alive[t.top+1] * beyond
	t.mean = tail
	for _, a := range t.area[:t.top+1] {
		t.mean += a
	}
	if t.middles > 0 && total > 0 {
		t.mean *= min(max(total/t.middles, .9), 1.1) // takes the rounding to buckets out
	}
	t.expect(tail, prior)
	return t
}

// lives are the completed and the running tasks of a bucket.
func (t *table) lives(b int) (d, r float64) {
	return float64(max(0, t.done[b])), float64(max(0, t.ages[b]))
}

// count sums the tasks up and returns how many there are.
func (t *table) count() (risk float64) {
	var square, aged float64
	for b := range Buckets {
		d, r := t.lives(b)
		if d+r == 0 {
			continue
		}
		t.top = b
		if d > 0 {
			t.slowest = upper(b)
		}
		m := (upper(b-1) + upper(b)) / 2
		risk += d + r
		t.completed += d
		t.middles += d * m
		square += d * m * m
		aged += r * m
	}
	if running := risk - t.completed; running > 0 {
		t.old = aged / running
	}
	if t.completed > 0 {
		m := t.middles / t.completed
		t.cv = math.Sqrt(max(0, square/t.completed-m*m)) / m
	}
	t.oldest = upper(t.top)
	return risk
}

// survive fills in the survivors, and returns how long those live on that have outlived all that was observed.
func (t *table) survive(risk, prior float64) (beyond float64) {
	t.alive[0] = 1
	exposure, deaths := 0.0, 0.0 // within the last octave
	for b := 0; b <= t.top; b++ {
		d, r := t.lives(b)
		hazard := 0.0
		if at := risk - r/2; at > 0 {
			hazard = min(1, d/at)
		}
		t.alive[b+1] = t.alive[b] * (1 - hazard)
		width := upper(b) - upper(b-1)
		t.area[b] = (t.alive[b] + t.alive[b+1]) / 2 * width
		if b > t.top-bucketsPerOctave {
			deaths += d
			exposure += (risk - (d+r)/2) * width
		}
		risk -= d + r
	}
	const few = 5 // fewer deaths say nothing about the tail
	beyond = t.oldest / 2
	if deaths >= few {
		beyond = min(max(exposure/deaths, t.oldest/2), t.oldest)
	}
	if prior > t.oldest {
		beyond = max(beyond, prior-t.oldest)
	}
	return beyond
}

// expect fills in how long the running tasks still take, and how many observations the table rests on.
// A running task that has outlived what was expected is one, even when it says only that it was too little.
func (t *table) expect(tail, prior float64) {
	t.seen = t.completed
	ahead, running := tail, 0.0
	for b := t.top; b >= 0; b-- {
		ahead += t.area[b]
		_, r := t.lives(b)
		if r == 0 {
			continue
		}
		if upper(b) > min(t.mean, prior) {
			t.seen += r
		}
		running += r
		if t.alive[b] > 0 {
			half := (upper(b) - upper(b-1)) / 2
			t.rest += r * max(0, ahead/t.alive[b]-half)
		}
	}
	if running > 0 {
		t.rest /= running
		return
	}
	t.rest = t.mean / 2
}
