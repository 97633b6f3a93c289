package simulate

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"math"
)

// Curve is a run to draw, recorded with Options.Trace.
type Curve struct {
	Name   string
	Result *Result
}

// Plot draws workers, waiting tasks and cost over time, as an SVG that stands alone: a panel each, a colour a run.
func Plot(w io.Writer, title string, curves []Curve) error {
	p := &plot{}
	for _, c := range curves {
		p.end = max(p.end, c.Result.End)
	}
	p.end = max(p.end, 1)
	height := plotTop + len(panels)*(panelHeight+panelGap) + 20*len(curves)
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`, plotWidth, height)
	p.printf(`<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="24" font-size="15">%s</text>`, plotLeft, html.EscapeString(title))
	for i, panel := range panels {
		p.panel(panel, plotTop+i*(panelHeight+panelGap), curves)
	}
	y := plotTop + len(panels)*(panelHeight+panelGap) + 14
	for i, c := range curves {
		r := c.Result
		p.printf(`<rect x="%d" y="%d" width="18" height="4" fill="%s"/><text x="%d" y="%d">%s: %s, $%.4f, peak %d workers</text>`, plotLeft, y-5, colour(i),
			plotLeft+26, y, html.EscapeString(c.Name), Clock(r.Makespan), float64(r.Cost)/1e12, r.Peak)
		y += 20
	}
	p.printf(`</svg>`)
	_, err := w.Write(p.buf.Bytes())
	return err
}

const (
	plotWidth, plotLeft, plotRight, plotTop = 800, 70, 20, 40
	panelHeight, panelGap                   = 150, 40
	// steps is the most points a curve is drawn with; more would not be seen.
	steps = 600
)

var panels = []struct {
	title string
	value func(Point) float64
}{
	{"workers that run", func(p Point) float64 { return float64(p.Running) }},
	{"tasks that wait", func(p Point) float64 { return float64(p.Queued) }},
	{"dollars spent", func(p Point) float64 { return float64(p.Spent) / 1e12 }},
}

// colour of the nth run: told apart by people with any colour vision (Okabe and Ito).
func colour(n int) string {
	return []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"}[n%7]
}

type plot struct {
	buf bytes.Buffer
	end float64
}

func (p *plot) printf(format string, args ...any) { fmt.Fprintf(&p.buf, format+"\n", args...) }

func (p *plot) x(t float64) float64 {
	return plotLeft + t/p.end*(plotWidth-plotLeft-plotRight)
}

func (p *plot) panel(panel struct {
	title string
	value func(Point) float64
}, top int, curves []Curve,
) {
	most := 0.0
	for _, c := range curves {
		for _, pt := range c.Result.Series {
			most = max(most, panel.value(pt))
		}
	}
	step := nice(most / 4)
	y := func(v float64) float64 { return float64(top+panelHeight) - v/max(most, step)*panelHeight }
	p.printf(`<text x="%d" y="%d" fill="#444">%s</text>`, plotLeft, top-6, panel.title)
	for v := 0.0; v <= max(most, step)*1.0001; v += step {
		p.printf(`<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#444">%.4g</text>`,
			plotLeft, y(v), plotWidth-plotRight, plotLeft-6, y(v)+4, v)
	}
	for t, step := 0.0, niceTime(p.end/6); t <= p.end*1.0001; t += step {
		p.printf(`<text x="%.1f" y="%d" text-anchor="middle" fill="#444">%s</text>`, p.x(t), top+panelHeight+16, Clock(t))
	}
	for i, c := range curves {
		p.printf(`<path fill="none" stroke="%s" stroke-width="1.5" d="%s"/>`, colour(i), p.path(c.Result.Series, panel.value, y))
	}
}

// path is a staircase through the points, thinned to what can be seen.
func (p *plot) path(series []Point, value func(Point) float64, y func(float64) float64) string {
	var d bytes.Buffer
	every := max(1, len(series)/steps)
	for i, pt := range series {
		if i%every != 0 && i != len(series)-1 {
			continue
		}
		if d.Len() == 0 {
			fmt.Fprintf(&d, "M%.1f %.1f", p.x(pt.Time), y(value(pt)))
			continue
		}
		fmt.Fprintf(&d, "H%.1fV%.1f", p.x(pt.Time), y(value(pt)))
	}
	return d.String()
}

// nice is the next of 1, 2, 5, 10, … from x on.
func nice(x float64) float64 {
	if x <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*ten >= x {
			return f * ten
		}
	}
	return 10 * ten
}

// niceTime is the next round time from x seconds on.
func niceTime(x float64) float64 {
	for _, t := range []float64{1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 6 * 3600, 24 * 3600} {
		if t >= x {
			return t
		}
	}
	return nice(x)
}

// Clock writes seconds as minutes and seconds, or hours: 12:34, 1:02:03.
func Clock(s float64) string {
	n := int(math.Round(s))
	if n < 3600 {
		return fmt.Sprintf("%d:%02d", n/60, n%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}
