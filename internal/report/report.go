package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// Format of a report.
type Format string

// The formats.
const (
	HTML     Format = "html"
	Markdown Format = "md"
	SVG      Format = "svg"
)

// Formats lists the formats.
var Formats = []Format{HTML, Markdown, SVG}

// FormatOf is the format that a file's name asks for; false when it asks for none.
func FormatOf(name string) (Format, bool) {
	for _, f := range Formats {
		if strings.HasSuffix(strings.ToLower(name), "."+string(f)) {
			return f, true
		}
	}
	return "", false
}

// Report is a job's state with what a report says beyond it.
type Report struct {
	// Retry is the command that runs the failed tasks again. Default: "starburst retry JOB --failed".
	Retry string

	state     view.State
	series    view.Series
	bill      *bill.Bill
	waves     *bill.WaveReport
	decisions []store.Decision
}

// New makes the report of a look at a job.
func New(in view.Input, s view.State) *Report {
	return &Report{Retry: "starburst retry " + s.Job + " --failed", state: s, series: view.SeriesOf(in, s), bill: in.Bill, waves: in.Waves, decisions: in.Decisions}
}

// Write writes the report in a format.
func (r *Report) Write(w io.Writer, f Format) error {
	switch f {
	case HTML:
		return r.writeHTML(w)
	case Markdown:
		return r.writeMarkdown(w)
	case SVG:
		return r.writeSVG(w)
	}
	return fmt.Errorf("report: %q is no format", f)
}

// stamp writes a time of day for whoever reads it wherever.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// title is what the report is of.
func (r *Report) title() string {
	if r.state.Over() {
		return fmt.Sprintf("%s: job %s", r.state.Handler, r.state.Job)
	}
	return fmt.Sprintf("%s: job %s, not over yet", r.state.Handler, r.state.Job)
}

// facts are what somebody wants to know first, as pairs of a word and a figure.
func (r *Report) facts() [][2]string {
	s := r.state
	var out [][2]string
	say := func(word, format string, args ...any) {
		out = append(out, [2]string{word, fmt.Sprintf(format, args...)})
	}
	t := s.Tasks
	say("tasks", "%s: %s ok, %s failed, %s left", progress.Count(t.Total), progress.Count(t.OK), progress.Count(t.Failed), progress.Count(t.Left))
	switch {
	case s.State == store.Cancelled && s.Why != "":
		say("time", "stopped after %s: %s", view.Clock(s.Ended.Sub(s.Created)), s.Why)
	case s.State == store.Cancelled:
		say("time", "cancelled after %s", view.Clock(s.Ended.Sub(s.Created)))
	case s.Over():
		say("time", "%s from submission to the last result", view.Clock(s.Ended.Sub(s.Created)))
	default:
		say("time", "%s so far", view.Clock(s.At.Sub(s.Created)))
	}
	if s.Pace.ETA != nil {
		say("left", "%s", s.Pace.ETA)
	}
	if s.Pace.PerSecond > 0 {
		say("rate", "%s", progress.Rate(s.Pace.PerSecond))
	}
	if m := s.Money; m.Known {
		text := m.Spent.Short()
		if m.Local {
			text += ", as if on Fargate"
		}
		say("cost", "%s", text)
	}
	say("workers", "%d worked for it", len(s.Workers.Spans))
	if s.Label != "" {
		say("label", "%s", s.Label)
	}
	say("fleet", "%s", s.Fleet)
	say("submitted", "%s", stamp(s.Created))
	say("looked at", "%s", stamp(s.At))
	return out
}

// compared is a figure as it was planned and as it came.
type compared struct{ What, Planned, Actual string }

// plan holds what was expected at submission against what happened.
func (r *Report) plan() []compared {
	if r.bill == nil || r.bill.Forecast == nil || r.bill.Forecast.Estimate == nil {
		return nil
	}
	f, s := r.bill.Forecast, r.state
	e := f.Estimate
	spans := s.Workers.Spans
	actual := view.Clock(s.At.Sub(s.Created)) + " so far"
	if s.Over() {
		actual = view.Clock(s.Ended.Sub(s.Created))
	}
	planned := fmt.Sprintf("%s (%s to %s)", e.Cost.Likely.Short(), e.Cost.Low.Short(), e.Cost.High.Short())
	if e.ComputeUnknown {
		planned += ", without the tasks' time: " + e.PerTaskSecond.Short() + " for each second that a task takes"
	}
	out := []compared{{"cost", planned, s.Money.Spent.Short()}}
	if !e.ComputeUnknown {
		out = append(out, compared{"time", fmt.Sprintf("%s (%s to %s)", view.Clock(e.Elapsed.Likely), view.Clock(e.Elapsed.Low), view.Clock(e.Elapsed.High)), actual},
			compared{"workers", strconv.Itoa(e.Workers), fmt.Sprintf("%d, at most %d at once", len(spans), atOnce(spans))})
	}
	if f.Shape.TaskTime.Known() {
		words := view.Brief(f.Shape.TaskTime.Likely)
		if f.Source != "" {
			words += ", as in " + f.Source
		}
		out = append(out, compared{"a task", words, "mean " + view.Brief(s.Tails.Mean)})
	}
	return out
}

// atOnce is how many of the workers lived at the same time, at most.
func atOnce(spans []view.Span) int {
	most := 0
	for _, a := range spans { // the number only rises when one begins
		n := 0
		for _, b := range spans {
			if !b.Launched.After(a.Launched) && b.End.After(a.Launched) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// maxDecisions is how many of the autoscaler's decisions are told.
const maxDecisions = 200

// step is a decision for people.
type step struct{ At, Change, Binding, Reason string }

// steps are the decisions of the job's time that changed something, or were bound by something else than the one before.
func (r *Report) steps() (out []step, left int) {
	last := "?"
	for _, d := range r.decisions {
		if d.At.Before(r.series.From) || d.At.After(r.series.To) || d.Want == d.Desired && d.Binding == last {
			continue
		}
		last = d.Binding
		if len(out) == maxDecisions {
			left++
			continue
		}
		out = append(out, step{offset(d.At, r.series.From), fmt.Sprintf("%d → %d", d.Desired, d.Want), oneLine(d.Binding, 60), oneLine(d.Reason, 600)})
	}
	return out, left
}

// oneLine makes a line of what somebody may have written into the table.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
