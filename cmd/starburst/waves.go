package main

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/store"
)

func wavesCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "waves",
		Usage:     "hold a job's launch waves against what was planned",
		UsageText: "starburst waves JOB\nstarburst waves JOB -o json\nstarburst waves JOB -o csv",
		Description: "A wave is one raise of the fleet. For each that was for the job, or whose workers worked for it: the workers asked for\n" +
			"and those that came, how long their start took, how many tasks they did and what of their bill is the job's. The\n" +
			"costs add up to that of `starburst cost JOB`.",
		Flags: append(listFlags(), stateFlag()),
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			options, err := listOptions(c, waveList())
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
				r, err := bills.Waves(ctx, id)
				if err != nil {
					return err
				}
				switch {
				case isJSON(c):
					return printDocument(c, "waves", r)
				case options.Format == listing.Table && options.Columns == nil && !options.NoHeaders:
					return r.Print(c.App.Writer)
				}
				_, err = waveList().Write(c.App.Writer, options, all(r.Waves))
				return err
			})
		},
	})
}

// waveList is the report's waves for programs: what was planned beside what came.
func waveList() listing.List[bill.WaveLine] {
	type line = bill.WaveLine
	count := func(name string, of func(line) int64) listing.Column[line] {
		return listing.Column[line]{Name: name, Cell: func(l line) string { return strconv.FormatInt(of(l), 10) }}
	}
	return listing.List[line]{Schema: "starburst.waves/v1", Columns: []listing.Column[line]{
		{Name: "wave", Cell: func(l line) string { return l.Name }},
		{Name: "at", Wide: true, Cell: func(l line) string { return localTime(l.At) }, Raw: func(l line) string { return rawTime(l.At) }},
		count("from", func(l line) int64 { return int64(l.From) }), count("to", func(l line) int64 { return int64(l.To) }),
		count("workers_planned", func(l line) int64 { return int64(l.Planned.Workers) }), count("workers", func(l line) int64 { return int64(l.Actual.Workers) }),
		count("tasks_planned", func(l line) int64 { return l.Planned.Tasks }), count("tasks", func(l line) int64 { return l.Actual.Tasks }),
		{Name: "start", Cell: func(l line) string { return short(l.Actual.Start) }, Raw: func(l line) string { return strconv.FormatFloat(l.Actual.Start.Seconds(), 'f', 3, 64) }},
		{Name: "cost", Cell: func(l line) string { return l.Actual.Cost.Short() }, Raw: func(l line) string { return l.Actual.Cost.String()[1:] }},
		{Name: "bound_by", Cell: func(l line) string { return l.Binding }},
		{Name: "reason", Wide: true, Cell: func(l line) string { return l.Reason }},
	}}
}
