package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

func wavesCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "waves",
		Usage:     "hold a job's launch waves against what was planned",
		UsageText: "starburst waves JOB\nstarburst waves JOB -o json",
		Description: "A wave is one raise of the fleet. For each that was for the job, or whose workers worked for it: the workers asked for\n" +
			"and those that came, how long their start took, how many tasks they did and what of their bill is the job's. The\n" +
			"costs add up to that of `starburst cost JOB`.",
		Flags: []cli.Flag{outputTableFlag(), stateFlag()},
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			if err := checkTableOrJSON(c); err != nil {
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
				if c.String("output") == "json" {
					return printJSON(c.App.Writer, r)
				}
				return r.Print(c.App.Writer)
			})
		},
	})
}

// outputTableFlag is the flag of commands that print one value, for people or for programs.
func outputTableFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`table|json`"}
}

func checkTableOrJSON(c *cli.Context) error {
	if o := c.String("output"); o != "table" && o != "json" {
		return exit.Errorf(exit.Usage, "-o %q is not a format", o).WithHint("-o table, -o json")
	}
	return nil
}
