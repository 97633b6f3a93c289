package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func attachCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "attach",
		Usage:     "go on with a job that was interrupted, or wait for a detached one",
		UsageText: "starburst attach --state NAME JOB\nstarburst attach JOB                      on a configured stack or a running `starburst dev`",
		Description: "With --state it reopens the local state that an interrupted run left, starts its workers again, waits for the\n" +
			"job and prints its results. Without, it waits for a job that other workers run.",
		Flags: slices.Concat(laptopFlags(), []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "jsonl", Usage: "`text|jsonl|csv|table`"},
		}),
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			if err := checkFormat(c.String("output")); err != nil {
				return err
			}
			s, err := openWherever(c)
			if err != nil {
				return err
			}
			return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
				job, err := s.Attach(ctx, id)
				if err != nil {
					return err
				}
				created(job)
				return printJob(c, s.Follow(ctx, job), job)
			})
		},
	})
}

// oneArgument returns the only positional argument.
func oneArgument(c *cli.Context, name string) (string, error) {
	if c.NArg() != 1 {
		return "", exit.Errorf(exit.Usage, "%s takes one argument, %s; got %d", c.Command.Name, name, c.NArg()).WithHint("starburst %s --help", c.Command.Name)
	}
	return c.Args().First(), nil
}

// openWherever reopens the local state that --state names, or connects to the
// configured stack.
func openWherever(c *cli.Context) (*burst.Session, error) {
	if c.String("state") != "" && stack.FromEnv().IsZero() {
		return reopen(c)
	}
	return connect(c)
}

// reopen opens a session on a local state, with the worker command that the
// state remembers.
func reopen(c *cli.Context) (*burst.Session, error) {
	return openLaptop(c, c.String("state"), nil, nil)
}
