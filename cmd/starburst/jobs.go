package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

func jobsCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "jobs",
		Usage: "list jobs, show one, keep it longer, remove it",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "ls", Usage: "list the jobs, the newest first",
				UsageText: "starburst jobs ls\nstarburst jobs ls --since 30d --only failed\nstarburst jobs ls -o csv --columns job,tasks,failed,spent",
				Description: "Progress and costs are what the workers said last: they lag by seconds while a job runs. A job's costs are its part of\n" +
					"its workers' bill, as in `starburst cost JOB`.",
				Flags: slices.Concat([]cli.Flag{
					&cli.StringFlag{Name: "since", Value: listedSince, Usage: "how far back to list"},
					&cli.StringFlag{Name: "only", Usage: "`running|done|cancelled|failed` jobs; failed are those with failed tasks"},
					stateFlag(),
				}, listFlags()),
				Action: jobsList,
			}),
			command(&cli.Command{
				Name: "show", Usage: "show all that is known of a job",
				UsageText: "starburst jobs show JOB\nstarburst jobs show JOB -o json",
				Description: "What it was submitted with, how far it is (counted, not estimated), how long its tasks take, how they fail, its workers\n" +
					"and its costs. `starburst status JOB` is the short form, with an exit code for scripts.",
				Flags:  []cli.Flag{formatFlag(listing.Table, listing.JSON), stateFlag()},
				Action: jobsShow,
			}),
			command(&cli.Command{
				Name: "extend", Usage: "keep a job and its results longer",
				UsageText: "starburst jobs extend JOB --for 90d",
				Description: "A job and its results are deleted when their time is over: 30 days after it was submitted, unless said otherwise. This\n" +
					"sets another time for all that the table holds of it, from now on; it never shortens it. The bucket has a rule of its\n" +
					"own for large arguments and results: see bucket_expiry_days of the Terraform module.",
				Flags:  []cli.Flag{&cli.StringFlag{Name: "for", Usage: "how long from now: `90d`"}, stateFlag()},
				Action: jobsExtend,
			}),
			jobsRemoveCommand(),
		},
	})
}

// jobsSchema is the list's, also of `status` without a job.
const jobsSchema = "starburst.jobs/v1"

// jobList is a list of jobs.
func jobList() listing.List[view.JobRow] {
	type row = view.JobRow
	count := func(name string, wide bool, of func(row) int) listing.Column[row] {
		return listing.Column[row]{Name: name, Wide: wide, Cell: func(r row) string { return progress.Count(of(r)) }, Raw: func(r row) string { return strconv.Itoa(of(r)) }}
	}
	at := func(name string, wide bool, of func(row) time.Time) listing.Column[row] {
		return listing.Column[row]{Name: name, Wide: wide, Cell: func(r row) string { return localTime(of(r)) }, Raw: func(r row) string { return rawTime(of(r)) }}
	}
	return listing.List[row]{Schema: jobsSchema, Columns: []listing.Column[row]{
		{Name: "job", Cell: func(r row) string { return r.Job }},
		{Name: "state", Cell: func(r row) string { return string(r.State) }},
		{Name: "handler", Cell: func(r row) string { return r.Handler }},
		count("tasks", false, func(r row) int { return r.Tasks }),
		{Name: "done", Cell: func(r row) string { return fmt.Sprintf("%d %%", percentOf(r.Done(), r.Tasks)) }, Raw: func(r row) string { return strconv.Itoa(r.Done()) }},
		count("failed", false, func(r row) int { return r.Failed }),
		{Name: "spent", Cell: func(r row) string { return spentText(r.Spent) }, Raw: func(r row) string { return spentRaw(r.Spent) }},
		{Name: "cap", Wide: true, Cell: func(r row) string { return capText(r.Cap) }, Raw: func(r row) string { return capRaw(r.Cap) }},
		count("enqueued", true, func(r row) int { return r.Enqueued }),
		at("created", false, func(r row) time.Time { return r.Created }),
		at("finished", true, func(r row) time.Time { return r.Finished }),
		at("kept_until", true, func(r row) time.Time { return r.Expires }),
		{Name: "fleet", Wide: true, Cell: func(r row) string { return r.Fleet }},
		{Name: "label", Cell: func(r row) string { return r.Label }},
	}}
}

// listedSince bounds the list of jobs without --since.
const listedSince = "7d"

func jobsList(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "jobs ls takes no arguments; got %q", c.Args().First()).WithHint("starburst jobs show %s", c.Args().First())
	}
	return listJobs(c)
}

// listJobs is the list of `jobs ls` and of `status`, which has no --only.
func listJobs(c *cli.Context) error {
	options, err := listOptions(c, jobList())
	if err != nil {
		return err
	}
	since, err := span("since", c.String("since"))
	if err != nil {
		return err
	}
	keep, err := jobFilter(c.String("only"))
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		bills, err := s.Bills()
		if err != nil {
			return err
		}
		rows := only(view.Jobs(ctx, s.Store(), bills, time.Now().Add(-since)), keep)
		n, err := jobList().Write(c.App.Writer, options, rows)
		if err == nil && n == 0 {
			_, _ = fmt.Fprintf(c.App.ErrWriter, "no jobs in the last %s\n", spanText(since))
		}
		return err
	})
}

func jobFilter(name string) (func(view.JobRow) bool, error) {
	switch name {
	case "":
		return func(view.JobRow) bool { return true }, nil
	case "running":
		return func(r view.JobRow) bool { return r.State == store.Open || r.State == store.Sealed }, nil
	case "done":
		return func(r view.JobRow) bool { return r.State == store.Done }, nil
	case "cancelled":
		return func(r view.JobRow) bool { return r.State == store.Cancelled }, nil
	case "failed":
		return func(r view.JobRow) bool { return r.Failed > 0 }, nil
	}
	return nil, exit.Errorf(exit.Usage, "--only %q is no kind of job", name).WithHint("--only running, --only done, --only cancelled, --only failed")
}

// only passes on the rows to keep, and errors.
func only[T any](rows iter.Seq2[T, error], keep func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for r, err := range rows {
			if (err != nil || keep(r)) && !yield(r, err) {
				return
			}
		}
	}
}

func jobsExtend(c *cli.Context) error {
	id, err := oneArgument(c, "JOB")
	if err != nil {
		return err
	}
	if !c.IsSet("for") {
		return exit.Errorf(exit.Usage, "say for how long, from now").WithHint("starburst jobs extend %s --for 90d", id)
	}
	length, err := span("for", c.String("for"))
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
		until := time.Now().Add(length)
		if !job.Expires.IsZero() && job.Expires.Before(until) {
			if err := s.Store().ExtendJob(ctx, id, until); err != nil {
				return err
			}
		} else if until = job.Expires; until.IsZero() {
			_, err := fmt.Fprintf(c.App.Writer, "job %s is kept for ever\n", id)
			return err
		}
		if _, err := fmt.Fprintf(c.App.Writer, "job %s is kept until %s\n", id, localTime(until)); err != nil {
			return err
		}
		if s.Stack().Bucket != "" && s.Stack().Endpoint == "" {
			_, _ = fmt.Fprintln(c.App.ErrWriter, "what it has in the bucket (large arguments and results) goes when the bucket's own rule says: bucket_expiry_days")
		}
		return nil
	})
}

func percentOf(n, all int) int {
	if all < 1 {
		return 0
	}
	return n * 100 / all
}

// localTime is a time for people, rawTime one for programs; "" for none.
func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

func rawTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// spanText is a length of time in whole days where it is long.
func spanText(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return short(d)
}

func spentText(p *cost.PicoUSD) string {
	if p == nil {
		return ""
	}
	return p.Short()
}

func spentRaw(p *cost.PicoUSD) string {
	if p == nil {
		return ""
	}
	return p.String()[1:]
}

func capText(p cost.PicoUSD) string {
	if p == 0 {
		return ""
	}
	return p.Short()
}

func capRaw(p cost.PicoUSD) string {
	if p == 0 {
		return ""
	}
	return p.String()[1:]
}
