package report

import (
	"fmt"
	"math"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/view"
)

// maxRows is how many rows of workers can be told apart.
const maxRows = 200

// ganttWidth is that of a drawing as wide as the page.
const ganttWidth = 960.0

func (r *Report) gantt() Chart {
	spans := r.state.Workers.Spans
	out := Chart{Title: "Each worker's life", Wide: true, Keys: []Key{{"start", "starting"}, {"idle", "ready"}, {"c3", "busy with this job"}, {"bad", "lost"}}}
	if len(spans) == 0 {
		out.Caption = "No worker has worked for this job."
		return out
	}
	rows, each := view.LanesOf(spans, maxRows)
	out.Caption = "A row is a worker, in the order of their launch; the part of its height that is filled is the part of its slots' time that it was busy."
	if each > 1 {
		out.Caption = fmt.Sprintf("%d workers, %d to a row, in the order of their launch; the part of a row's height that is filled is the part of their slots' time that they were busy.",
			len(spans), each)
	}
	high := math.Round(min(18, max(3, 600/float64(len(rows)))))
	c := &chart{width: ganttWidth, height: top + high*float64(len(rows)) + bottom, end: max(r.end(), 1e-9), most: 1}
	c.open("The life of each worker over time")
	for t, step := 0.0, niceTime(c.end/8); t <= c.end*1.0001; t += step {
		c.printf(`<path class="grid" d="M%s %sV%s"/>`, num(c.x(t)), num(top), num(c.height-bottom))
	}
	c.times()
	for i, b := range rows {
		r.row(c, b, top+high*float64(i), high)
	}
	out.SVG, out.Height = c.close(), c.height
	return out
}

func (r *Report) row(c *chart, b view.Lane, y, high float64) {
	gap := 1.0
	if high > 6 {
		gap = 2
	}
	launched, ready, end := c.x(r.since(b.Launched)), c.x(r.since(b.Ready)), c.x(r.since(b.End))
	h := high - gap
	c.printf(`<g><title>%s</title>`, escaped(title(b, r.series.From)))
	c.printf(`<rect class="start" x="%s" y="%s" width="%s" height="%s"/>`, num(launched), num(y), num(max(0, ready-launched)), num(h))
	c.printf(`<rect class="idle" x="%s" y="%s" width="%s" height="%s"/>`, num(ready), num(y), num(max(1, end-ready)), num(h))
	c.printf(`<rect class="fill c3" x="%s" y="%s" width="%s" height="%s"/>`, num(ready), num(y+h*(1-b.BusyShare)), num(max(1, end-ready)), num(h*b.BusyShare))
	if b.Lost > 0 {
		c.printf(`<rect class="fill bad" x="%s" y="%s" width="3" height="%s"/>`, num(end-3), num(y), num(h))
	}
	c.printf(`</g>`)
}

func title(b view.Lane, from time.Time) string {
	who := b.Worker
	if b.Workers > 1 {
		who = fmt.Sprintf("%d workers from %s on", b.Workers, b.Worker)
	}
	text := fmt.Sprintf("%s: launched at %s, ready after %s, until %s; %d ok, %d failed, busy %.0f %%, %s", who, offset(b.Launched, from),
		view.Brief(b.Ready.Sub(b.Launched)), offset(b.End, from), b.OK, b.Failed, 100*b.BusyShare, money(b.Cost))
	if b.Lost > 0 {
		text += fmt.Sprintf("; %d ended without a word", b.Lost)
	}
	return text
}

func money(p cost.PicoUSD) string { return p.Short() }

// offset is a time from the charts' left end on: "1:30", "−0:20".
func offset(t, from time.Time) string {
	if d := t.Sub(from); d < 0 {
		return "−" + view.Clock(-d)
	}
	return view.Clock(t.Sub(from))
}
