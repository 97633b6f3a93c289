package simulate

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/autoscale"
)

// scenario is the job as a world, with durations that are times what was measured.
func (j Job) scenario(times float64) Scenario {
	mean := j.Mean.Seconds() * times
	var d Durations
	switch {
	case j.Durations != nil && j.Durations.Count() >= enoughDurations:
		d = measured(j.Durations, mean)
	case j.CV > 0:
		d = Lognormal(mean, j.CV, 0)
	default:
		d = Constant(mean)
	}
	return Scenario{Name: "plan", Batches: batch(j.Tasks, d), Quota: j.Workers, Slots: j.Slots, Size: j.Size, Fargate: j.Fargate, CV: max(j.CV, .01), Services: 3}
}

// enoughDurations is from how many on durations are drawn from those that were measured.
const enoughDurations = 30

// measured draws from a histogram, stretched to a mean: a bucket's middle stands for all in it.
func measured(h *autoscale.Histogram, mean float64) Durations {
	var n, sum float64
	var upto, middles []float64
	for b, count := range h {
		if count <= 0 {
			continue
		}
		middle := 1e-3 * math.Exp2((float64(b)-.5)/8)
		n += float64(count)
		sum += float64(count) * middle
		upto, middles = append(upto, n), append(middles, middle)
	}
	stretch := mean * n / sum
	return func(r *rand.Rand) float64 {
		x := n * r.Float64()
		i := 0
		for i < len(upto)-1 && upto[i] <= x {
			i++
		}
		return middles[i] * stretch
	}
}

// doubt is by how much the true mean of a run differs from the one that was measured on few tasks. The seed alone decides, so
// that all modes see the same.
func (j Job) doubt(seed uint64) float64 {
	if j.Seen <= 0 {
		return 1
	}
	sigma := max(j.CV, .05) / math.Sqrt(float64(j.Seen))
	return math.Exp(sigma*rand.New(rand.NewPCG(seed, 0xd0b7)).NormFloat64() - sigma*sigma/2)
}

// runs simulates the job under one mode, with an edited world if edit is not nil.
func (j Job) runs(ctx context.Context, edit func(*Scenario), mode func(*Ours), procs int) ([]*Result, error) {
	n := planRuns
	if j.Tasks > bigJob {
		n = planRunsBig
	}
	results := make([]*Result, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, procs))
	for i := range results {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			results[i] = j.run(uint64(i+1), edit, mode)
			return nil
		})
	}
	return results, g.Wait()
}

// run simulates it once. The autoscaler believes what was measured.
func (j Job) run(seed uint64, edit func(*Scenario), mode func(*Ours)) *Result {
	times := j.doubt(seed)
	s := j.scenario(times)
	if edit != nil {
		edit(&s)
	}
	o := &Ours{Known: true, PriorScale: 1 / times, Exclusive: true, Config: autoscale.Config{Policy: autoscale.Policy{Mode: autoscale.Efficiency}}}
	mode(o)
	return Run(s, o, seed, Options{})
}

// ascent notes how the fleet grows in the first run of the first mode, and what it costs at its largest.
func (p *Plan) ascent(j Job) {
	p.Waves = []PlannedWave{}
	j.run(1, nil, func(o *Ours) {
		o.Watch = func(d autoscale.Decision) {
			if d.Want > d.From {
				p.Waves = append(p.Waves, PlannedWave{Seconds: d.At.Sub(epoch).Seconds(), From: d.From, To: d.Want, Binding: string(d.Binding)})
			}
		}
	})
	s := j.scenario(1).withDefaults()
	p.PerMinute = float64(s.perSecond()) * 60 * float64(p.Lines[0].Peak) / 1e12
}

// wait finds out what more time is worth.
func (p *Plan) wait(ctx context.Context, j Job, procs int) error {
	if j.Deadline > 0 {
		return nil
	}
	for _, times := range []float64{2, 4, 8} {
		k := j
		k.Deadline = roundUp(seconds(times * p.BoundSeconds))
		results, err := k.runs(ctx, nil, func(o *Ours) {
			o.Config.Mode, o.Config.Deadline = autoscale.Deadline, epoch.Add(k.Deadline)
		}, procs)
		if err != nil {
			return err
		}
		p.Waits = append(p.Waits, k.line("by "+Clock(k.Deadline.Seconds()), results))
	}
	return nil
}

// roundUp makes a time that a person would name: whole ten seconds, minutes, or hours.
func roundUp(d time.Duration) time.Duration {
	unit := 10 * time.Second
	switch {
	case d > 10*time.Hour:
		unit = time.Hour
	case d > 10*time.Minute:
		unit = time.Minute
	}
	return (d + unit - 1).Truncate(unit)
}
