package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/internal/worklog"
	"github.com/starburst-go/starburst/store"
)

const (
	// logsEvery is the time between two looks of logs -f.
	logsEvery = 2 * time.Second
	// logsSince is how far back it goes when no job bounds it.
	logsSince = "1h"
	// logsAround widens the time of a job, or of a task's run, for clocks that differ and lines that come late.
	logsAround = 2 * time.Second
)

func logsCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "logs",
		Usage: "show what workers have logged: of a job, of a task, or all",
		UsageText: "starburst logs JOB\nstarburst logs JOB 17                       while task 17 ran, of its worker\n" +
			"starburst logs JOB -f                       and go on until the job is over\nstarburst logs --since 10m --worker d5e9763b",
		Description: "On this machine from the workers' log files, on AWS from CloudWatch Logs. Of a job: the lines of its workers while it\n" +
			"ran, but those that name another job. Of a task: those of its worker from the begin to the end of the message that\n" +
			"settled it. Without a job: all workers', of the last hour. Programs of `starburst run` and `worker --exec` do not write\n" +
			"there: what they printed before they failed is with the task, see `starburst tasks show`.",
		Flags: slices.Concat(siteFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what comes; ends when the job is over"},
			&cli.StringFlag{Name: "since", Usage: "how far back: `10m`", DefaultText: "the job's whole life; without a job, " + logsSince},
			&cli.StringFlag{Name: "worker", Usage: "only of the worker whose `NAME` begins so"},
			&cli.StringFlag{Name: "group", Usage: "the log `GROUP`", DefaultText: "the stack's"},
			formatFlag("text", listing.JSONL, listing.CSV),
			stateFlag(),
		}),
		Action: logsAction,
	})
}

func logList() listing.List[worklog.Line] {
	type line = worklog.Line
	return listing.List[line]{Schema: "starburst.logs/v1", Columns: []listing.Column[line]{
		{Name: "at", Cell: func(l line) string { return rawTime(l.At) }},
		{Name: "worker", Cell: func(l line) string { return l.Worker }},
		{Name: "level", Cell: func(l line) string { return l.Level }},
		{Name: "job", Cell: func(l line) string { return l.Job }},
		{Name: "task", Cell: func(l line) string {
			if l.Task == nil {
				return ""
			}
			return strconv.Itoa(*l.Task)
		}},
		{Name: "message", Cell: func(l line) string {
			l.Job, l.Task = "", nil
			return l.String()
		}},
	}}
}

func logsAction(c *cli.Context) error {
	if c.NArg() > 2 {
		return exit.Errorf(exit.Usage, "logs takes a JOB and an INDEX; got %d arguments", c.NArg()).WithHint("starburst logs JOB 17")
	}
	w := logWish{job: c.Args().First(), index: -1}
	var err error
	if c.NArg() == 2 {
		if w.job, w.index, err = taskName(c.Args().Slice()); err != nil {
			return err
		}
	}
	if c.IsSet("since") || w.job == "" {
		if w.since, err = span("since", cmp.Or(c.String("since"), logsSince)); err != nil {
			return err
		}
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		if w.job != "" {
			if _, err := s.Attach(ctx, w.job); err != nil {
				return err
			}
			w.look = &view.Looker{Store: s.Store(), Job: w.job, FailuresEvery: -1}
		}
		w.s, w.worker = s, c.String("worker")
		src, err := logSource(c, s)
		if err != nil {
			return err
		}
		w.late = src.Late()
		lines := w.lines(ctx, src, c.Bool("follow"))
		if format := listing.Format(c.String("output")); format != "text" {
			_, err = logList().Write(c.App.Writer, listing.Options{Format: format}, lines)
		} else {
			err = printLog(c, lines)
		}
		if c.Bool("follow") && ctx.Err() != nil {
			return nil //nolint:nilerr // that is how one ends it
		}
		return err
	})
}

// printLog prints lines for people.
func printLog(c *cli.Context, lines iter.Seq2[worklog.Line, error]) error {
	n := 0
	for l, err := range lines {
		if err != nil {
			return err
		}
		n++
		if _, err := fmt.Fprintf(c.App.Writer, "%s %-8s %-5s %s\n", l.At.Local().Format("2006-01-02 15:04:05.000"), worklog.Short(l.Worker), l.Level, printable(l.String())); err != nil {
			return err
		}
	}
	if n == 0 {
		_, _ = fmt.Fprintln(c.App.ErrWriter, "no lines")
	}
	return nil
}

// logSource is where the stack's workers log to.
func logSource(c *cli.Context, s *burst.Session) (worklog.Source, error) {
	if s.Stack().Endpoint != "" {
		dir, err := stateDir(c.Context, s)
		return worklog.Files{Dir: filepath.Join(dir, "tasks")}, err
	}
	where, err := findSite(c)
	if err != nil {
		return nil, err
	}
	group := cmp.Or(c.String("group"), where.LogGroup)
	if group == "" {
		return nil, exit.Errorf(exit.NotFound, "nobody says which log group the workers have").WithHint("--group NAME, or --stack NAME of a stack that Terraform made")
	}
	prefix := cmp.Or(where.LogPrefix, "worker") + "/" + cmp.Or(where.Container, "worker") + "/"
	return worklog.CloudWatch{Ask: where.ask, Group: group, Prefix: prefix}, nil
}

// stateDir is the folder of the local state that the session is on.
func stateDir(ctx context.Context, s *burst.Session) (string, error) {
	if s.State() != "" {
		return laptop.Dir(s.State())
	}
	names, err := laptop.Names()
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if running, err := laptop.Find(ctx, name); err == nil && running.Endpoint == s.Stack().Endpoint {
			return laptop.Dir(name)
		}
	}
	return "", exit.Errorf(exit.NotFound, "the state behind %s is not on this machine, so neither are its workers' logs", s.Stack().Endpoint).
		WithHint("if it is kept elsewhere, say where: XDG_STATE_HOME")
}

// logWish is which lines to show.
type logWish struct {
	s      *burst.Session
	look   *view.Looker
	job    string // "" for all
	index  int    // of a task; −1 for all
	worker string // the beginning of a name
	since  time.Duration
	late   time.Duration // for how long lines may still turn up
}

func (w *logWish) lines(ctx context.Context, src worklog.Source, follow bool) iter.Seq2[worklog.Line, error] {
	if follow {
		return worklog.Follow(ctx, src, logsEvery, w.query)
	}
	q, _, err := w.query(ctx)
	if err != nil {
		return func(yield func(worklog.Line, error) bool) { yield(worklog.Line{}, err) }
	}
	return src.Lines(ctx, q)
}

// query says what to read now; more is false when nothing will come any more.
func (w *logWish) query(ctx context.Context) (q worklog.Query, more bool, err error) {
	now := time.Now()
	if w.since > 0 {
		q.From = now.Add(-w.since)
	}
	if w.job == "" {
		q.Workers, err = w.fleet(ctx)
		return q, true, err
	}
	state, err := w.look.Look(ctx, now)
	if err != nil {
		return q, false, err
	}
	q.Job = w.job
	if from := state.Created.Add(-logsAround); from.After(q.From) {
		q.From = from
	}
	if state.Over() {
		q.To = state.Ended.Add(logsAround + 30*time.Second) // workers say what they think of it a little later
	}
	if err := w.jobWorkers(ctx, &q); err != nil {
		return q, false, err
	}
	more = !state.Over() || now.Sub(state.Ended) < w.late
	if w.index < 0 {
		return q, more, nil
	}
	over, err := w.taskRun(ctx, &q)
	return q, more && !over, err
}

// taskRun narrows the query to a task's run; over reports whether it has one.
func (w *logWish) taskRun(ctx context.Context, q *worklog.Query) (over bool, err error) {
	job, err := w.s.Store().Job(ctx, w.job)
	if err != nil {
		return false, err
	}
	t, err := w.s.Store().Task(ctx, job, w.index)
	if errors.Is(err, store.ErrNotFound) {
		return false, exit.Errorf(exit.NotFound, "job %s has no task %d; its tasks are 0 to %d", w.job, w.index, job.N-1).WithHint("starburst tasks ls %s", w.job)
	}
	q.Task = &w.index
	if err != nil || t.Run == nil {
		return false, err
	}
	q.Workers, q.Anyone, q.From, q.To = []string{t.Run.Worker}, false, t.Run.Started.Add(-logsAround), t.Run.Finished.Add(logsAround)
	return time.Since(t.Run.Finished) > w.late, nil
}

// jobWorkers names the workers of the job; all while nobody has begun.
func (w *logWish) jobWorkers(ctx context.Context, q *worklog.Query) error {
	ledgers, err := w.s.Store().JobLedgers(ctx, w.job)
	if err != nil {
		return err
	}
	for _, l := range ledgers {
		if strings.HasPrefix(l.Worker, w.worker) {
			q.Workers = append(q.Workers, l.Worker)
		}
	}
	if w.worker != "" && q.Workers == nil {
		q.Workers, err = w.fleet(ctx)
	}
	q.Anyone = w.worker == ""
	return err
}

// fleet names the workers that --worker means; nil means all.
func (w *logWish) fleet(ctx context.Context) ([]string, error) {
	if w.worker == "" {
		return nil, nil
	}
	ledgers, err := w.s.Store().Ledgers(ctx, w.s.Stack().Fleet)
	if err != nil {
		return nil, err
	}
	names := []string{w.worker} // one that has not written a ledger, by its whole name
	for _, l := range ledgers {
		if strings.HasPrefix(l.Worker, w.worker) && l.Worker != w.worker {
			names = append(names, l.Worker)
		}
	}
	return names, nil
}
