package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

func jobsRemoveCommand() *cli.Command {
	return command(&cli.Command{
		Name: "rm", Usage: "remove jobs with all their data",
		UsageText: "starburst jobs rm JOB --dry-run\nstarburst jobs rm JOB [JOB...]\nstarburst jobs rm JOB --yes        in a script",
		Description: "Deletes results, arguments, marks, the forecast and the job itself, from the table and the bucket, for good. Workers'\n" +
			"ledgers stay, so that the bills of other jobs and of the fleet stay right. A job that still runs is refused: cancel it\n" +
			"first. Asks before it deletes; without a terminal it needs --yes. A removal that was interrupted is finished by another.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "count what would be removed, remove nothing"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
			stateFlag(),
		}, listFlags()),
		Action: jobsRemove,
	})
}

// removedJob is what was, or would be, removed of a job.
type removedJob struct {
	Job string `json:"job"`
	store.Holdings
	Removed bool `json:"removed"`
}

func removedList() listing.List[removedJob] {
	count := func(name string, of func(removedJob) int) listing.Column[removedJob] {
		return listing.Column[removedJob]{Name: name, Cell: func(r removedJob) string { return progress.Count(of(r)) }, Raw: func(r removedJob) string { return strconv.Itoa(of(r)) }}
	}
	return listing.List[removedJob]{Schema: "starburst.removed/v1", Columns: []listing.Column[removedJob]{
		{Name: "job", Cell: func(r removedJob) string { return r.Job }},
		count("items", func(r removedJob) int { return r.Items }),
		count("result_items", func(r removedJob) int { return r.Results }),
		count("objects", func(r removedJob) int { return r.Objects }),
		{Name: "removed", Cell: func(r removedJob) string {
			if r.Removed {
				return "yes"
			}
			return "no"
		}, Raw: func(r removedJob) string { return strconv.FormatBool(r.Removed) }},
	}}
}

func jobsRemove(c *cli.Context) error {
	ids := c.Args().Slice()
	if len(ids) == 0 {
		return exit.Errorf(exit.Usage, "say which jobs to remove").WithHint("starburst jobs ls lists them; starburst jobs rm JOB")
	}
	options, err := listOptions(c, removedList())
	if err != nil {
		return err
	}
	dry := c.Bool("dry-run")
	if !dry && !c.Bool("yes") && !isTerminal(c.App.Reader) {
		return exit.Errorf(exit.Refused, "nobody is there to confirm the removal; nothing was removed").WithHint("starburst jobs rm --yes %s, or --dry-run to see what it has", strings.Join(ids, " "))
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		slices.Sort(ids)
		ids = slices.Compact(ids)
		// All are looked at before the first is removed.
		held := make([]removedJob, len(ids))
		for i, id := range ids {
			if held[i], err = removable(ctx, c, s, id, dry); err != nil {
				return err
			}
		}
		if !dry && !c.Bool("yes") {
			if err := askToRemove(c, held); err != nil {
				return err
			}
		}
		_, err := removedList().Write(c.App.Writer, options, func(yield func(removedJob, error) bool) {
			for _, h := range held {
				if !dry {
					h.Holdings, err = s.Store().RemoveJob(ctx, h.Job)
					h.Removed = err == nil
				}
				if !yield(h, err) {
					return
				}
			}
		})
		return err
	})
}

// removable counts what there is of a job; one that still runs is an error, unless nothing is to be removed.
func removable(ctx context.Context, c *cli.Context, s *burst.Session, id string, dry bool) (removedJob, error) {
	job, err := s.Attach(ctx, id)
	if err != nil {
		return removedJob{}, err
	}
	count, err := s.Store().Recount(ctx, job)
	if err != nil {
		return removedJob{}, err
	}
	missing := job.N - count.OK - count.Failed
	if job.State == store.Open || job.State == store.Sealed {
		if missing == 0 && count.Retrying == 0 {
			s.MarkDone(ctx, job) // nobody waited for it
		} else if !dry {
			return removedJob{}, exit.Errorf(exit.Refused, "job %s still runs: %s of %s tasks have no result; nothing was removed", id, progress.Count(missing+count.Retrying), progress.Count(job.N)).
				WithHint("starburst cancel %s; then remove it", id)
		}
	}
	if job.State == store.Cancelled && missing > 0 {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s tasks of job %s were never run: messages of them that are still on the queue will go to the dead-letter queue as those of an unknown job\n", progress.Count(missing), id)
	}
	h, err := s.Store().Holdings(ctx, id)
	return removedJob{Job: id, Holdings: h}, err
}

func askToRemove(c *cli.Context, held []removedJob) error {
	var all store.Holdings
	names := make([]string, len(held))
	for i, h := range held {
		names[i] = h.Job
		all.Items, all.Objects = all.Items+h.Items, all.Objects+h.Objects
	}
	question := fmt.Sprintf("Remove %s with %s items and %s objects, for good? [y/N] ", strings.Join(names, ", "), progress.Count(all.Items), progress.Count(all.Objects))
	if err := ask(c.App.Reader, c.App.ErrWriter, question); err != nil {
		return exit.Errorf(exit.Refused, "nothing was removed").WithHint("--yes removes without asking, --dry-run shows what there is")
	}
	return nil
}
