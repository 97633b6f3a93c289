package main

import (
	"os"
	"slices"

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
		Name:  "worker",
		Usage: "work on a queue, in programs of any language",
		UsageText: "starburst worker --exec [--handler NAME] [--slots N] -- CMD {}\n" +
			"starburst worker --serve 'python3 worker.py' [--slots N] [--memory SIZE]\n" +
			"starburst worker --selftest -- python3 worker.py",
		Description: "Takes tasks from the stack that the environment describes (STARBURST_QUEUE_URL, STARBURST_TABLE, …) and records\n" +
			"their results. Ends on SIGTERM when what runs is done.\n" +
			"--exec runs CMD once for each task of the handler, as `starburst run` does, and records its standard output.\n" +
			"--serve keeps a process per slot, which names its handlers itself and answers task after task: docs/worker-protocol.md.\n" +
			"--selftest plays that protocol's vectors against CMD and reports on each.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "selftest", Usage: "play the worker protocol's vectors against the command given after --"},
			&cli.BoolFlag{Name: "bench", Usage: "measure round trips and throughput of a child started by the command given after --"},
			&cli.BoolFlag{Name: "exec", Usage: "run the program given after --, once per task"},
			&cli.StringFlag{Name: "handler", Value: execHandler, Usage: "`NAME` of the handler whose tasks to take"},
			&cli.IntFlag{Name: "slots", Usage: "tasks at once", DefaultText: "$STARBURST_SLOTS, else 1"},
			metricsFlag(),
		}, programFlags(), childFlags(), joblogFlags(), []cli.Flag{
			&cli.IntFlag{Name: "attempts", Hidden: true},
			&cli.StringFlag{Name: "halt-file", Hidden: true},
		}),
		Action: workerAction,
	})
}

func workerAction(c *cli.Context) error {
	if c.IsSet("slots") {
		if err := os.Setenv(role.EnvSlots, c.String("slots")); err != nil {
			return err
		}
	}
	name := c.String("handler")
	switch {
	case c.Bool("selftest"):
		return selfTestAction(c)
	case c.Bool("bench"):
		return measureAction(c)
	case c.IsSet("serve") && c.Bool("exec"):
		return exit.Errorf(exit.Usage, "--serve and --exec exclude each other")
	case c.IsSet("serve"):
		return serveAction(c)
	case !c.Bool("exec"):
		return exit.Errorf(exit.Usage, "say how to run tasks").WithHint("starburst worker --exec -- ./simulate.sh {}, or --serve 'python3 worker.py'")
	case name == "" || len(name) > codec.MaxHandlerLen:
		return exit.Errorf(exit.Usage, "--handler must have 1 to %d bytes", codec.MaxHandlerLen)
	}
	h, err := execProgram(c, c.Args().Slice())
	if err != nil {
		return err
	}
	registry := consumer.Registry{name: h}
	watching := instruments(c)
	if handled, err := role.Run(c.Context, registry, watching...); handled {
		return err
	}
	return role.RunWorker(c.Context, registry, watching...)
}
