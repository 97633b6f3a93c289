package bill

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Format is how a bill is written.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	// JSONL are the rows of the JSON document, one a line.
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

// Formats lists the formats.
var Formats = []Format{Table, JSON, JSONL, CSV}

// Write writes a view of the bill. Amounts are exact in every format, so that the rows
// of a table add up by hand, too.
func (b *Bill) Write(w io.Writer, f Format, v View) error {
	switch f {
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(b.document(v))
	case JSONL:
		e := json.NewEncoder(w)
		for _, r := range b.documentRows(v) {
			if err := e.Encode(r); err != nil {
				return fmt.Errorf("write the bill: %w", err)
			}
		}
		return nil
	case CSV:
		return b.writeCSV(w, v)
	case Table:
	}
	return b.writeTable(w, v)
}

func (b *Bill) writeCSV(w io.Writer, v View) error {
	out := csv.NewWriter(w)
	names := header(v, b.Forecast != nil)
	for i := range names {
		names[i] = strings.ToLower(strings.ReplaceAll(names[i], "-", "_"))
	}
	names[len(names)-1] = "cost_pico_usd"
	rows := [][]string{names}
	for _, r := range b.Rows(v) {
		rows = append(rows, append(slices.Clone(r.Cells), strconv.FormatInt(int64(r.Cost), 10)))
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write the bill: %w", err)
	}
	return nil
}

func (b *Bill) writeTable(w io.Writer, v View) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0) // Flush has the error of every line
	names := header(v, b.Forecast != nil)
	_, _ = fmt.Fprintln(t, strings.Join(names, "\t"))
	for _, r := range b.Rows(v) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", strings.Join(r.Cells, "\t"), r.Cost)
	}
	_, _ = fmt.Fprintf(t, "TOTAL%s%s\n", strings.Repeat("\t", len(names)-1), b.Statement.Total)
	if err := t.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for _, s := range b.Summary() {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", s[0], s[1])
	}
	return t.Flush()
}

// Summary is what belongs under a bill, as pairs of a word and a sentence.
func (b *Bill) Summary() [][2]string {
	var out [][2]string
	say := func(word, format string, args ...any) {
		out = append(out, [2]string{word, fmt.Sprintf(format, args...)})
	}
	if f := b.Forecast; f != nil {
		text := f.Estimate.Cost.Short()
		if f.Estimate.ComputeUnknown {
			text += fmt.Sprintf(", and %s for each second a task takes", f.Estimate.PerTaskSecond.Short())
		} else if f.Source != "" {
			text += ", tasks as in " + f.Source
		}
		say("estimated", "%s, when it was submitted", text)
	}
	if waste := b.waste(); b.Statement.Wasted > 0 {
		say("wasted", "%s: failed %s, duplicated %s, interrupted %s", b.Statement.Wasted, waste.Failed, waste.Duplicated, waste.Interrupted)
	}
	if b.Bound > 0 {
		say("bound", "%s is the least the work kept can cost (one worker, always busy); this is %.2f times that", b.Bound.Short(), b.Ratio())
	}
	for _, a := range b.Alternatives {
		say("cheaper", "%s: %s, saves %s; %s", a.Name, a.Cost.Short(), a.Saves.Short(), a.Note)
	}
	say("prices", "%s, %s", b.Statement.Region, b.Statement.PriceDate)
	for _, n := range b.Notes {
		say("note", "%s", n)
	}
	return out
}

// waste adds the jobs' up.
func (b *Bill) waste() (sum cost.Waste) {
	for _, j := range b.Statement.Jobs {
		sum.Failed += j.Waste.Failed
		sum.Duplicated += j.Waste.Duplicated
		sum.Interrupted += j.Waste.Interrupted
	}
	return sum
}

// document is the JSON form of a bill. Amounts are in pico-dollars, 10⁻¹² US dollars.
type document struct {
	Schema       string             `json:"schema"`
	Job          string             `json:"job,omitempty"`
	Fleet        string             `json:"fleet"`
	Since        time.Time          `json:"since"`
	By           View               `json:"by"`
	TotalPico    cost.PicoUSD       `json:"total_pico_usd"`
	Total        string             `json:"total_usd"`
	Rows         []row              `json:"rows"`
	Waste        wasteDocument      `json:"waste_pico_usd"`
	BoundPico    cost.PicoUSD       `json:"bound_pico_usd"`
	Ratio        float64            `json:"ratio_to_bound"`
	Forecast     *Forecast          `json:"forecast,omitempty"`
	Alternatives []cost.Alternative `json:"cheaper"`
	Unsettled    int                `json:"unsettled_workers"`
	Region       string             `json:"region"`
	PriceDate    string             `json:"price_date"`
	Notes        []string           `json:"notes,omitempty"`
}

type wasteDocument struct {
	Failed      cost.PicoUSD `json:"failed"`
	Duplicated  cost.PicoUSD `json:"duplicated"`
	Interrupted cost.PicoUSD `json:"interrupted"`
}

// row has its key, and what else the view knows of it.
type row struct {
	Key      string       `json:"key"`
	CostPico cost.PicoUSD `json:"cost_pico_usd"`
	Cost     string       `json:"cost_usd"`
	// Line: what was priced, and what was expected.
	Quantity  *int64      `json:"quantity,omitempty"`
	Unit      string      `json:"unit,omitempty"`
	Estimated *cost.Range `json:"estimated_pico_usd,omitempty"`
	// Job: its parts.
	Parts  map[string]cost.PicoUSD `json:"parts_pico_usd,omitempty"`
	Tasks  *int64                  `json:"tasks,omitempty"`
	BusyMS *int64                  `json:"busy_ms,omitempty"`
	// Worker and wave.
	Wave    string `json:"wave,omitempty"`
	CPUMS   *int64 `json:"cpu_ms,omitempty"`
	Seconds *int64 `json:"billed_seconds,omitempty"`
	Guess   bool   `json:"end_estimated,omitempty"`
	Workers *int   `json:"workers,omitempty"`
}

func (b *Bill) document(v View) document {
	waste := b.waste()
	cheaper := append([]cost.Alternative{}, b.Alternatives...) // [] rather than null
	return document{
		Schema: "starburst.cost/v1", Job: b.Job, Fleet: b.Fleet, Since: b.Since.UTC(), By: v, TotalPico: b.Statement.Total, Total: b.Statement.Total.String(),
		Rows: b.documentRows(v), Waste: wasteDocument{waste.Failed, waste.Duplicated, waste.Interrupted},
		BoundPico: b.Bound, Ratio: b.Ratio(), Forecast: b.Forecast, Alternatives: cheaper, Unsettled: b.Unsettled,
		Region: b.Statement.Region, PriceDate: b.Statement.PriceDate, Notes: b.Notes,
	}
}

func (b *Bill) documentRows(v View) []row {
	rows := []row{}
	add := func(key string, amount cost.PicoUSD, r row) {
		r.Key, r.CostPico, r.Cost = key, amount, amount.String()
		rows = append(rows, r)
	}
	switch v {
	case ByJob:
		for _, j := range b.Statement.Jobs {
			add(j.Job, j.Total(), row{Tasks: &j.Tasks, BusyMS: &j.BusyMS, Parts: map[string]cost.PicoUSD{"work": j.Direct, "start_up": j.Startup,
				"idle": j.Idle, "requests": j.Requests, "other": j.Other, "wasted_of_work": j.Waste.Total()}})
		}
	case ByWave:
		for _, w := range b.Statement.Waves {
			add(w.Wave, w.Cost, row{Workers: &w.Workers})
		}
	case ByWorker:
		for _, w := range b.Statement.Workers {
			add(w.Name, w.Cost, row{Wave: w.Wave, Seconds: &w.Bill.Seconds, BusyMS: &w.BusyMS, CPUMS: &w.CPUMS, Guess: w.Estimated})
		}
	case ByLine:
		for _, l := range b.lines() {
			add(l.ID, l.Cost, row{Quantity: &l.Quantity, Unit: l.Unit, Estimated: l.estimated})
		}
	}
	return rows
}
