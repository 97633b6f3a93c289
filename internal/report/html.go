package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

//go:embed report.css
var style string

//go:embed report.html.tmpl
var page string

// htmlPage is what the template is filled in with.
type htmlPage struct {
	Title     string
	Style     template.CSS
	Facts     [][2]string
	Charts    []htmlChart
	Plan      []compared
	Waves     []bill.WaveLine
	Failures  view.Failures
	Failed    string
	Retry     string
	Steps     []step
	StepsLeft int
	Bill      *htmlBill
}

type htmlChart struct {
	Chart
	Drawing template.HTML
}

type htmlBill struct {
	Estimated bool
	Rows      []bill.Row
	Total     string
	Summary   [][2]string
}

func (r *Report) writeHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{"brief": view.Brief}).Parse(page)
	if err != nil {
		return fmt.Errorf("report: its template: %w", err)
	}
	p := htmlPage{Title: r.title(), Style: template.CSS(style), Facts: r.facts(), Plan: r.plan(), Waves: r.waveLines(), //nolint:gosec // our own file
		Failures: r.state.Failures, Failed: progress.Count(r.state.Tasks.Failed), Retry: r.Retry, Bill: r.html()}
	p.Steps, p.StepsLeft = r.steps()
	for _, c := range r.charts() {
		p.Charts = append(p.Charts, htmlChart{c, template.HTML(c.SVG)}) //nolint:gosec // chart.text and title escape what is not ours
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return fmt.Errorf("report: fill in the template: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// waveLines are the waves with bindings that can be shown.
func (r *Report) waveLines() []bill.WaveLine {
	if r.waves == nil {
		return nil
	}
	lines := slices.Clone(r.waves.Waves)
	for i := range lines {
		lines[i].Binding = oneLine(lines[i].Binding, 60)
	}
	return lines
}

// html is the bill for the template; nil without one.
func (r *Report) html() *htmlBill {
	if r.bill == nil || r.bill.Statement == nil {
		return nil
	}
	return &htmlBill{Estimated: r.bill.Forecast != nil, Rows: r.bill.Rows(bill.ByLine), Total: r.bill.Statement.Total.String(), Summary: r.bill.Summary()}
}
