package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Formats of a table.
var Formats = []string{"table", "json", "markdown"}

// Print writes the rows in a format. "table" has a line for each policy on each scenario; "markdown" a row for each scenario and a
// column for each policy.
func Print(w io.Writer, format string, rows []Row) error {
	switch format {
	case "table":
		return printTable(w, rows)
	case "json":
		e := json.NewEncoder(w)
		for _, r := range rows {
			if err := e.Encode(r); err != nil {
				return fmt.Errorf("print the rows: %w", err)
			}
		}
		return nil
	case "markdown":
		return printMarkdown(w, rows)
	}
	return fmt.Errorf("%q is no format, want one of %s", format, strings.Join(Formats, ", "))
}

func printTable(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "SCENARIO\tPOLICY\tTIME\t/BOUND\tCOST\t/BOUND\tP95 WAIT\tPEAK\tWAVES\tFLIPS\tKILLED\tLEFT\t")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t$%.4g\t%.2f\t%.1f s\t%.0f\t%.0f\t%.1f\t%.0f\t%d\t\n", r.Scenario, r.Policy, Clock(r.Makespan), r.Time,
			r.Cost, r.Money, r.WaitP95, r.Peak, r.Waves, r.Flips, r.Killed, r.Left)
	}
	return t.Flush() // it keeps the first error
}

// cell is time and money: makespan over its bound, or the wait in seconds where tasks keep coming.
func (r Row) cell() string {
	mark := ""
	if r.Killed >= 1 {
		mark = " †"
	}
	if r.Left > 0 {
		mark += " ‡"
	}
	if r.Online {
		return fmt.Sprintf("%.0f s ÷ %.2f%s", r.WaitP95, r.Money, mark)
	}
	return fmt.Sprintf("%.2f ÷ %.2f%s", r.Time, r.Money, mark)
}

func printMarkdown(w io.Writer, rows []Row) error {
	var scenarios, policies []string
	cells := map[[2]string]string{}
	for _, r := range rows {
		if len(policies) == 0 || r.Scenario == rows[0].Scenario {
			policies = append(policies, r.Policy)
		}
		if len(scenarios) == 0 || scenarios[len(scenarios)-1] != r.Scenario {
			scenarios = append(scenarios, r.Scenario)
		}
		cells[[2]string{r.Scenario, r.Policy}] = r.cell()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | %s |\n|---|%s\n", strings.Join(policies, " | "), strings.Repeat("---|", len(policies)))
	for _, s := range scenarios {
		fmt.Fprintf(&b, "| %s |", s)
		for _, p := range policies {
			fmt.Fprintf(&b, " %s |", cells[[2]string{s, p}])
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
