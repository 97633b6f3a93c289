package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

// plain takes the meaning from what Markdown, or the HTML in it, would understand; the text becomes one line.
func plain(s string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(printable(s)), " ") {
		switch {
		case r == '&':
			b.WriteString("&amp;")
			continue
		case r == '<':
			b.WriteString("&lt;")
			continue
		case strings.ContainsRune("\\`*_{}[]>#|!~", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code indents lines, which no line can end.
func code(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ") + "\n"
}

func (r *Report) writeMarkdown(w io.Writer) error {
	var b bytes.Buffer
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = plain(cells[i])
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	head := func(cells ...string) {
		row(cells...)
		fmt.Fprintf(&b, "|%s\n", strings.Repeat(" --- |", len(cells)))
	}
	fmt.Fprintf(&b, "# %s\n\n", plain(r.title()))
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "- **%s**: %s\n", f[0], plain(f[1]))
	}
	if t := r.state.Tails; t.Count > 0 {
		fmt.Fprintf(&b, "- **a task**: mean %s, half below %s, 95 %% below %s, 99 %% below %s\n", view.Brief(t.Mean), view.Brief(t.P50), view.Brief(t.P95), view.Brief(t.P99))
	}
	if plan := r.plan(); len(plan) > 0 {
		b.WriteString("\n## The plan, and what happened\n\n")
		head("what", "expected at submission", "came")
		for _, c := range plan {
			row(c.What, c.Planned, c.Actual)
		}
	}
	if len(r.state.Waves) > 0 {
		b.WriteString("\n## Waves\n\n")
		head("wave", "size", "asked", "came", "tasks", "cost", "bound by")
		for _, l := range r.state.Waves {
			row(l.Name, fmt.Sprintf("%d → %d", l.From, l.To), strconv.Itoa(l.Asked), strconv.Itoa(l.Came), strconv.FormatInt(l.Tasks, 10), l.Cost.Short(), l.Binding)
		}
	}
	r.markdownFailures(&b)
	if steps, left := r.steps(); len(steps) > 0 {
		b.WriteString("\n## The autoscaler's decisions\n\n")
		head("at", "workers", "bound by", "because")
		for _, s := range steps {
			row(s.At, s.Change, s.Binding, s.Reason)
		}
		if left > 0 {
			fmt.Fprintf(&b, "\nAnd %d more.\n", left)
		}
	}
	if r.bill != nil && r.bill.Statement != nil {
		var table bytes.Buffer
		if err := r.bill.Write(&table, bill.Table, bill.ByLine); err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n## The bill\n\n%s", code(table.String()))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Report) markdownFailures(b *bytes.Buffer) {
	f := r.state.Failures
	if len(f.Groups) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Failures\n\n%s tasks failed. To run them again:\n\n%s\n", progress.Count(r.state.Tasks.Failed), code(r.Retry))
	for _, g := range f.Groups {
		fmt.Fprintf(b, "- %d × **%s**: %s (task %d, after %d attempts)\n", g.Count, plain(g.Kind), plain(g.Message), g.Index, g.Attempts)
	}
	if f.Others > 0 {
		fmt.Fprintf(b, "- %d more in other ways\n", f.Others)
	}
}
