package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Random is a scenario nobody thought of: 10 to 30,000 tasks of 0.3 to 600 s with a coefficient of variation up to 3, room for 6 to
// 3,000 workers that take 16 to 120 s to start at 2 to 20 a second; SQS's counts are bad in three of ten, and in three of ten
// the tasks arrive over up to an hour. Equal seeds give equal scenarios.
func Random(seed uint64) Scenario {
	r := rand.New(rand.NewPCG(seed, 0x401d0))
	logUniform := func(from, to float64) float64 { return from * math.Exp(r.Float64()*math.Log(to/from)) }
	between := func(from, to float64) float64 { return from + (to-from)*r.Float64() }
	tasks, mean, cv := int(logUniform(10, 30_000)), logUniform(.3, 600), between(.05, 3)
	s := Scenario{
		Name: fmt.Sprintf("random-%d", seed), Quota: int(logUniform(6, 3000)), Rate: between(2, 20),
		Provisioning: between(8, 40), Pull: between(8, 80), Stale: r.Float64() < .3, CV: cv,
	}
	s.Burst = 5 * s.Rate
	b := Batch{Name: "tasks", Tasks: tasks, Durations: Lognormal(mean, cv, 50*mean)}
	if r.Float64() < .3 {
		b.Over = logUniform(60, 3600)
	}
	s.Batches = []Batch{b}
	s.About = fmt.Sprintf("%d tasks of %.3g s, cv %.1f, over %.0f s, room for %d", tasks, mean, cv, b.Over, s.Quota)
	return s
}

// Spread says that the tasks arrive over a time.
func (s *Scenario) Spread() bool { return len(s.Batches) > 0 && s.Batches[0].Over > 0 }
