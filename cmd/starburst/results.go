package main

import (
	"context"
	"iter"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

func resultsCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "results",
		Usage:     "print a job's results in order",
		UsageText: "starburst results JOB|--id ID [-o jsonl|csv|table|text] [--wait]",
		Description: "Prints what is there, in the order of the inputs, and exits with 8 when tasks are still missing; --wait waits\n" +
			"for them. Exits with 3 when tasks failed; their errors are part of the output (not with -o text). Of a cancelled job it\n" +
			"prints what there is and exits with 1; --wait ends as soon as the job is cancelled.\n" +
			"--id reads the results of tasks that a program put straight onto the queue, without a job.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "jsonl", Usage: "`jsonl|csv|table|text`"},
			&cli.BoolFlag{Name: "wait", Usage: "wait until all tasks are settled"},
			stateFlag(),
			&cli.StringFlag{Name: "id", Usage: "the `ID` of a message without a job"},
			&cli.BoolFlag{Name: "failed", Usage: "print failed tasks only"},
		},
		Action: resultsAction,
	})
}

func resultsAction(c *cli.Context) error {
	loose := c.String("id")
	if loose != "" && c.Args().Present() {
		return exit.Errorf(exit.Usage, "a job and --id exclude each other").WithHint("starburst results --help")
	}
	id, err := oneArgument(c, "JOB")
	if err != nil && loose == "" {
		return err
	}
	if err := checkFormat(c.String("output")); err != nil {
		return err
	}
	if c.Bool("wait") && c.String("state") != "" {
		return exit.Errorf(exit.Usage, "no worker of the state %s runs while its results are looked at", c.String("state")).
			WithHint("starburst attach --state %s %s starts them and waits", c.String("state"), id)
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		if loose != "" {
			return looseResults(ctx, c, s, loose)
		}
		job, err := s.Attach(ctx, id)
		if err != nil {
			return err
		}
		created(job)
		return printSettled(ctx, c, s, job)
	})
}

// printSettled prints what is there of a job, or waits for all of it.
func printSettled(ctx context.Context, c *cli.Context, s *burst.Session, job store.Job) error {
	results := s.Store().Results(ctx, job, store.ReadOptions{})
	if c.Bool("wait") {
		results = s.Follow(ctx, job)
	}
	seen := 0
	err := printJob(c, s, filter(results, c.Bool("failed"), &seen), job)
	if seen == job.N {
		s.MarkDone(ctx, job)
	}
	switch {
	case err != nil:
		return err
	case seen < job.N && job.State == store.Cancelled:
		return &burst.CancelledError{Job: job.ID, Settled: seen, N: job.N, Why: job.Why}
	case seen < job.N:
		return exit.Errorf(exit.Pending, "%d of %d tasks of job %s have no result yet", job.N-seen, job.N, job.ID).WithHint("starburst results --wait %s", job.ID)
	}
	return nil
}

// filter counts the results and, when asked, lets only failures through.
func filter(results iter.Seq2[store.Settled, error], failedOnly bool, seen *int) iter.Seq2[store.Settled, error] {
	return func(yield func(store.Settled, error) bool) {
		for s, err := range results {
			if err == nil {
				*seen++
				if failedOnly && s.Failure == nil {
					continue
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}
