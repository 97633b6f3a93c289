package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/store"
)

// scaleSettings is the JSON form of what was set.
type scaleSettings struct {
	Paused     bool       `json:"paused"`
	Min        int        `json:"min,omitempty"`
	Max        *int       `json:"max,omitempty"`
	Mode       string     `json:"mode,omitempty"`
	Efficiency float64    `json:"efficiency,omitempty"`
	Deadline   *time.Time `json:"deadline,omitempty"`
	Budget     string     `json:"budget,omitempty"`
	Value      string     `json:"value_per_hour,omitempty"`
	By         string     `json:"by,omitempty"`
	At         *time.Time `json:"at,omitempty"`
	Why        string     `json:"why,omitempty"`
}

func settingsOf(x store.Scale) scaleSettings {
	s := scaleSettings{Paused: x.Hold, Min: x.Min, Mode: x.Mode, Efficiency: x.Efficiency, By: x.By, Why: x.Why}
	if x.SetMax {
		s.Max = &x.Max
	}
	if !x.Deadline.IsZero() {
		s.Deadline = &x.Deadline
	}
	if !x.At.IsZero() {
		s.At = &x.At
	}
	if x.BudgetPico > 0 {
		s.Budget = cost.PicoUSD(x.BudgetPico).String()
	}
	if x.ValuePico > 0 {
		s.Value = cost.PicoUSD(x.ValuePico).String()
	}
	return s
}

// printScale writes what was set, one line.
func printScale(w io.Writer, fleet string, x store.Scale) error {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if x.Hold {
		add("paused")
	}
	if x.SetMax {
		add("max %d", x.Max)
	}
	if x.Min > 0 {
		add("min %d", x.Min)
	}
	if x.Mode != "" {
		add("mode %s", x.Mode)
	}
	if x.Efficiency > 0 {
		add("efficiency %v", x.Efficiency)
	}
	if !x.Deadline.IsZero() {
		add("deadline %s", x.Deadline.Format(time.RFC3339))
	}
	if x.BudgetPico > 0 {
		add("budget %s", cost.PicoUSD(x.BudgetPico).Short())
	}
	if x.ValuePico > 0 {
		add("%s an hour of waiting", cost.PicoUSD(x.ValuePico).Short())
	}
	text := cmp.Or(strings.Join(parts, ", "), "nothing set: as the autoscaler was started")
	if x.By != "" && len(parts) > 0 {
		text += fmt.Sprintf(" (by %s at %s", x.By, x.At.Local().Format(time.DateTime))
		if x.Why != "" {
			text += ": " + oneLine(x.Why)
		}
		text += ")"
	}
	_, err := fmt.Fprintf(w, "fleet %s: %s\n", fleet, text)
	return err
}

// decisionLine is the JSON form of a decision.
type decisionLine struct {
	At      time.Time `json:"at"`
	Seq     int64     `json:"seq"`
	Wave    int64     `json:"wave"`
	From    int       `json:"from"`
	Want    int       `json:"want"`
	Running int       `json:"running"`
	Pending int       `json:"pending"`
	Busy    int       `json:"busy"`
	Backlog int64     `json:"backlog"`
	Visible int64     `json:"visible"`
	Flight  int64     `json:"in_flight"`
	Delayed int64     `json:"delayed"`
	Spent   string    `json:"spent"`
	Binding string    `json:"binding"`
	Meaning string    `json:"meaning"`
	Reason  string    `json:"reason"`
}

func decisionOf(d store.Decision) decisionLine {
	return decisionLine{
		At: d.At.UTC(), Seq: d.Seq, Wave: d.Wave, From: d.Desired, Want: d.Want, Running: d.Running, Pending: d.Pending, Busy: d.Busy,
		Backlog: d.Backlog, Visible: d.Visible, Flight: d.InFlight, Delayed: d.Delayed, Spent: cost.PicoUSD(d.SpentPico).String(),
		Binding: d.Binding, Meaning: meaning(autoscale.Binding(d.Binding)), Reason: d.Reason,
	}
}

// meaning says what a binding means to who reads it.
func meaning(b autoscale.Binding) string {
	for _, m := range []struct {
		binding autoscale.Binding
		text    string
	}{
		{autoscale.BindMax, "the largest number of workers: scale set --max"},
		{autoscale.BindMin, "the least number of workers: scale set --min"},
		{autoscale.BindPaused, "somebody has paused it: scale resume"},
		{autoscale.BindTasks, "no more tasks than those workers have slots"},
		{autoscale.BindMessages, "no more messages to receive: smaller chunks would spread the tasks wider"},
		{autoscale.BindWave, "the next doubling is to come: half of this wave first"},
		{autoscale.BindStuck, "launched workers do not arrive: see the events of the ECS service"},
		{autoscale.BindIdle, "nothing is left, but not for long enough to be sure"},
		{autoscale.BindStranded, "ledgers name tasks that the queue does not hold: starburst status"},
		{autoscale.BindHold, "what was seen cannot be believed, so nothing is changed"},
		{autoscale.BindStop, "it was told to stop"},
		{autoscale.BindGoal, "more workers would not be worth their price in this mode: scale set --mode or --efficiency"},
		{autoscale.BindQuota, "the vCPU quota: starburst quota"},
		{autoscale.BindAddresses, "the free addresses of the subnets: larger or more subnets"},
		{autoscale.BindRate, "more could not arrive in time: ECS's launch rate"},
		{autoscale.BindBudget, "the money: scale set --budget, or the caps of the stack and the job"},
		{autoscale.BindCrash, "workers fail as they start: see the events of the ECS service"},
		{autoscale.BindProgress, "workers are busy and nothing gets done: starburst status"},
		{autoscale.BindWait, "too little work for a worker, and it may wait"},
	} {
		if m.binding == b {
			return m.text
		}
	}
	return "no limit: it is all that is wanted"
}

// scaleState is the JSON form of scale show.
type scaleState struct {
	Fleet    string        `json:"fleet"`
	Set      scaleSettings `json:"set"`
	LeaderAt *time.Time    `json:"leader_at,omitempty"`
	Alive    bool          `json:"leader_alive"`
	Last     *decisionLine `json:"last,omitempty"`
}

// leaderSilent is after how long an autoscaler that says nothing is taken to be gone: it is heard of every 30 s.
const leaderSilent = 90 * time.Second

func scaleShow(ctx context.Context, c *cli.Context, s *burst.Session) error {
	fleet, now := s.Stack().Fleet, time.Now()
	control, err := s.Store().Control(ctx, fleet)
	if err != nil {
		return err
	}
	last, err := lastDecisions(ctx, s, now.Add(-24*time.Hour), now, 1, false)
	if err != nil {
		return err
	}
	state := scaleState{Fleet: fleet, Set: settingsOf(control.Scale), Alive: now.Sub(control.LeaderAt) < leaderSilent}
	if !control.LeaderAt.IsZero() {
		state.LeaderAt = &control.LeaderAt
	}
	if len(last) > 0 {
		d := decisionOf(last[0])
		state.Last = &d
	}
	if isJSON(c) {
		return printDocument(c, "scale", state)
	}
	if err := printScale(c.App.Writer, fleet, control.Scale); err != nil {
		return err
	}
	w := c.App.Writer
	switch {
	case state.LeaderAt == nil:
		_, err = fmt.Fprintln(w, "no autoscaler has led this fleet yet")
	case !state.Alive:
		_, err = fmt.Fprintf(w, "no autoscaler leads this fleet: the last one was heard of %s ago\n", short(now.Sub(control.LeaderAt)))
	}
	if err != nil || state.Last == nil {
		return err
	}
	return printDecisions(w, last)
}

func scaleExplain(ctx context.Context, c *cli.Context, s *burst.Session) error {
	options, err := listOptions(c, decisionList())
	if err != nil {
		return err
	}
	now := time.Now()
	last, err := lastDecisions(ctx, s, now.Add(-c.Duration("since")), now, max(1, c.Int("n")), c.Bool("changes"))
	if err != nil {
		return err
	}
	if options.Format != listing.Table || options.Columns != nil || options.NoHeaders {
		lines := make([]decisionLine, len(last))
		for i, d := range last {
			lines[i] = decisionOf(d)
		}
		_, err := decisionList().Write(c.App.Writer, options, all(lines))
		return err
	}
	if len(last) == 0 {
		_, err := fmt.Fprintf(c.App.Writer, "no decision of fleet %s in the last %s\n", s.Stack().Fleet, c.Duration("since"))
		return err
	}
	return printDecisions(c.App.Writer, last)
}

func decisionList() listing.List[decisionLine] {
	type line = decisionLine
	count := func(name string, wide bool, of func(line) int64) listing.Column[line] {
		return listing.Column[line]{Name: name, Wide: wide, Cell: func(l line) string { return strconv.FormatInt(of(l), 10) }}
	}
	return listing.List[line]{Schema: "starburst.decisions/v1", Columns: []listing.Column[line]{
		{Name: "at", Cell: func(l line) string { return localTime(l.At) }, Raw: func(l line) string { return rawTime(l.At) }},
		count("from", false, func(l line) int64 { return int64(l.From) }), count("want", false, func(l line) int64 { return int64(l.Want) }),
		count("running", true, func(l line) int64 { return int64(l.Running) }), count("pending", true, func(l line) int64 { return int64(l.Pending) }),
		count("busy", true, func(l line) int64 { return int64(l.Busy) }), count("backlog", false, func(l line) int64 { return l.Backlog }),
		count("visible", true, func(l line) int64 { return l.Visible }), count("in_flight", true, func(l line) int64 { return l.Flight }),
		count("delayed", true, func(l line) int64 { return l.Delayed }), count("wave", true, func(l line) int64 { return l.Wave }),
		{Name: "spent", Wide: true, Cell: func(l line) string { return l.Spent }},
		{Name: "bound_by", Cell: func(l line) string { return l.Binding }},
		{Name: "reason", Cell: func(l line) string { return l.Reason }},
	}}
}

// lastDecisions are the newest n, the oldest of them first.
func lastDecisions(ctx context.Context, s *burst.Session, from, to time.Time, n int, changes bool) ([]store.Decision, error) {
	var last []store.Decision
	for d, err := range s.Store().Decisions(ctx, s.Stack().Fleet, from, to.Add(time.Second)) {
		if err != nil {
			return nil, err
		}
		if changes && d.Want == d.Desired {
			continue
		}
		if last = append(last, d); len(last) > n {
			last = last[1:]
		}
	}
	return last, nil
}

// printDecisions writes each with its limit and its figures.
func printDecisions(w io.Writer, all []store.Decision) error {
	for _, d := range all {
		l := decisionOf(d)
		if _, err := fmt.Fprintf(w, "%s  %d→%d, bound by %s: %s\n    %s\n", d.At.Local().Format(time.DateTime), l.From, l.Want,
			cmp.Or(l.Binding, "nothing"), l.Meaning, oneLineOf(l.Reason, maxReason)); err != nil {
			return err
		}
	}
	return nil
}

// maxReason is where a reason is cut: the longest that are made have three hundred runes.
const maxReason = 1000

// oneLineOf makes a line of what somebody may have written into the table.
func oneLineOf(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
