package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

// Line is a state in one line, for logs.
func Line(s State) string {
	parts := []string{fmt.Sprintf("%d %%", s.Tasks.Percent()), progress.Count(s.Tasks.Done()) + "/" + progress.Count(s.Tasks.Total)}
	if n := s.Tasks.Failed; n > 0 {
		parts = append(parts, progress.Count(n)+" failed")
	}
	if s.Over() {
		parts = append(parts, endWord(s)+" after "+Clock(s.Ended.Sub(s.Created)))
	} else {
		if s.Pace.PerSecond > 0 {
			parts = append(parts, progress.Rate(s.Pace.PerSecond))
		}
		if s.Pace.ETA != nil {
			parts = append(parts, "ETA "+s.Pace.ETA.String())
		}
		w := s.Workers
		parts = append(parts, fmt.Sprintf("workers %d busy, %d idle, %d starting", w.Busy, w.Idle, w.Starting))
	}
	if s.Money.Known {
		parts = append(parts, moneyText(s.Money, s.Over()))
	}
	return clean(s.Handler, 100) + ": " + strings.Join(parts, "  ")
}

// Widths of the screen, in characters.
const (
	barWidth  = 30
	wordWidth = 9 // of the word that a row begins with
	maxHead   = 60
)

// maxWaves and maxFailsShown are how many the screen has room for.
const (
	maxWaves      = 4
	maxFailsShown = 4
)

// wordFailed begins the row of failed tasks.
const wordFailed = "failed"

// Screen is a state in lines, for a terminal of so many columns: what people want to know first comes first. Figures that
// do not fit go on in the next line.
func Screen(s State, columns int) []string {
	out := []string{headRow(s, columns)}
	row := func(word, text string) { out = append(out, fold(word, text, columns)...) }
	if s.Why != "" {
		row("because", strings.Join(strings.Fields(clean(s.Why, 200)), " "))
	}
	out = append(out, barRow(s.Tasks))
	if s.Tasks.Enqueued < s.Tasks.Total {
		row("sent", progress.Count(s.Tasks.Enqueued)+" of "+progress.Count(s.Tasks.Total))
	}
	row(paceText(s))
	row("workers", workersText(s.Workers))
	if s.Money.Known {
		row("money", moneyText(s.Money, s.Over()))
	}
	out = append(out, failureRows(s)...)
	if t := s.Tails; t.Count > 0 {
		row("a task", tailsText(t))
	}
	// On this machine decisions are kept only when they change something: the queue would be as it was then.
	if q := s.Queue; !q.At.IsZero() && !s.Over() && !s.Money.Local {
		row("queue", fmt.Sprintf("%s waiting, %s in flight, %s delayed, %s ago", progress.Count(int(q.Visible)), progress.Count(int(q.InFlight)), progress.Count(int(q.Delayed)), Brief(max(0, s.At.Sub(q.At)))))
	}
	return append(out, waveRows(s.Waves)...)
}

// headRow is what the job is and, on the right, its id and for how long it has been there.
func headRow(s State, columns int) string {
	right := s.Job + "  " + Clock(s.At.Sub(s.Created))
	if s.Over() {
		right = s.Job + "  " + endWord(s) + " after " + Clock(s.Ended.Sub(s.Created))
	}
	left := clean(s.Handler, 100)
	if s.Label != "" {
		left += "  " + strings.Join(strings.Fields(clean(s.Label, 200)), " ")
	}
	room := max(columns-len([]rune(right))-3, 20)
	if r := []rune(left); len(r) > room {
		left = string(r[:room-1]) + "…"
	}
	return fmt.Sprintf("%-*s  %s", min(room, maxHead), left, right)
}

// fold is a row, broken behind its commas where it is longer than there is room for.
func fold(word, text string, columns int) (out []string) {
	for columns > 2*wordWidth && wordWidth+len([]rune(text)) >= columns {
		fits := string([]rune(text)[:columns-wordWidth])
		end := strings.LastIndex(fits, ", ")
		if end < 0 {
			break // a line that is cut says more than one that is broken anywhere
		}
		out = append(out, fmt.Sprintf("%-*s%s", wordWidth, word, text[:end+1]))
		word, text = "", text[end+2:]
	}
	return append(out, fmt.Sprintf("%-*s%s", wordWidth, word, text))
}

func barRow(t Tasks) string {
	full := 0
	if t.Total > 0 {
		full = t.Done() * barWidth / t.Total
	}
	return fmt.Sprintf("%*s%s%s  %d %%  %s of %s", wordWidth, "", strings.Repeat("━", full), strings.Repeat("─", barWidth-full), t.Percent(), progress.Count(t.Done()), progress.Count(t.Total))
}

// Cost is what a job has cost so far, after what is said of it; "" when that is not known.
func Cost(s State) string {
	if !s.Money.Known || len(s.Workers.Spans) == 0 {
		return ""
	}
	return ", cost " + moneyText(s.Money, s.Over())
}

// Summary is a job that is over in one line.
func Summary(s State) string {
	took := s.Ended.Sub(s.Created)
	text := Brief(took)
	if took >= 2*time.Minute {
		text = Clock(took)
	}
	parts := []string{fmt.Sprintf("%s tasks %s in %s", progress.Count(s.Tasks.Total), endWord(s), text)}
	if s.Tasks.Total == 1 {
		parts[0] = "1 task" + strings.TrimPrefix(parts[0], "1 tasks")
	}
	if n := s.Tasks.Failed; n > 0 {
		parts = append(parts, progress.Count(n)+" failed")
	}
	if s.Money.Known && s.Workers.settled() > int64(s.Tasks.Done()/2) { // right after the last result some have not told
		parts = append(parts, "about "+moneyText(s.Money, true))
	}
	return clean(s.Handler, 100) + ": " + strings.Join(parts, ", ")
}

func endWord(s State) string {
	if s.State == store.Cancelled {
		return "cancelled"
	}
	return "done"
}

// paceText is how long it will take, or took, and how fast it goes, with the word that fits.
func paceText(s State) (word, text string) {
	p := s.Pace
	rate := "not known yet"
	switch {
	case p.PerSecond > 0 && s.Over():
		rate = progress.Rate(p.PerSecond) + " from beginning to end"
	case p.PerSecond > 0 && p.Over > 0:
		rate = progress.Rate(p.PerSecond) + " in the last " + Brief(p.Over)
	case p.PerSecond > 0:
		rate = progress.Rate(p.PerSecond) + " expected of the busy slots"
	}
	if p.ETA != nil {
		return "left", p.ETA.String() + ", at " + rate
	}
	return "rate", rate
}

// String says the time left and between what it lies: "2:10 (1:50 to 3:00)".
func (e ETA) String() string {
	if e.High == 0 {
		return Clock(e.Likely) + " (at least " + Clock(e.Low) + ")"
	}
	return Clock(e.Likely) + " (" + Clock(e.Low) + " to " + Clock(e.High) + ")"
}

func tailsText(t Tails) string {
	text := fmt.Sprintf("mean %s, half below %s, 95 %% below %s, 99 %% below %s", Brief(t.Mean), Brief(t.P50), Brief(t.P95), Brief(t.P99))
	if t.Shared {
		text += ", other jobs of the same workers included"
	}
	return text
}

func workersText(w Workers) string {
	if w.Desired+w.Starting+w.Alive()+w.Gone == 0 {
		return "none yet"
	}
	text := fmt.Sprintf("%d busy, %d idle, %d starting", w.Busy, w.Idle, w.Starting)
	if w.Desired > 0 {
		text += fmt.Sprintf(", %d wanted", w.Desired)
	}
	if w.Gone > 0 {
		text += fmt.Sprintf(", %d gone", w.Gone)
	}
	if w.Silent > 0 {
		text += fmt.Sprintf(" (%d without a word)", w.Silent)
	}
	return text
}

// waveRows has the last waves: those before did their part.
func waveRows(waves []Wave) (out []string) {
	skipped := max(0, len(waves)-maxWaves)
	for i, w := range waves[skipped:] {
		word := ""
		if i == 0 {
			word = "waves"
		}
		text := fmt.Sprintf("%d→%d at %s: %d of %d came, %s tasks, %s", w.From, w.To, w.At.Local().Format("15:04:05"), w.Came, w.Asked, progress.Count(int(w.Tasks)), w.Cost.Short())
		if i == 0 && skipped > 0 {
			text += fmt.Sprintf("  (and %d before)", skipped)
		}
		out = append(out, fmt.Sprintf("%-9s%s", word, text))
	}
	return out
}

func failureRows(s State) (out []string) {
	if s.Tasks.Failed == 0 {
		return nil
	}
	text := progress.Count(s.Tasks.Failed)
	if s.Tasks.Retrying > 0 {
		text += fmt.Sprintf(", %s of them are being run again", progress.Count(s.Tasks.Retrying))
	}
	out = append(out, fmt.Sprintf("%-9s%s", "failed", text))
	for _, g := range s.Failures.Groups[:min(len(s.Failures.Groups), maxFailsShown)] {
		out = append(out, fmt.Sprintf("%-9s%s × %s: %s (task %d)", "", progress.Count(g.Count), g.Kind, strings.Join(strings.Fields(g.Message), " "), g.Index))
	}
	if more := len(s.Failures.Groups) - maxFailsShown; more > 0 {
		out = append(out, fmt.Sprintf("%-9sand %d more", "", more))
	}
	return out
}

func moneyText(m Money, over bool) string {
	text := m.Spent.Short()
	if m.Local {
		text += " as if on Fargate"
	}
	if e := m.Estimate; e != nil && !m.Partial { // of requests alone it would mislead
		text += fmt.Sprintf(", estimated %s (%s to %s)", e.Likely.Short(), e.Low.Short(), e.High.Short())
	}
	if !over && m.Expected > m.Spent {
		text += ", about " + m.Expected.Short() + " at the end"
	}
	if m.Cap > 0 {
		text += ", cap " + m.Cap.Short()
	}
	return text
}

// Clock writes a duration as m:ss or h:mm:ss.
func Clock(d time.Duration) string {
	n := int(max(0, d).Round(time.Second) / time.Second)
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// Brief writes a duration with two or three digits that count: 4 ms, 1.2 s, 47 s, 12 min.
func Brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2g ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
