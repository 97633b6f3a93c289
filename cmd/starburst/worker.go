package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
)

// execHandler is the handler name of tasks that run a program each.
const execHandler = "exec"

func workerCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "worker",
		Usage:     "work on a queue, a program per task",
		UsageText: "starburst worker --exec [--handler NAME] [--slots N] -- CMD {}",
		Description: "Takes tasks of the handler from the stack that the environment describes (STARBURST_QUEUE_URL, STARBURST_TABLE, …),\n" +
			"runs CMD once for each, with every {} replaced by the task's argument, and records its standard output as the\n" +
			"task's result. Ends on SIGTERM when what runs is done.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "exec", Usage: "run the program given after --, once per task"},
			&cli.StringFlag{Name: "handler", Value: execHandler, Usage: "`NAME` of the handler whose tasks to take"},
			&cli.IntFlag{Name: "slots", Usage: "tasks at once", DefaultText: "$STARBURST_SLOTS, else 1"},
		},
		Action: func(c *cli.Context) error {
			name := c.String("handler")
			switch {
			case !c.Bool("exec"):
				return exit.Errorf(exit.Usage, "say how to run tasks").WithHint("starburst worker --exec -- ./simulate.sh {}")
			case name == "" || len(name) > codec.MaxHandlerLen:
				return exit.Errorf(exit.Usage, "--handler must have 1 to %d bytes", codec.MaxHandlerLen)
			}
			h, err := consumer.Process(c.Args().Slice())
			if err != nil {
				return exit.Errorf(exit.Usage, "%w", err).WithHint("give the program after --: starburst worker --exec -- ./simulate.sh {}")
			}
			registry := consumer.Registry{name: h}
			if c.IsSet("slots") {
				if err := os.Setenv(role.EnvSlots, c.String("slots")); err != nil {
					return err
				}
			}
			if handled, err := role.Run(c.Context, registry); handled {
				return err
			}
			return role.RunWorker(c.Context, registry)
		},
	})
}
