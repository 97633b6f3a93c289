package bill

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/cost"
)

// View is by what a bill is divided.
type View string

// The views. Each adds up to the same total.
const (
	ByJob    View = "job"
	ByWave   View = "wave"
	ByWorker View = "worker"
	ByLine   View = "line"
)

// Views lists the views.
var Views = []View{ByJob, ByWave, ByWorker, ByLine}

// Row is one row of a view. Cells belong to Header's columns; Cost is what the row adds to the total.
type Row struct {
	Cells []string
	Cost  cost.PicoUSD
}

// header names the columns of a view, the cost last.
func header(v View, forecast bool) []string {
	switch v {
	case ByJob:
		return []string{"JOB", "TASKS", "WORK", "START-UP", "IDLE", "REQUESTS", "OTHER", "WASTED", "COST"}
	case ByWave:
		return []string{"WAVE", "WORKERS", "COST"}
	case ByWorker:
		return []string{"WORKER", "WAVE", "BILLED", "BUSY", "CPU", "END", "COST"}
	case ByLine:
		if forecast {
			return []string{"LINE", "QUANTITY", "ESTIMATED", "COST"}
		}
	}
	return []string{"LINE", "QUANTITY", "COST"}
}

// Rows are the rows of a view, in the statement's order.
func (b *Bill) Rows(v View) []Row {
	st := b.Statement
	var rows []Row
	add := func(amount cost.PicoUSD, cells ...string) { rows = append(rows, Row{cells, amount}) }
	switch v {
	case ByJob:
		for _, j := range st.Jobs {
			add(j.Total(), j.Job, strconv.FormatInt(j.Tasks, 10), j.Direct.String(), j.Startup.String(), j.Idle.String(),
				j.Requests.String(), j.Other.String(), j.Waste.Total().String())
		}
	case ByWave:
		for _, w := range st.Waves {
			add(w.Cost, w.Wave, strconv.Itoa(w.Workers))
		}
	case ByWorker:
		for _, w := range st.Workers {
			end := "seen"
			switch {
			case w.Name == cost.Elsewhere:
				end = ""
			case w.Estimated:
				end = "estimated"
			}
			add(w.Cost, w.Name, w.Wave, fmt.Sprintf("%d s", w.Bill.Seconds), seconds(w.BusyMS), seconds(w.CPUMS), end)
		}
	case ByLine:
		for _, l := range b.lines() {
			if b.Forecast != nil {
				add(l.Cost, l.ID, l.amount(), l.expected())
			} else {
				add(l.Cost, l.ID, l.amount())
			}
		}
	}
	return rows
}

// line is one priced thing, as it came and as it was expected.
type line struct {
	cost.LineCost
	estimated *cost.Range
}

// lines are the statement's lines, and those that were expected and did not come.
func (b *Bill) lines() []line {
	var out []line
	expected := map[string]cost.EstimatedLine{}
	if b.Forecast != nil {
		for _, l := range b.Forecast.Estimate.Lines {
			expected[l.ID] = l
		}
	}
	for _, l := range b.Statement.Lines {
		one := line{LineCost: l}
		if e, was := expected[l.ID]; was {
			one.estimated = &e.Cost
			delete(expected, l.ID)
		}
		out = append(out, one)
	}
	if b.Forecast != nil {
		for _, e := range b.Forecast.Estimate.Lines {
			if _, left := expected[e.ID]; left {
				out = append(out, line{LineCost: cost.LineCost{ID: e.ID, Unit: e.Unit}, estimated: &e.Cost})
			}
		}
	}
	return out
}

func (l line) expected() string {
	if l.estimated == nil {
		return "-"
	}
	return l.estimated.Short()
}

// amount shows a quantity in the unit that a person thinks in.
func (l line) amount() string {
	q := float64(l.Quantity)
	switch l.Unit {
	case "vCPU-ms":
		return number(q/1000/3600) + " vCPU-h"
	case "MiB-second":
		return number(q/1024/3600) + " GB-h"
	case "GB-second":
		return number(q/3600) + " GB-h"
	case "second":
		return number(q/3600) + " h"
	case "byte":
		return number(q/(1<<30)) + " GB"
	}
	return strconv.FormatInt(l.Quantity, 10)
}

func seconds(ms int64) string { return fmt.Sprintf("%.2f s", float64(ms)/1000) }

// number has four significant digits.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'g', 4, 64)
	if strings.Contains(s, "e") {
		s = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return s
}
