package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the plan for people.
func (p *Plan) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(t, "\ttime P10 – P90\tcompute P10 – P90\tpeak\twaves\tfits\tover bound (time, cost)\t\n")
	for _, l := range slices.Concat(p.Lines, p.Waits) {
		_, _ = fmt.Fprintf(t, "%s\t%s – %s\t$%.4g – %.4g\t%d\t%d\t%d/%d\t%.2fx, %.2fx\t\n", l.Mode, Clock(l.Seconds[0]), Clock(l.Seconds[2]),
			l.Dollars[0], l.Dollars[2], l.Peak, l.Waves, l.Fits, l.Runs, l.Time, l.Money)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "the best possible: %s, or $%.4g\n", Clock(p.BoundSeconds), p.BoundDollars)
	p.printWaves(&text)
	p.printRemedies(&text)
	if p.LocalSeconds > 0 {
		fmt.Fprintf(&text, "on this machine: %s", Clock(p.LocalSeconds))
		switch {
		case p.LocalSeconds <= p.Lines[0].Seconds[1]:
			text.WriteString(", sooner than on AWS: run it locally")
		case p.Local:
			text.WriteString("; it is less work than the minute that one worker bills at least: run it locally")
		default:
			fmt.Fprintf(&text, ", %.3g times as long as on AWS", p.LocalSeconds/p.Lines[0].Seconds[1])
		}
		text.WriteByte('\n')
	}
	if !p.Fits {
		text.WriteString("does not fit: " + p.Why + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Title says what is planned, and how sure it is.
func (p *Plan) Title() string {
	mean := time.Duration(p.Mean * float64(time.Second))
	text := fmt.Sprintf("%d tasks of %.3g s (cv %.2g), %.4g worker-hours", p.Tasks, mean.Seconds(), p.CV, p.WorkSeconds/3600)
	switch {
	case p.Seen == 0:
		return text + "; the duration is taken as given"
	case p.Seen < enoughDurations:
		return text + fmt.Sprintf("; measured on %d tasks only, which is weak: the ranges allow for it", p.Seen)
	}
	return text + fmt.Sprintf("; measured on %d tasks", p.Seen)
}

// shownWaves is how many waves are printed: an ascent doubles, so these reach thousands.
const shownWaves = 12

func (p *Plan) printWaves(w *strings.Builder) {
	if len(p.Waves) == 0 {
		return
	}
	w.WriteString("waves: ")
	for i, v := range p.Waves {
		if i == shownWaves {
			fmt.Fprintf(w, ", and %d more", len(p.Waves)-i)
			break
		}
		if i > 0 {
			w.WriteString(", ")
		}
		fmt.Fprintf(w, "%d→%d at %s", v.From, v.To, Clock(v.Seconds))
		if v.Binding != "" {
			w.WriteString(" (" + v.Binding + ")")
		}
	}
	fmt.Fprintf(w, "; $%.3g a minute at the peak, then down to zero\n", p.PerMinute)
}

func (p *Plan) printRemedies(w *strings.Builder) {
	base := p.Lines[0]
	for _, r := range p.Remedies {
		mark := ""
		if r.Limit == p.Binding {
			mark = fmt.Sprintf(": this is what binds (%.2g times as fast)", base.Seconds[1]/max(1, r.Seconds))
		}
		fmt.Fprintf(w, "with %s: %s instead of %s, $%.4g instead of $%.4g%s\n", r.Limit, Clock(r.Seconds), Clock(base.Seconds[1]), r.Dollars, base.Dollars[1], mark)
	}
	if p.Binding == "" {
		w.WriteString("no limit binds: start-up and the longest tasks are what takes the time\n")
	}
}
