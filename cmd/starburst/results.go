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
		Action: func(c *cli.Context) error {
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
			s, err := openToRead(c)
			if err != nil {
				return err
			}
			if loose != "" {
				return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error { return looseResults(ctx, c, s, loose) })
			}
			return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
				job, err := s.Attach(ctx, id)
				if err != nil {
					return err
				}
				created(job)
				results := s.Store().Results(ctx, job, store.ReadOptions{})
				if c.Bool("wait") {
					results = s.Follow(ctx, job)
				}
				seen := 0
				err = printJob(c, filter(results, c.Bool("failed"), &seen), job)
				if seen == job.N {
					s.MarkDone(ctx, job)
				}
				if err != nil {
					return err
				}
				if seen < job.N && job.State == store.Cancelled {
					return &burst.CancelledError{Job: id, Settled: seen, N: job.N, Why: job.Why}
				}
				if seen < job.N {
					return exit.Errorf(exit.Pending, "%d of %d tasks of job %s have no result yet", job.N-seen, job.N, id).WithHint("starburst results --wait %s", id)
				}
				return nil
			})
		},
	})
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
