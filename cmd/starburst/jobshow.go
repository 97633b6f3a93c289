package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// jobDocument is the JSON form of all that is known of a job.
type jobDocument struct {
	view.State
	Expires  time.Time   `json:"expires,omitzero"`
	Settings jobSettings `json:"settings"`
}

// jobSettings are what a job was submitted with.
type jobSettings struct {
	Messages    int    `json:"messages"`
	Chunk       int    `json:"chunk,omitempty"` // tasks per message, where all have as many
	MaxAttempts int    `json:"attempts"`
	TimeoutMS   int64  `json:"timeout_ms,omitempty"`
	InputSHA    string `json:"input_sha256"`
}

func jobsShow(c *cli.Context) error {
	id, err := oneArgument(c, "JOB")
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		job, err := s.Attach(ctx, id)
		if err != nil {
			return err
		}
		doc, err := jobDocumentOf(ctx, s, job)
		if err != nil {
			return err
		}
		if isJSON(c) {
			return printDocument(c, "job", doc)
		}
		return doc.print(c.App.Writer, s)
	})
}

func jobDocumentOf(ctx context.Context, s *burst.Session, job store.Job) (jobDocument, error) {
	look, err := s.Looker(job.ID)
	if err != nil {
		return jobDocument{}, err
	}
	look.Exact = true
	state, err := look.Look(ctx, time.Now())
	if err != nil {
		return jobDocument{}, err
	}
	return jobDocument{State: state, Expires: job.Expires, Settings: jobSettings{
		Messages: job.Plan.Roots(job.N), Chunk: job.Plan.Chunk, MaxAttempts: job.MaxAttempts, TimeoutMS: job.Timeout.Milliseconds(),
		InputSHA: hex.EncodeToString(job.InputSHA[:]),
	}}, nil
}

// print writes the document for people, a word and its value a line.
func (d jobDocument) print(w io.Writer, s *burst.Session) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0) // Flush has the error of every line
	row := func(word, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", word, listing.Line(fmt.Sprintf(format, args...), 0))
	}
	row("job", "%s", d.Job)
	row("state", "%s", stateText(string(d.State.State), d.Why))
	row("handler", "%s, fleet %s", d.Handler, d.Fleet)
	if d.Label != "" {
		row("label", "%s", d.Label)
	}
	d.printTimes(row)
	d.printTasks(row)
	row("workers", "%s", workersText(d.Workers))
	for _, wave := range d.Waves {
		row("wave", "%d → %d at %s, %d came, %s tasks, %s", wave.From, wave.To, localTime(wave.At), wave.Came, progress.Count(int(wave.Tasks)), wave.Cost.Short())
	}
	for _, f := range d.Failures.Groups {
		row("failed", "%s × %s: %s (task %d)", progress.Count(f.Count), f.Kind, f.Message, f.Index)
	}
	if n := d.Failures.Others; n > 0 {
		row("failed", "%s in other ways", progress.Count(n))
	}
	d.printMoney(row)
	if err := t.Flush(); err != nil {
		return err
	}
	return d.next(w, s)
}

func (d jobDocument) printTimes(row func(word, format string, args ...any)) {
	row("submitted", "%s", localTime(d.Created))
	if !d.Ended.IsZero() {
		row("ended", "%s, after %s", localTime(d.Ended), short(d.Ended.Sub(d.Created)))
	}
	if !d.Expires.IsZero() {
		row("kept until", "%s", localTime(d.Expires))
	}
}

func (d jobDocument) printTasks(row func(word, format string, args ...any)) {
	t := d.Tasks
	row("tasks", "%s in %s messages, %s enqueued", progress.Count(t.Total), progress.Count(d.Settings.Messages), progress.Count(t.Enqueued))
	row("settled", "%s ok, %s failed, %s missing", progress.Count(t.OK), progress.Count(t.Failed), progress.Count(t.Left))
	if t.Retrying > 0 {
		row("", "%s of the failed are being run again", progress.Count(t.Retrying))
	}
	limits := fmt.Sprintf("%d attempts each", d.Settings.MaxAttempts)
	if ms := d.Settings.TimeoutMS; ms > 0 {
		limits += fmt.Sprintf(", at most %s a run", short(time.Duration(ms)*time.Millisecond))
	}
	row("limits", "%s", limits)
	if p := d.Tails; p.Count > 0 {
		row("durations", "mean %s, half below %s, 95 %% below %s, 99 %% below %s", short(p.Mean), short(p.P50), short(p.P95), short(p.P99))
	}
	if e := d.Pace.ETA; e != nil {
		row("left", "%s at %s", e.String(), progress.Rate(d.Pace.PerSecond))
	}
}

func (d jobDocument) printMoney(row func(word, format string, args ...any)) {
	m := d.Money
	if !m.Known {
		return
	}
	word := "spent"
	if m.Local {
		word = "would cost"
	}
	text := m.Spent.Short()
	if m.Estimate != nil && !m.Partial {
		text += fmt.Sprintf(", estimated %s to %s", m.Estimate.Low.Short(), m.Estimate.High.Short())
	}
	if m.Cap > 0 {
		text += ", at most " + m.Cap.Short()
	}
	row(word, "%s", text)
}

func stateText(state, why string) string {
	if why == "" {
		return state
	}
	return state + ": " + why
}

func workersText(w view.Workers) string {
	text := fmt.Sprintf("%d worked for it", len(w.Spans))
	if w.Busy+w.Idle+w.Starting > 0 {
		text += fmt.Sprintf("; now %d busy, %d idle, %d starting", w.Busy, w.Idle, w.Starting)
	}
	return text
}

// next says what one may want to see then.
func (d jobDocument) next(w io.Writer, s *burst.Session) error {
	where := ""
	if s.State() != "" {
		where = "--state " + s.State() + " "
	}
	commands := fmt.Sprintf("starburst tasks ls %s%s", where, d.Job)
	if d.Tasks.Failed > 0 {
		commands = fmt.Sprintf("starburst tasks ls --failed %s%s, starburst retry --failed %s%s", where, d.Job, where, d.Job)
	}
	_, err := fmt.Fprintf(w, "\nsee also: %s\n", commands)
	return err
}
