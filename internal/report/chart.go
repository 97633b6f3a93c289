package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/starburst-go/starburst/internal/view"
)

// Sizes of a chart, in the units of its view box. It is narrow so that its words can be read on a phone.
const (
	chartWidth, chartHeight = 480.0, 220.0
	left, right             = 52.0, 12.0
	top, bottom             = 14.0, 26.0
)

// chart draws into one SVG with two axes from zero.
type chart struct {
	buf           bytes.Buffer
	width, height float64
	// end and most are the largest values of x and y.
	end, most float64
}

// newChart begins a chart; label is what a screen reader says of it.
func newChart(label string, end, most float64) *chart {
	c := &chart{width: chartWidth, height: chartHeight, end: max(end, 1e-9), most: most}
	if c.most <= 0 {
		c.most = 1
	}
	c.open(label)
	return c
}

func (c *chart) open(label string) {
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">`, num(c.width), num(c.height), escaped(label))
}

func (c *chart) close() string {
	c.printf(`</svg>`)
	return c.buf.String()
}

func (c *chart) printf(format string, args ...any) { fmt.Fprintf(&c.buf, format+"\n", args...) }

// printable drops what only steers: control characters, those that turn the direction of writing, and broken UTF-8.
// XML has no place for them, however they are escaped.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

// escaped makes text for XML of anybody's words.
func escaped(s string) string { return html.EscapeString(printable(s)) }

// num writes a coordinate, to a tenth.
func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func (c *chart) x(v float64) float64 {
	return left + min(max(v/c.end, 0), 1)*(c.width-left-right)
}

func (c *chart) y(v float64) float64 {
	return c.height - bottom - min(max(v/c.most, 0), 1)*(c.height-top-bottom)
}

// grid draws lines across for y, and times below for x.
func (c *chart) grid(label func(float64) string) {
	c.scale(label)
	c.times()
}

// scale draws the lines across.
func (c *chart) scale(label func(float64) string) {
	step := nice(c.most / 5)
	for n := 0.0; n*step <= c.most*1.0001; n++ {
		y := c.y(n * step)
		c.printf(`<path class="grid" d="M%s %sH%s"/>`, num(left), num(y), num(c.width-right))
		c.text(left-6, y+4, "end", label(n*step))
	}
}

func (c *chart) times() {
	for t, step := 0.0, niceTime(c.end/5); t <= c.end*1.0001; t += step {
		anchor := "middle"
		if c.x(t) > c.width-right-16 {
			anchor = "end"
		}
		c.text(c.x(t), c.height-8, anchor, view.Clock(time.Duration(t*float64(time.Second))))
	}
}

// text writes words, which may be anybody's.
func (c *chart) text(x, y float64, anchor, words string) {
	c.printf(`<text x="%s" y="%s" text-anchor="%s">%s</text>`, num(x), num(y), anchor, escaped(words))
}

// xy is a point in the chart's own units.
type xy struct{ x, y float64 }

// stairs is a path that keeps each value until the next, and the last one until the end.
func (c *chart) stairs(class string, points []xy) {
	if len(points) > 0 {
		c.printf(`<path class="line %s" d="%s"/>`, class, c.stairsPath(points))
	}
}

func (c *chart) stairsPath(points []xy) string {
	var d strings.Builder
	fmt.Fprintf(&d, "M%s %s", num(c.x(points[0].x)), num(c.y(points[0].y)))
	for _, p := range points[1:] {
		fmt.Fprintf(&d, "H%sV%s", num(c.x(p.x)), num(c.y(p.y)))
	}
	fmt.Fprintf(&d, "H%s", num(c.x(c.end)))
	return d.String()
}

// line is a path from point to point.
func (c *chart) line(class string, points []xy) {
	var d strings.Builder
	for i, p := range points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", verb, num(c.x(p.x)), num(c.y(p.y)))
	}
	if d.Len() > 0 {
		c.printf(`<path class="line %s" d="%s"/>`, class, d.String())
	}
}

// stacked fills staircases on top of each other; each layer is drawn down to zero, the highest first.
func (c *chart) stacked(at []float64, layers []layer) {
	sums := make([]float64, len(at))
	for _, l := range layers {
		for i := range sums {
			sums[i] += l.values[i]
		}
	}
	for n := len(layers) - 1; n >= 0 && len(at) > 0; n-- {
		points := make([]xy, len(at))
		for i := range at {
			points[i] = xy{at[i], sums[i]}
			sums[i] -= layers[n].values[i]
		}
		c.printf(`<path class="fill %s" d="%sV%sH%sZ"/>`, layers[n].class, c.stairsPath(points), num(c.y(0)), num(c.x(points[0].x)))
	}
}

type layer struct {
	class  string
	values []float64
}

// band shades a span of x, with a title that is shown when somebody points at it.
func (c *chart) band(from, to float64, class, title string) {
	c.printf(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, class, num(c.x(from)), num(top),
		num(max(1, c.x(to)-c.x(from))), num(c.height-top-bottom), escaped(title))
}

// level draws a line across at a value, with words above its left end.
func (c *chart) level(v float64, class, words string) {
	c.printf(`<path class="line %s" d="M%s %sH%s"/>`, class, num(left), num(c.y(v)), num(c.width-right))
	c.text(left+4, c.y(v)-4, "start", words)
}

// nice is the next of 1, 2, 5, 10, … from x on.
func nice(x float64) float64 {
	if x <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*ten >= x*0.9999 {
			return f * ten
		}
	}
	return 10 * ten
}

// niceTime is the next round number of seconds from x on.
func niceTime(x float64) float64 {
	for _, t := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 6 * 3600, 24 * 3600} {
		if t >= x {
			return t
		}
	}
	return nice(x/86400) * 86400
}
