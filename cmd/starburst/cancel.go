package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

func cancelCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "cancel",
		Usage:     "stop a job everywhere and say what it got done",
		UsageText: "starburst cancel JOB\nstarburst cancel --state NAME JOB         a job that an interrupted run left",
		Description: "No task of the job is started any more, running ones are told to end, within ten seconds on all workers. What\n" +
			"was settled before stays and can be read with `starburst results`.",
		Flags: laptopFlags(),
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			s, err := openWherever(c)
			if err != nil {
				return err
			}
			return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
				did, err := s.Cancel(ctx, id)
				if err != nil {
					return err
				}
				if did.Unheard > 0 {
					_, _ = fmt.Fprintf(c.App.ErrWriter, "%d busy workers were not heard of in time; what they finish still counts: starburst status %s\n", did.Unheard, id)
				}
				n, count := did.Job.N, did.Count
				_, err = fmt.Fprintf(c.App.Writer, "job %s is cancelled: %s ok, %s failed, %s never run, of %s\n", id,
					progress.Count(count.OK), progress.Count(count.Failed), progress.Count(n-count.OK-count.Failed), progress.Count(n))
				return err
			})
		},
	})
}
