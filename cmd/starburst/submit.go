package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func submitCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "submit",
		Usage:     "send a job to a stack and print its id",
		UsageText: "starburst submit HANDLER --input tasks.jsonl\nstarburst submit HANDLER --range 1:10000 --wait",
		Description: "Sends one task per input to the workers that know HANDLER, and returns when SQS has confirmed all of them. The job\n" +
			"goes on without this process: `starburst status JOB`, `starburst results JOB`. It uses the stack that the\n" +
			"environment describes, or a running `starburst dev`. Input is validated before anything is sent.",
		Flags: slices.Concat(inputFlags(), jobFlags(), []cli.Flag{
			&cli.IntFlag{Name: "workers", Usage: "workers to expect, for the choice of the chunk size", DefaultText: "100"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker, for the choice of the chunk size"},
			&cli.BoolFlag{Name: "wait", Usage: "wait for the job and print its results"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "jsonl", Usage: "with --wait: `text|jsonl|csv|table`"},
		}),
		Action: submitAction,
	})
}

func submitAction(c *cli.Context) error {
	handler, err := oneArgument(c, "HANDLER")
	if err != nil {
		return err
	}
	if err := checkFormat(c.String("output")); err != nil {
		return err
	}
	source, done, err := input(c, nil)
	if err != nil {
		return err
	}
	defer done()
	s, err := connect(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		job, err := s.Submit(ctx, producer.Spec{
			Job: c.String("job"), Handler: handler, Source: source, Chunk: max(c.Int("chunk"), 0),
			MaxWorkers: c.Int("workers"), Slots: c.Int("slots"),
			MaxAttempts: c.Int("attempts"), Timeout: c.Duration("timeout"), Label: c.String("input"),
			Created: created,
		})
		if err != nil {
			return err
		}
		if c.Bool("wait") {
			return printJob(c, s.Follow(ctx, job), job)
		}
		if _, err := fmt.Fprintln(c.App.Writer, job.ID); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s tasks sent; see: starburst status %s\n", progress.Count(job.N), job.ID)
		return nil
	})
}
