package main

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
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
				return printJob(c, s, s.Follow(ctx, job), job)
			})
		},
	})
}

// oneArgument returns the only positional argument.
func oneArgument(c *cli.Context, name string) (string, error) {
	if c.NArg() != 1 {
		full := strings.TrimPrefix(c.Command.HelpName, "starburst ")
		return "", exit.Errorf(exit.Usage, "%s takes one argument, %s; got %d", full, name, c.NArg()).WithHint("starburst %s --help", full)
	}
	return c.Args().First(), nil
}

// openWherever reopens the local state that --state names, or connects to the
// configured stack: what is said in the command counts more than the environment.
func openWherever(c *cli.Context) (*burst.Session, error) {
	if c.String("state") == "" {
		return connect(c)
	}
	if err := stateExists(c.String("state")); err != nil {
		return nil, err
	}
	return reopen(c)
}

// stateExists refuses a state that no run has made: opening it would make it.
func stateExists(name string) error {
	names, err := laptop.Names()
	switch {
	case err != nil || slices.Contains(names, name):
		return err
	case len(names) == 0:
		return exit.Errorf(exit.NotFound, "there is no local state %q, and no other", name).WithHint("starburst run makes one")
	}
	return exit.Errorf(exit.NotFound, "there is no local state %q", name).WithHint("there are: %s", strings.Join(names, ", "))
}

// reopen opens a session on a local state, with the worker command that the
// state remembers.
func reopen(c *cli.Context) (*burst.Session, error) {
	return openLaptop(c, c.String("state"), nil, nil)
}
