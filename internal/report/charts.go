package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

// Chart is a drawing with what belongs beside it.
type Chart struct {
	Title string
	// Keys of the colours, in the order of the drawing.
	Keys []Key
	// Caption says what to know when reading it.
	Caption string
	// SVG is the drawing, "" when there is nothing to draw; Caption then says why.
	SVG string
	// Wide needs the width of the page; Height is the drawing's, in units of its width of 480 or, when wide, 960.
	Wide   bool
	Height float64
}

// Key is a colour's class and its meaning.
type Key struct{ Class, Text string }

func (r *Report) charts() []Chart {
	return []Chart{r.queue(), r.workers(), r.throughput(), r.cost(), r.durations(), r.gantt()}
}

// since is a time as seconds from the left end of the charts.
func (r *Report) since(t time.Time) float64 { return t.Sub(r.series.From).Seconds() }

func (r *Report) end() float64 { return r.since(r.series.To) }

const noDecisions = "No decision of an autoscaler is kept for this time: nobody sized the fleet, or it was longer ago than decisions are kept."

func (r *Report) queue() Chart {
	out := Chart{Title: "Messages on the queue", Height: chartHeight, Caption: "As the autoscaler saw them at its decisions, of all jobs of the fleet.",
		Keys: []Key{{"c1", "in flight"}, {"c2", "waiting"}, {"c3", "delayed"}}}
	if len(r.series.Fleet) == 0 {
		out.Caption = noDecisions
		return out
	}
	layers := []layer{{class: "c1"}, {class: "c2"}, {class: "c3"}}
	var at []float64
	most := 0.0
	for _, p := range r.series.Fleet {
		at = append(at, r.since(p.At))
		for i, v := range []int64{p.InFlight, p.Visible, p.Delayed} {
			layers[i].values = append(layers[i].values, float64(v))
		}
		most = max(most, float64(p.InFlight+p.Visible+p.Delayed))
	}
	c := newChart("Messages in flight, waiting and delayed over time", r.end(), most)
	c.grid(count)
	c.stacked(at, layers)
	out.SVG = c.close()
	return out
}

func (r *Report) workers() Chart {
	out := Chart{Title: "Workers", Height: chartHeight, Caption: "Bands: waves, from the decision until the last of their workers took work.",
		Keys: []Key{{"c1", "wanted"}, {"c2", "running"}, {"c3 pale", "busy"}, {"wave", "wave"}}}
	if len(r.series.Fleet) == 0 {
		out.Caption = noDecisions
		return out
	}
	var want, running []xy
	busy := layer{class: "c3 pale"}
	var at []float64
	most := 0.0
	for _, p := range r.series.Fleet {
		x := r.since(p.At)
		want, running = append(want, xy{x, float64(p.Want)}), append(running, xy{x, float64(p.Running)})
		at, busy.values = append(at, x), append(busy.values, float64(p.Busy))
		most = max(most, float64(p.Want), float64(p.Running))
	}
	c := newChart("Workers wanted, running and busy over time", r.end(), most)
	for i, w := range r.state.Waves {
		to := w.Complete
		if to.IsZero() && i+1 < len(r.state.Waves) {
			to = r.state.Waves[i+1].At
		} else if to.IsZero() {
			to = r.series.To
		}
		c.band(r.since(w.At), r.since(to), "wave", fmt.Sprintf("wave %s: %d to %d, %d of %d came, %d tasks, %s", w.Name, w.From, w.To, w.Came, w.Asked, w.Tasks, w.Cost.Short()))
	}
	c.grid(count)
	c.stacked(at, []layer{busy})
	c.stairs("c1", want)
	c.stairs("c2", running)
	out.SVG = c.close()
	return out
}

func (r *Report) throughput() Chart {
	out := Chart{Title: "Tasks a second", Height: chartHeight, Keys: []Key{{"c3", "ok"}, {"bad", "failed"}},
		Caption: "From the workers' ledgers, each one's tasks spread evenly over its life."}
	ok, failed := layer{class: "c3"}, layer{class: "bad"}
	var at []float64
	most := 0.0
	for _, p := range r.series.Rates {
		at = append(at, r.since(p.At))
		ok.values, failed.values = append(ok.values, p.OK), append(failed.values, p.Failed)
		most = max(most, p.OK+p.Failed)
	}
	if most == 0 {
		out.Caption = "No worker has settled a task."
		return out
	}
	c := newChart("Tasks settled a second over time", r.end(), most)
	c.grid(short)
	c.stacked(at, []layer{ok, failed})
	out.SVG = c.close()
	return out
}

func (r *Report) cost() Chart {
	m := r.state.Money
	out := Chart{Title: "Cost", Height: chartHeight, Keys: []Key{{"c1", "spent"}}}
	if !m.Known || len(r.series.Cost) == 0 {
		out.Caption = "There is no bill."
		return out
	}
	out.Caption = "Spent adds up to the bill, each worker's part spread evenly over its billed life."
	if m.Local {
		out.Caption += " The workers were processes on somebody's machine: it is what Fargate would have cost."
	}
	most := m.Spent
	if m.Estimate != nil {
		most = max(most, m.Estimate.High)
		out.Keys = append(out.Keys, Key{"estimate", "estimate at submission, low to high"})
		if m.Partial {
			out.Caption += " The tasks' time was not known when it was estimated: the estimate is of requests alone."
		}
	}
	capShown := m.Cap > 0 && m.Cap <= 2*most
	switch {
	case capShown:
		most = max(most, m.Cap)
		out.Keys = append(out.Keys, Key{"bad", "cap"})
	case m.Cap > 0:
		out.Caption += " The cap of " + m.Cap.Short() + " lies far above the chart."
	}
	c := newChart("Money spent over time, with estimate and cap", r.end(), dollars(most)*1.08)
	if e := m.Estimate; e != nil {
		c.printf(`<rect class="estimate" x="%s" y="%s" width="%s" height="%s"/>`, num(left), num(c.y(dollars(e.High))), num(c.width-left-right),
			num(max(1, c.y(dollars(e.Low))-c.y(dollars(e.High)))))
		c.line("likely", []xy{{0, dollars(e.Likely)}, {c.end, dollars(e.Likely)}})
		c.text(c.width-right-4, c.y(dollars(e.High))+13, "end", "estimated "+e.Likely.Short())
	}
	c.grid(func(v float64) string { return "$" + short(v) })
	if capShown {
		c.level(dollars(m.Cap), "bad", "cap "+m.Cap.Short())
	}
	var points []xy
	for _, p := range r.series.Cost {
		points = append(points, xy{r.since(p.At), dollars(p.Spent)})
	}
	c.line("c1", points)
	out.SVG = c.close()
	return out
}

// durations is drawn over the logarithm of the time: a bar is an eighth of a doubling.
func (r *Report) durations() Chart {
	t := r.state.Tails
	out := Chart{Title: "How long a task took", Height: chartHeight, Keys: []Key{{"c2", "tasks"}}}
	if t.Count == 0 || len(t.Buckets) == 0 {
		out.Caption = "No task has been run."
		return out
	}
	out.Caption = fmt.Sprintf("%s tasks, mean %s; half took less than %s, 95 %% less than %s, 99 %% less than %s. Each bar is 9 %% longer than the one before.",
		progress.Count(int(t.Count)), view.Brief(t.Mean), view.Brief(t.P50), view.Brief(t.P95), view.Brief(t.P99))
	if t.Shared {
		out.Caption += " The workers served other jobs, too, whose tasks are in it."
	}
	var most int64
	for _, b := range t.Buckets {
		most = max(most, b.Count)
	}
	c := newChart("Histogram of task durations", float64(len(t.Buckets)), float64(most))
	c.scale(count)
	every := max(1, (len(t.Buckets)+5)/6)
	for i, b := range t.Buckets {
		x := c.x(float64(i))
		if b.Count > 0 {
			c.printf(`<rect class="fill c2" x="%s" y="%s" width="%s" height="%s"><title>%s to %s: %s</title></rect>`, num(x+.5), num(c.y(float64(b.Count))),
				num(max(1, c.x(float64(i+1))-x-1)), num(c.y(0)-c.y(float64(b.Count))), view.Brief(b.From), view.Brief(b.To), progress.Count(int(b.Count)))
		}
		if i%every == 0 {
			anchor := "middle"
			if c.x(float64(i+1)) > c.width-right-16 {
				anchor = "end"
			}
			c.text(c.x(float64(i+1)), c.height-8, anchor, view.Brief(b.To))
		}
	}
	for _, q := range []struct {
		name string
		at   time.Duration
		row  float64
	}{{"50 %", t.P50, 0}, {"95 %", t.P95, 1}, {"99 %", t.P99, 2}} {
		for i, b := range t.Buckets {
			if b.To == q.at {
				c.printf(`<path class="line likely" d="M%s %sV%s"/>`, num(c.x(float64(i+1))), num(top), num(c.y(0)))
				c.text(c.x(float64(i+1))-3, top+10+12*q.row, "end", q.name)
			}
		}
	}
	out.SVG = c.close()
	return out
}

func dollars(p cost.PicoUSD) float64 { return float64(p) / float64(cost.USD) }

func count(v float64) string {
	if v != float64(int64(v)) {
		return short(v)
	}
	return progress.Count(int(v))
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
