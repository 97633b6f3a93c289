package bill

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// Outcome is a wave's workers, their start and what they did for a job.
type Outcome struct {
	Workers int `json:"workers"`
	// Start is from the decision until workers take work: the median, and the last one's. Zero means that it is not known.
	Start time.Duration `json:"start_ns"`
	Last  time.Duration `json:"last_start_ns,omitempty"`
	// Tasks of the job.
	Tasks int64 `json:"tasks"`
	// Cost is the job's part, in pico-dollars; not known when KnownCost is false.
	Cost      cost.PicoUSD `json:"cost_pico"`
	KnownCost bool         `json:"known_cost"`
}

// WaveLine is a wave as it was planned and as it came.
type WaveLine struct {
	// Name is the wave's in every bill. From and To are the desired counts before and after.
	Name string    `json:"wave"`
	At   time.Time `json:"at"`
	From int       `json:"from"`
	To   int       `json:"to"`
	// Planned has the launches that were asked for, the start-up and cost of the job's forecast, and an even share of the tasks that were
	// outstanding: the workers of a wave cannot know which will take more.
	Planned Outcome `json:"planned"`
	Actual  Outcome `json:"actual"`
	// Binding and Reason are the decision's.
	Binding string `json:"binding"`
	Reason  string `json:"reason"`
}

// WaveReport are the waves that a job has to do with.
type WaveReport struct {
	Job   string     `json:"job"`
	Fleet string     `json:"fleet"`
	Waves []WaveLine `json:"waves"`
	// Others did something for the job and were launched by no wave that is known: by hand, or before the decisions that are kept.
	Others Outcome `json:"others"`
}

// Waves tells of the raises of the fleet that were for the job, or whose workers did something for it.
func (c Config) Waves(ctx context.Context, id string) (*WaveReport, error) {
	job, err := c.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	workers, err := c.workers(ctx, job.Fleet, job.Created)
	if err != nil {
		return nil, err
	}
	forecast, err := c.forecast(ctx, id)
	if err != nil {
		return nil, err
	}
	st, err := cost.NewStatement(c.Book, workers, cost.Options{Job: id})
	if err != nil {
		return nil, err
	}
	launched := map[string][]cost.Worker{}
	for _, w := range workers {
		launched[w.Wave] = append(launched[w.Wave], w)
	}
	costs := map[string]cost.PicoUSD{}
	for _, w := range st.Waves {
		costs[w.Wave] = w.Cost
	}
	r := &WaveReport{Job: id, Fleet: job.Fleet, Waves: []WaveLine{}}
	from, to := job.Created.Add(-launchLag), c.now().Add(time.Second)
	for d, err := range c.Store.Decisions(ctx, job.Fleet, from, to) {
		if err != nil {
			return nil, err
		}
		if d.Want <= d.Desired || d.Wave < 1 {
			continue
		}
		name := sample.Wave{At: d.At, N: d.Wave}.Name()
		l := WaveLine{Name: name, At: d.At, From: d.Desired, To: d.Want, Binding: d.Binding, Reason: d.Reason,
			Planned: planned(d, job, forecast), Actual: came(launched[name], id, d.At)}
		l.Actual.Cost, l.Actual.KnownCost = costs[name], true
		if _, meant := d.Jobs[id]; meant || l.Actual.Tasks > 0 {
			r.Waves = append(r.Waves, l)
		}
	}
	r.Others = came(launched[""], id, time.Time{})
	r.Others.Cost, r.Others.KnownCost = costs[cost.UnknownWave], true
	return r, nil
}

// planned is what the decision asked for and the forecast expected.
func planned(d store.Decision, job store.Job, f *Forecast) Outcome {
	launches := d.Want - d.Desired
	share := float64(launches) / float64(d.Want)
	o := Outcome{Workers: launches, Tasks: int64(math.Round(float64(d.Jobs[job.ID]) * share))}
	if f == nil {
		return o
	}
	if f.Fleet.Provider != cost.Local {
		o.Start = max(0, cmp.Or(f.Fleet.StartUp, cost.DefaultStartUp))
	}
	if n := f.Shape.Tasks; n > 0 && !f.Estimate.ComputeUnknown {
		o.Cost, o.KnownCost = cost.PicoUSD(float64(f.Estimate.Cost.Likely)*float64(o.Tasks)/float64(n)), true
	}
	return o
}

// came is what became of a wave's workers.
func came(workers []cost.Worker, job string, at time.Time) Outcome {
	var starts []time.Duration
	var o Outcome
	for _, w := range workers {
		did, has := w.Jobs[job]
		if at.IsZero() && !has {
			continue // launched by nobody knows whom, for nobody knows what
		}
		o.Workers++
		o.Tasks += did.Tasks
		if !at.IsZero() && w.Ready.After(at) {
			starts = append(starts, w.Ready.Sub(at))
		}
	}
	if len(starts) > 0 {
		slices.Sort(starts)
		o.Start, o.Last = starts[len(starts)/2], starts[len(starts)-1]
	}
	return o
}

// Print writes the report for people: each figure as planned → as it came.
func (r *WaveReport) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "WAVE\tSIZE\tWORKERS\tSTART\tTASKS\tCOST\tBOUND BY")
	for _, l := range r.Waves {
		p, a := l.Planned, l.Actual
		_, _ = fmt.Fprintf(t, "%s\t%d→%d\t%d → %d\t%s → %s\t%d → %d\t%s → %s\t%s\n", l.Name, l.From, l.To, p.Workers, a.Workers,
			start(p.Start, p.Last), start(a.Start, a.Last), p.Tasks, a.Tasks, amount(p), amount(a), cmp.Or(l.Binding, "nothing"))
	}
	if o := r.Others; o.Workers > 0 {
		_, _ = fmt.Fprintf(t, "no wave\t\t%d\t\t%d\t%s\t\n", o.Workers, o.Tasks, amount(o))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the waves: %w", err)
	}
	if len(r.Waves) > 0 {
		_, err := fmt.Fprintln(w, "each: planned → actual; START is from the decision until half of the workers took work (until the last did)")
		return err
	}
	_, err := fmt.Fprintln(w, "no wave was for this job: its workers were there already, or nobody has sized the fleet")
	return err
}

func start(median, last time.Duration) string {
	switch {
	case median == 0:
		return "?"
	case last == 0:
		return brief(median)
	}
	return brief(median) + " (" + brief(last) + ")"
}

func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	if d < 10*time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	return d.Round(time.Second).String()
}

func amount(o Outcome) string {
	if !o.KnownCost {
		return "?"
	}
	return o.Cost.Short()
}
