package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Places in the drawing of all charts.
const (
	sheetTop  = 50.0
	sheetGap  = 48.0
	sheetHead = 22.0
)

// writeSVG puts all charts into one drawing, two beside each other.
func (r *Report) writeSVG(w io.Writer) error {
	var b bytes.Buffer
	var body strings.Builder
	y, column := sheetTop, 0
	for _, c := range r.charts() {
		if c.Wide && column == 1 {
			y, column = y+chartHeight+sheetGap, 0
		}
		x := float64(column) * chartWidth
		keys := make([]string, len(c.Keys))
		for i, k := range c.Keys {
			keys[i] = fmt.Sprintf(`<tspan class="key %s">■</tspan> %s`, k.Class, escaped(k.Text))
		}
		if c.SVG == "" {
			keys = []string{escaped("nothing to draw")}
		}
		fmt.Fprintf(&body, `<text class="head" x="%s" y="%s">%s <tspan class="keys" dx="10">%s</tspan></text>`+"\n", num(x+14), num(y+14), escaped(c.Title), strings.Join(keys, "  "))
		width, height := chartWidth, chartHeight
		if c.Wide {
			width, height = ganttWidth, c.Height
		}
		if c.SVG != "" {
			place := fmt.Sprintf(`<svg x="%s" y="%s" width="%s" height="%s" `, num(x), num(y+sheetHead), num(width), num(height))
			body.WriteString(place + strings.TrimPrefix(c.SVG, "<svg "))
		}
		if column++; column == 2 || c.Wide {
			y, column = y+height+sheetGap, 0
		}
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s">`+"\n", num(ganttWidth), num(y+10), num(ganttWidth), num(y+10))
	fmt.Fprintf(&b, "<style>\n%s</style>\n", sheetStyle())
	fmt.Fprintf(&b, `<rect class="page" width="100%%" height="100%%"/><text class="title" x="14" y="28">%s</text>`+"\n", escaped(oneLine(r.title(), 90)))
	b.WriteString(body.String())
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// sheetRules are for what only the drawing of all charts has.
const sheetRules = "svg text.title{font-size:18px;fill:var(--ink)}svg text.head{font-size:13px;font-weight:600;fill:var(--ink)}.keys{font-size:11px;font-weight:400;fill:var(--soft)}" +
	"rect.page{fill:var(--page)}.key.c1{fill:var(--c1)}.key.c2{fill:var(--c2)}.key.c3{fill:var(--c3)}.key.bad{fill:var(--bad)}.key.start{fill:var(--start)}.key.idle{fill:var(--idle)}" +
	".key.wave{fill:var(--wave)}.key.estimate{fill:var(--estimate)}.key.pale{opacity:.4}\n"

// How report.css defines a colour, and uses it.
var (
	definition = regexp.MustCompile(`--(\w+):([^;}]+)`)
	use        = regexp.MustCompile(`var\(--(\w+)\)`)
)

// sheetStyle is the page's style without its variables, which programs that draw SVG do not know: the rules with the
// light colours, and again with the dark ones for who prefers them. What sizes drawings by the page around them is left out.
func sheetStyle() string {
	var rules strings.Builder
	var palettes []map[string]string
	for line := range strings.Lines(style + sheetRules) {
		switch {
		case strings.Contains(line, ":root"):
			colours := map[string]string{}
			for _, m := range definition.FindAllStringSubmatch(line, -1) {
				colours[m[1]] = m[2]
			}
			palettes = append(palettes, colours)
		case !strings.HasPrefix(line, "svg{"):
			rules.WriteString(line)
		}
	}
	in := func(colours map[string]string) string {
		return use.ReplaceAllStringFunc(rules.String(), func(v string) string { return colours[use.FindStringSubmatch(v)[1]] })
	}
	return in(palettes[0]) + "@media (prefers-color-scheme:dark){\n" + in(palettes[1]) + "}\n"
}
