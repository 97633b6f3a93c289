package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// watchEvery is the time between two looks.
const watchEvery = 2 * time.Second

func watchCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "watch",
		Usage: "show a job live, until it is over",
		UsageText: "starburst watch JOB\nstarburst watch JOB --interval 10s\n" +
			"starburst watch JOB -o json | jq .tasks.left      a document a line\nstarburst watch JOB > job.log                     a line every ten seconds",
		Description: "Shows how far the job is, its rate and the time left with its uncertainty, waves, workers, failures by kind, and the\n" +
			"money against estimate and cap. Ctrl-C ends the watching, not the job (exit code 130). Otherwise the exit code is the job's: 0,\n" +
			"3 when tasks failed, 1 when it was cancelled, 7 when a cost cap stopped it. Where standard output is no terminal it prints a line\n" +
			"every ten seconds; with -o json a document (schema starburst.watch/v1) for each look.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: watchEvery, Usage: "time between two looks"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`text|json`"},
			stateFlag(),
		},
		Action: watchAction,
	})
}

func watchAction(c *cli.Context) error {
	id, err := oneArgument(c, "JOB")
	if err != nil {
		return err
	}
	interval := c.Duration("interval")
	if interval < 100*time.Millisecond {
		return exit.Errorf(exit.Usage, "--interval %v is too short", interval).WithHint("at least 100ms; each look reads the ledgers of all workers")
	}
	show, err := watchShow(c, interval)
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	err = watchJob(c.Context, c, s, id, interval, show)
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), closeTimeout)
	defer cancel()
	return errors.Join(err, s.Close(closeCtx))
}

// watchShow is what becomes of each look.
func watchShow(c *cli.Context, interval time.Duration) (func(view.State) error, error) {
	w := c.App.Writer
	switch o := c.String("output"); {
	case o == "json":
		return func(s view.State) error { return json.NewEncoder(w).Encode(watchDocument{"starburst.watch/v1", s}) }, nil
	case o != "text":
		return nil, exit.Errorf(exit.Usage, "-o %q is not a format", o).WithHint("-o text, -o json")
	}
	d := view.NewDisplay(w)
	if c.IsSet("interval") {
		d.Every(interval)
	}
	return d.Show, nil
}

// watchDocument is the JSON form of a look.
type watchDocument struct {
	Schema string `json:"schema"`
	view.State
}

func watchJob(ctx context.Context, c *cli.Context, s *burst.Session, id string, interval time.Duration, show func(view.State) error) error {
	job, err := s.Attach(ctx, id)
	if err != nil {
		return err
	}
	if running := job.State == store.Open || job.State == store.Sealed; running && c.String("state") != "" {
		return exit.Errorf(exit.Usage, "no worker of the state %s runs while its jobs are looked at", c.String("state")).
			WithHint("starburst attach --state %s %s starts them and waits", c.String("state"), id)
	}
	look, err := s.Looker(id)
	if err != nil {
		return err
	}
	last, err := view.Watch(ctx, look.Look, interval, show)
	switch {
	case ctx.Err() != nil:
		return exit.Errorf(exit.Interrupt, "stopped watching; job %s goes on", id).WithHint("starburst watch %s comes back, starburst cancel %s stops the job", id, id)
	case err != nil:
		return err
	}
	return outcome(ctx, c, s, last)
}

// outcome is the error with the exit code of a job that is over.
func outcome(ctx context.Context, c *cli.Context, s *burst.Session, last view.State) error {
	if last.State == store.Cancelled {
		return &burst.CancelledError{Job: last.Job, Settled: last.Tasks.Done(), N: last.Tasks.Total, Why: last.Why}
	}
	if job, err := s.Store().Job(ctx, last.Job); err == nil {
		s.MarkDone(ctx, job) // nobody waited for it
	}
	if n := last.Tasks.Failed; n > 0 {
		where := ""
		if name := c.String("state"); name != "" {
			where = " --state " + name
		}
		return exit.Errorf(exit.TasksFail, "%s of %s tasks of job %s failed", progress.Count(n), progress.Count(last.Tasks.Total), last.Job).
			WithHint("starburst results --failed%s %s, starburst retry --failed%s %s", where, last.Job, where, last.Job)
	}
	return nil
}
