package autoscale_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// young is a burst that is at seconds old: workers that have run tasks of these durations one after the other since it began.
func young(r *rand.Rand, workers int, at float64, duration func(*rand.Rand) float64) (done, ages autoscale.Histogram, total, mean float64) {
	var n float64
	for range workers {
		for t := 0.0; ; {
			d := duration(r)
			if t+d > at {
				ages.Add(time.Duration((at-t)*1e9), 1)
				break
			}
			done.Add(time.Duration(d*1e9), 1)
			total += d
			n++
			t += d
		}
	}
	return done, ages, total, total / max(n, 1)
}

// The mean of what has completed is far too low while a burst is young, and the maximum likelihood of an exponential far too high
// for constants. The life table is near the truth for all shapes.
func TestLifeTableIsRightForYoungBursts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		mean     float64
		duration func(*rand.Rand) float64
		at40     [2]float64 // bounds at 40 s
		at160    [2]float64
	}{
		{"constant", 30, func(*rand.Rand) float64 { return 30 }, [2]float64{29, 31}, [2]float64{29, 31}},
		{"uniform", 30, func(r *rand.Rand) float64 { return 15 + 30*r.Float64() }, [2]float64{28, 35}, [2]float64{28, 32}},
		{"exponential", 30, func(r *rand.Rand) float64 { return 30 * r.ExpFloat64() }, [2]float64{24, 36}, [2]float64{27, 33}},
		{"one in five long", 30, func(r *rand.Rand) float64 {
			if r.Float64() < .8 {
				return 5
			}
			return 130
		}, [2]float64{11, 30}, [2]float64{25, 33}},
		{"lognormal, cv 3", 30, func(r *rand.Rand) float64 {
			s := math.Sqrt(math.Log(10))
			return math.Exp(math.Log(30) - s*s/2 + s*r.NormFloat64())
		}, [2]float64{15, 30}, [2]float64{21, 36}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for at, within := range map[float64][2]float64{40: c.at40, 160: c.at160} {
				got, naive := 0.0, 0.0
				const runs = 40
				for seed := range uint64(runs) {
					done, ages, total, mean := young(rand.New(rand.NewPCG(seed, 7)), 200, at, c.duration)
					got += autoscale.EstimateMean(&done, &ages, total) / runs
					naive += mean / runs
				}
				if got < within[0] || got > within[1] {
					t.Errorf("after %.0f s: estimate %.1f s, want %v; the mean of the completed is %.1f", at, got, within, naive)
				}
				if c.name == "exponential" && at == 40 && naive > 20 {
					t.Errorf("the mean of the completed is %.1f: this test has lost its point", naive)
				}
			}
		})
	}
}

func TestBucketsAreThoseOfTheLedgers(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]int{
		-1: 0, 0: 0, time.Millisecond: 0, time.Millisecond + 1: 1, 2 * time.Millisecond: 9, time.Second: 80, 1 << 62: 239,
	} {
		if got := autoscale.Bucket(d); got != want {
			t.Errorf("%v is in bucket %d, want %d", d, got, want)
		}
	}
}
