package simulate

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"
)

// Row is the mean of a policy's runs of a scenario.
type Row struct {
	Scenario string `json:"scenario"`
	Policy   string `json:"policy"`
	Ours     bool   `json:"ours"`
	Less     bool   `json:"-"`
	Online   bool   `json:"online"`
	Runs     int    `json:"runs"`

	// Makespan and Billed in seconds, Cost in dollars.
	Makespan float64 `json:"makespan_s"`
	Billed   float64 `json:"billed_worker_s"`
	Cost     float64 `json:"cost_usd"`
	// Time, Money and Pareto are the ratios to the bounds: makespan, cost, and cost at that makespan.
	Time   float64 `json:"time_ratio"`
	Money  float64 `json:"cost_ratio"`
	Pareto float64 `json:"pareto_ratio"`
	// WaitMean and WaitP95 in seconds.
	WaitMean float64 `json:"wait_mean_s"`
	WaitP95  float64 `json:"wait_p95_s"`
	// Peak workers; Waves, Flips, Calls and Killed tasks a run; Left tasks in all.
	Peak   float64 `json:"peak"`
	Waves  float64 `json:"waves"`
	Flips  float64 `json:"flips"`
	Calls  float64 `json:"calls"`
	Killed float64 `json:"killed"`
	Left   int     `json:"left"`
}

// Slow is the measure of time that the scenario is judged by: the wait online, else the makespan; in seconds.
func (r Row) Slow() float64 {
	if r.Online {
		return r.WaitP95
	}
	return r.Makespan
}

// Dominates says that r is more than 2 % better than o in money or time and not more than 2 % worse in the other.
func (r Row) Dominates(o Row) bool {
	const much = 1.02
	// Waits below a second are equal: no worker starts in that time.
	slow, other := max(r.Slow(), 1), max(o.Slow(), 1)
	if r.Left > o.Left {
		return false
	}
	cheaper := r.Billed*much < o.Billed && slow <= other*much
	faster := slow*much < other && r.Billed <= o.Billed*much
	return cheaper || faster
}

// Compare runs every policy on every scenario with the seeds from 1 on, as many at a time as there are
// processors, and returns a row for each pair in the order given. It fails only when ctx ends.
func Compare(ctx context.Context, scenarios []Scenario, policies []Named, runs int, procs int) ([]Row, error) {
	rows := make([]Row, len(scenarios)*len(policies))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, procs))
	for i, s := range scenarios {
		for j, p := range policies {
			g.Go(func() error {
				var results []*Result
				for seed := range runs {
					if err := ctx.Err(); err != nil {
						return err
					}
					results = append(results, Run(s, p.New(), uint64(seed+1), Options{}))
				}
				rows[i*len(policies)+j] = Summarise(s, p, results)
				return nil
			})
		}
	}
	return rows, g.Wait()
}

// Summarise is the mean of the results of one policy on one scenario.
func Summarise(s Scenario, p Named, results []*Result) Row {
	row := Row{Scenario: s.Name, Policy: p.Name, Ours: p.Ours, Less: p.Less, Online: s.Online, Runs: len(results)}
	n := float64(len(results))
	for _, r := range results {
		row.Makespan += r.Makespan / n
		row.Billed += r.Billed / n
		row.Cost += float64(r.Cost) / 1e12 / n
		row.Time += r.TimeRatio() / n
		row.Money += r.CostRatio() / n
		row.Pareto += r.ParetoRatio() / n
		row.WaitMean += r.WaitMean / n
		row.WaitP95 += r.WaitP95 / n
		row.Peak += float64(r.Peak) / n
		row.Waves += float64(r.Waves) / n
		row.Flips += float64(r.Flips) / n
		row.Calls += float64(r.Calls) / n
		row.Killed += float64(r.Killed) / n
		row.Left += r.Left
	}
	return row
}

// Dominated lists, for each scenario, the policies of others that dominate ours in its nearest mode: of all our modes the
// one whose time and money are closest in ratio.
func Dominated(rows []Row) []Domination {
	var out []Domination
	for _, r := range rows {
		if r.Ours {
			continue
		}
		nearest, distance := Row{}, math.Inf(1)
		for _, o := range rows {
			if !o.Ours || o.Less || o.Scenario != r.Scenario {
				continue
			}
			d := math.Hypot(math.Log(max(o.Slow(), 1)/max(r.Slow(), 1)), math.Log(o.Billed/r.Billed))
			if d < distance {
				nearest, distance = o, d
			}
		}
		if !math.IsInf(distance, 1) && r.Dominates(nearest) {
			out = append(out, Domination{Scenario: r.Scenario, By: r, Ours: nearest})
		}
	}
	return out
}

// Domination is a case in which somebody else's policy is better than ours.
type Domination struct {
	Scenario string
	By, Ours Row
}
