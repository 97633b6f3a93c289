package simulate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes the plan for people.
func (p *Plan) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(t, "\ttime P10 – P90\tcompute P10 – P90\tpeak\twaves\tfits\tover bound (time, cost)\t\n")
	for _, l := range p.Lines {
		_, _ = fmt.Fprintf(t, "%s\t%s – %s\t$%.4g – %.4g\t%d\t%d\t%d/%d\t%.2f, %.2f\t\n", l.Mode, Clock(l.Seconds[0]), Clock(l.Seconds[2]),
			l.Dollars[0], l.Dollars[2], l.Peak, l.Waves, l.Fits, l.Runs, l.Time, l.Money)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	base := p.Lines[0]
	var text strings.Builder
	fmt.Fprintf(&text, "\n%d tasks, %.4g hours of work; the best possible: %s, or $%.4g\n", p.Tasks, p.WorkSeconds/3600,
		Clock(p.BoundSeconds), p.BoundDollars)
	for _, r := range p.Remedies {
		fmt.Fprintf(&text, "with %s: %s instead of %s, $%.4g instead of $%.4g\n", r.Limit, Clock(r.Seconds), Clock(base.Seconds[1]), r.Dollars, base.Dollars[1])
	}
	if p.LocalSeconds > 0 {
		text.WriteString("on this machine: " + Clock(p.LocalSeconds))
		if p.Local {
			text.WriteString(", sooner than on AWS: run it locally")
		}
		text.WriteByte('\n')
	}
	if !p.Fits {
		text.WriteString("does not fit: " + p.Why + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
