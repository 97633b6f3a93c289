package ui

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

// chartsJSON is the data of a page's drawings, column by column.
type chartsJSON struct {
	Schema string      `json:"schema"`
	Job    string      `json:"job"`
	From   time.Time   `json:"from"`
	To     time.Time   `json:"to"`
	Charts []chartJSON `json:"charts"`
}

// chartJSON is one drawing.
type chartJSON struct {
	ID string `json:"id"`
	// Caption says what to know when reading it, or, when there is no series, why there is nothing to draw.
	Caption string `json:"caption"`
	// Unit of the values: tasks, usd, rate, count. X is in seconds since From, or, where there are Labels, the number of one.
	Unit string    `json:"unit"`
	X    []float64 `json:"x"`
	// Length is the end of the x axis.
	Length float64  `json:"length"`
	Labels []string `json:"labels,omitempty"`
	// Stacked series stand on each other, the first below. Steps keep their value until the next.
	Stacked bool     `json:"stacked,omitempty"`
	Steps   bool     `json:"steps,omitempty"`
	Bars    bool     `json:"bars,omitempty"`
	Series  []series `json:"series"`
	Bands   []band   `json:"bands,omitempty"`
	Levels  []level  `json:"levels,omitempty"`
	Marks   []mark   `json:"marks,omitempty"`
	Range   *span    `json:"range,omitempty"`
}

type series struct {
	Label  string    `json:"label"`
	Class  string    `json:"class"`
	Fill   bool      `json:"fill,omitempty"`
	Values []float64 `json:"values"`
}

// band shades a span of x, level is a line across, mark one upright, span shades between two values.
type band struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Text string  `json:"text"`
}

type level struct {
	At    float64 `json:"at"`
	Class string  `json:"class"`
	Text  string  `json:"text"`
}

type mark struct {
	At   float64 `json:"at"`
	Text string  `json:"text"`
}

type span struct {
	Low    float64 `json:"low"`
	Likely float64 `json:"likely"`
	High   float64 `json:"high"`
	Text   string  `json:"text"`
}

func chartsOf(l look) chartsJSON {
	out := chartsJSON{Schema: "starburst.series/v1", Job: l.State.Job, From: l.Series.From, To: l.Series.To,
		Charts: []chartJSON{queueChart(l), workersChart(l), rateChart(l), costChart(l), durationChart(l.State.Tails)}}
	for i := range out.Charts {
		out.Charts[i].Length = l.since(l.Series.To)
	}
	return out
}

const noDecisions = "No decision of an autoscaler is kept for this time: nobody sized the fleet, or it was longer ago than decisions are kept."

// since is a time as seconds from the left end of the charts.
func (l look) since(t time.Time) float64 { return t.Sub(l.Series.From).Seconds() }

// until repeats the last value at the right end, so that steps reach it.
func (l look) until(c *chartJSON) {
	end := l.since(l.Series.To)
	if n := len(c.X); n == 0 || c.X[n-1] >= end {
		return
	}
	c.X = append(c.X, end)
	for i := range c.Series {
		s := &c.Series[i]
		s.Values = append(s.Values, s.Values[len(s.Values)-1])
	}
}

func queueChart(l look) chartJSON {
	c := chartJSON{ID: "queue", Unit: "messages", Stacked: true, Steps: true, Caption: "As the autoscaler saw them at its decisions, of all jobs of the fleet."}
	if len(l.Series.Fleet) == 0 {
		return chartJSON{ID: c.ID, Caption: noDecisions}
	}
	c.Series = []series{{Label: "in flight", Class: "c1", Fill: true}, {Label: "waiting", Class: "c2", Fill: true}, {Label: "delayed", Class: "c3", Fill: true}}
	for _, p := range l.Series.Fleet {
		c.X = append(c.X, l.since(p.At))
		c.add(float64(p.InFlight), float64(p.Visible), float64(p.Delayed))
	}
	l.until(&c)
	c.Caption += l.rarely()
	return c
}

// rarely is what to know of decisions on this machine: the queue and the fleet may be other ones until the next.
func (l look) rarely() string {
	if !l.State.Money.Local {
		return ""
	}
	return " On this machine a decision is kept only when it changes something."
}

// add appends a value to each series.
func (c *chartJSON) add(values ...float64) {
	for i, v := range values {
		c.Series[i].Values = append(c.Series[i].Values, v)
	}
}

func workersChart(l look) chartJSON {
	c := chartJSON{ID: "workers", Unit: "workers", Steps: true, Caption: "Bands: waves, from the decision until the last of their workers took work."}
	if len(l.Series.Fleet) == 0 {
		return chartJSON{ID: c.ID, Caption: noDecisions}
	}
	c.Series = []series{{Label: "busy", Class: "c3", Fill: true}, {Label: "running", Class: "c2"}, {Label: "wanted", Class: "c1"}}
	for _, p := range l.Series.Fleet {
		c.X = append(c.X, l.since(p.At))
		c.add(float64(p.Busy), float64(p.Running), float64(p.Want))
	}
	l.until(&c)
	c.Caption += l.rarely()
	for i, w := range l.State.Waves {
		to := w.Complete
		if to.IsZero() && i+1 < len(l.State.Waves) {
			to = l.State.Waves[i+1].At
		} else if to.IsZero() {
			to = l.Series.To
		}
		c.Bands = append(c.Bands, band{l.since(w.At), l.since(to), fmt.Sprintf("wave %d → %d", w.From, w.To)})
	}
	return c
}

func rateChart(l look) chartJSON {
	c := chartJSON{ID: "rate", Unit: "tasks a second", Stacked: true, Steps: true, Caption: "From the workers' ledgers, each one's tasks spread evenly over its life.",
		Series: []series{{Label: "ok", Class: "c3", Fill: true}, {Label: "failed", Class: "bad", Fill: true}}}
	some := false
	for _, p := range l.Series.Rates {
		c.X = append(c.X, l.since(p.At))
		c.add(p.OK, p.Failed)
		some = some || p.OK+p.Failed > 0
	}
	if !some {
		return chartJSON{ID: c.ID, Caption: "No worker has settled a task yet."}
	}
	l.until(&c)
	return c
}

func costChart(l look) chartJSON {
	m := l.State.Money
	c := chartJSON{ID: "cost", Unit: "usd", Caption: "Each worker's part is spread evenly over its billed life; it ends at the bill."}
	if !m.Known || len(l.Series.Cost) == 0 {
		return chartJSON{ID: c.ID, Caption: "There is no bill."}
	}
	if m.Local {
		c.Caption += " The workers are processes on somebody's machine: it is what Fargate would have cost."
	}
	c.Series = []series{{Label: "spent", Class: "c1"}}
	for _, p := range l.Series.Cost {
		c.X = append(c.X, l.since(p.At))
		c.add(dollars(p.Spent))
	}
	most := m.Spent
	if e := m.Estimate; e != nil {
		most = max(most, e.High)
		c.Range = &span{dollars(e.Low), dollars(e.Likely), dollars(e.High), "estimate " + e.Likely.Short() + " (" + e.Low.Short() + " to " + e.High.Short() + ")"}
		if m.Partial {
			c.Caption += " The tasks' time was not known when it was estimated: the estimate is of requests alone."
		}
	}
	switch {
	case m.Cap > 0 && m.Cap <= 2*most:
		c.Levels = []level{{dollars(m.Cap), "bad", "cap " + m.Cap.Short()}}
	case m.Cap > 0:
		c.Caption += " The cap of " + m.Cap.Short() + " lies far above the chart."
	}
	return c
}

func durationChart(t view.Tails) chartJSON {
	c := chartJSON{ID: "durations", Unit: "tasks", Bars: true}
	if t.Count == 0 || len(t.Buckets) == 0 {
		c.Caption = "No task has been run yet."
		return c
	}
	c.Caption = fmt.Sprintf("%s tasks, mean %s; half took less than %s, 95 %% less than %s, 99 %% less than %s. Each bar is 9 %% longer than the one before.",
		progress.Count(int(t.Count)), view.Brief(t.Mean), view.Brief(t.P50), view.Brief(t.P95), view.Brief(t.P99))
	if t.Shared {
		c.Caption += " The workers served other jobs, too, whose tasks are in it."
	}
	c.Series = []series{{Label: "tasks", Class: "c2", Fill: true}}
	for i, b := range t.Buckets {
		c.X, c.Labels = append(c.X, float64(i)), append(c.Labels, view.Brief(b.To))
		c.add(float64(b.Count))
	}
	for _, q := range []struct {
		name string
		at   time.Duration
	}{{"p50", t.P50}, {"p95", t.P95}, {"p99", t.P99}} {
		for i, b := range t.Buckets {
			if b.To == q.at {
				c.Marks = append(c.Marks, mark{float64(i) + .5, q.name + " " + view.Brief(q.at)})
			}
		}
	}
	return c
}

func dollars(p cost.PicoUSD) float64 { return float64(p) / float64(cost.USD) }
