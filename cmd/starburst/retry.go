package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

func retryCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "retry",
		Usage:     "run a job's failed tasks again",
		UsageText: "starburst retry JOB --failed [--wait]\nstarburst retry --failed --state NAME JOB  a job of a local run",
		Description: "Sends the failed tasks again, with the arguments that were recorded with their failures. A later success takes the\n" +
			"failure's place in the results. With --state it waits, since the workers end with the command.",
		Flags: slices.Concat(laptopFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "failed", Usage: "the tasks that failed for good"},
			&cli.BoolFlag{Name: "wait", Usage: "wait until they are settled"},
		}),
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			if !c.Bool("failed") {
				return exit.Errorf(exit.Usage, "say which tasks to run again").WithHint("starburst retry %s --failed", id)
			}
			s, err := openWherever(c)
			if err != nil {
				return err
			}
			return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
				job, report, err := s.Retry(ctx, id)
				if err != nil {
					return err
				}
				created(job)
				if report.Lost > 0 {
					_, _ = fmt.Fprintf(c.App.ErrWriter, "%s failed tasks were recorded without their arguments and cannot be run again\n", progress.Count(report.Lost))
				}
				if _, err := fmt.Fprintf(c.App.Writer, "%s failed tasks sent again in %s messages\n", progress.Count(report.Tasks), progress.Count(len(report.Messages))); err != nil {
					return err
				}
				if !c.Bool("wait") && s.State() == "" {
					return nil
				}
				count, err := s.AwaitRetry(ctx, job, report)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(c.App.Writer, "now %s ok, %s failed\n", progress.Count(count.OK), progress.Count(count.Failed)); err != nil {
					return err
				}
				if count.Failed > 0 {
					return exit.Errorf(exit.TasksFail, "%d of %d tasks of job %s failed again", count.Failed, job.N, id)
				}
				return nil
			})
		},
	})
}
