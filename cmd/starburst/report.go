package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	jobreport "github.com/starburst-go/starburst/internal/report"
	"github.com/starburst-go/starburst/store"
)

func reportCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "report",
		Usage: "write what became of a job as one file",
		UsageText: "starburst report JOB                              writes JOB.html\nstarburst report JOB -o report.html               charts, failures, decisions, the bill\n" +
			"starburst report JOB -o report.md                 for a message or a wiki\nstarburst report JOB -o charts.svg                the charts alone\n" +
			"starburst report JOB -o - --format md             to standard output",
		Description: "Queue, workers with their waves, throughput, cost against estimate and cap, task durations, each worker's life, failures with the\n" +
			"command that runs them again, the autoscaler's decisions with their reasons, the plan against what happened, and the bill. The file\n" +
			"needs nothing beside itself, runs no script and loads nothing. It may be written while the job runs.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE`; its ending says the format; - is standard output", DefaultText: "JOB.html"},
			&cli.StringFlag{Name: "format", Usage: "`html|md|svg`, whatever the file is called"},
			stateFlag(),
		},
		Action: reportAction,
	})
}

// reportFlag has a command that waits for its job write the report, too.
func reportFlag() cli.Flag {
	return &cli.StringFlag{Name: "report", Usage: "write the job's report to `FILE` when it is over: .html, .md or .svg"}
}

// wantedReport reads --report, before anything is sent.
func wantedReport(c *cli.Context) (func(*burst.Session, store.Job), error) {
	if !c.IsSet("report") {
		return func(*burst.Session, store.Job) {}, nil
	}
	f, err := burst.ParseReportFile(c.String("report"))
	return func(s *burst.Session, job store.Job) { s.ReportTo(job.ID, f) }, err
}

func reportAction(c *cli.Context) error {
	id, err := oneArgument(c, "JOB")
	if err != nil {
		return err
	}
	name, format, err := reportFile(c, id)
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		var out bytes.Buffer
		if err := s.Report(ctx, id, format, c.String("state"), &out); err != nil {
			return err
		}
		if name == "-" {
			_, err := c.App.Writer.Write(out.Bytes())
			return err
		}
		if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
			return exit.Errorf(exit.Usage, "write the report: %w", err)
		}
		_, err := fmt.Fprintln(c.App.Writer, name)
		return err
	})
}

// reportFile is where the report goes, and its format.
func reportFile(c *cli.Context, id string) (name string, format jobreport.Format, err error) {
	name = c.String("output")
	if name == "" {
		name = filepath.Base(id) + "." + cmp.Or(c.String("format"), string(jobreport.HTML))
	}
	format, known := jobreport.FormatOf(name)
	if c.IsSet("format") {
		format, known = jobreport.FormatOf("x." + c.String("format"))
	}
	if !known {
		return "", "", exit.Errorf(exit.Usage, "the format of the report %q is not known", name).WithHint("-o FILE.%s, or --format %s", join(jobreport.Formats, ", -o FILE."), join(jobreport.Formats, ", --format "))
	}
	return name, format, nil
}
