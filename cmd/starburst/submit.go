package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func submitCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "submit",
		Usage:     "send a job to a stack and print its id",
		UsageText: "starburst submit HANDLER --input tasks.jsonl\nstarburst submit HANDLER --range 1:10000 --wait\nstarburst submit HANDLER --range 1:10000 --dry-run --task-time 2s",
		Description: "Sends one task per input to the workers that know HANDLER, and returns when SQS has confirmed all of them. The job\n" +
			"goes on without this process: `starburst status JOB`, `starburst results JOB`. It uses the stack that the\n" +
			"environment describes, or a running `starburst dev`. Input is validated before anything is sent. On AWS, a person is asked\n" +
			"before a job that is expected to cost more than $1.00, or whose tasks take an unknown time.",
		Flags: slices.Concat(inputFlags(), jobFlags(), forecastFlags(), []cli.Flag{
			&cli.IntFlag{Name: "workers", Usage: "workers to expect, for the choice of the chunk size", DefaultText: "100"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker, for the choice of the chunk size"},
			&cli.BoolFlag{Name: "wait", Usage: "wait for the job and print its results"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "jsonl", Usage: "with --wait: `text|jsonl|csv|table`; with --dry-run: table|json"}, reportFlag(), planFlag(),
		}),
		Action: submitAction,
	})
}

func submitAction(c *cli.Context) error {
	handler, err := oneArgument(c, "HANDLER")
	if err != nil {
		return err
	}
	if err := checkSubmitFormat(c); err != nil {
		return err
	}
	expect, err := expectation(c)
	if err != nil {
		return err
	}
	limit, err := maxCost(c)
	if err != nil {
		return err
	}
	reportTo, err := wantedReport(c)
	if err != nil {
		return err
	}
	if c.IsSet("report") && !c.Bool("wait") {
		return exit.Errorf(exit.Usage, "--report is of a job that is waited for").WithHint("add --wait, or afterwards: starburst report JOB -o %s", c.String("report"))
	}
	source, done, err := input(c, nil)
	if err != nil {
		return err
	}
	defer done()
	if err := heldPlan(c, handler, source); err != nil {
		return err
	}
	s, err := connect(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		pre, err := s.Prepare(ctx, producer.Spec{
			Job: c.String("job"), Handler: handler, Source: source, Chunk: max(c.Int("chunk"), 0),
			MaxWorkers: c.Int("workers"), Slots: c.Int("slots"), TaskTime: c.Duration("task-time"),
			MaxAttempts: c.Int("attempts"), Timeout: c.Duration("timeout"), Label: c.String("input"), MaxCostPico: limit,
			Created: created,
		})
		if err != nil {
			return err
		}
		forecast, err := s.Forecast(ctx, pre, expect)
		if err != nil {
			return err
		}
		if c.Bool("dry-run") {
			return printForecast(c, pre, forecast)
		}
		if err := s.CheckCaps(ctx, pre, forecast); err != nil {
			return err
		}
		if err := confirm(c, s, pre, forecast); err != nil {
			return err
		}
		job, err := s.Send(ctx, pre, &forecast)
		if err != nil {
			return err
		}
		if c.Bool("wait") {
			reportTo(s, job)
			return printJob(c, s, s.Follow(ctx, job), job)
		}
		if _, err := fmt.Fprintln(c.App.Writer, job.ID); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s tasks sent; see: starburst status %s\n", progress.Count(job.N), job.ID)
		return nil
	})
}

// checkSubmitFormat knows that a dry run prints something else than results.
func checkSubmitFormat(c *cli.Context) error {
	o := c.String("output")
	if !c.Bool("dry-run") {
		return checkFormat(o)
	}
	if c.IsSet("output") && o != "table" && o != "json" {
		return exit.Errorf(exit.Usage, "-o %q is no format of a dry run", o).WithHint("-o table, -o json")
	}
	return nil
}
