// Command starburst bursts embarrassingly parallel work from a laptop to AWS:
// it runs programs once per input, submits jobs, serves the local endpoint, and
// shows what became of it all. Each command is a file; the logic is in packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(int(code))
}

// run is main without the process around it, for tests.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	if os.Getenv(role.Env) == role.Endpoint {
		_, err := role.Run(ctx, nil)
		return report(stderr, err)
	}
	app := newApp(stdin, stdout, stderr)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if code := exit.CodeOf(err); ctx.Err() != nil && err != nil && code != exit.Interrupt && code != exit.Partly {
		err = exit.Errorf(exit.Interrupt, "interrupted")
	}
	return report(stderr, err)
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:            "starburst",
		Usage:           "burst embarrassingly parallel work from a laptop to AWS",
		UsageText:       "starburst run -- ./simulate.sh {}        run a program once per input, here and now\nstarburst submit HANDLER --input F.jsonl  send a job to a running stack\nstarburst COMMAND --help",
		Reader:          stdin,
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		Suggest:         true,
		// --grid lr=0.1,0.01 is one value.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports errors, in one place
		OnUsageError:              usageError,
		CommandNotFound:           nil,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return exit.Errorf(exit.Usage, "there is no command %q", c.Args().First()).WithHint("starburst --help")
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			runCommand(), submitCommand(), enqueueCommand(), jobsCommand(), tasksCommand(), waitCommand(), logsCommand(), attachCommand(), statusCommand(), watchCommand(), reportCommand(), uiCommand(), resultsCommand(), retryCommand(), cancelCommand(), dlqCommand(), codecCommand(),
			devCommand(), workerCommand(), bridgeCommand(), autoscaleCommand(), simulateCommand(), planCommand(), quotaCommand(), scaleCommand(), wavesCommand(), initCommand(), imageCommand(), deployCommand(), doctorCommand(), helloCommand(), downCommand(), costCommand(), pricesCommand(), benchCommand(), exitCodesCommand(), versionCommand(),
		},
	}
}

func usageError(_ *cli.Context, err error, _ bool) error {
	return exit.Errorf(exit.Usage, "%w", err)
}

// command fills in what every command shares.
func command(c *cli.Command) *cli.Command {
	c.OnUsageError = usageError
	return c
}

// report prints an error in up to three lines, what, why and what next, and returns its exit code.
func report(w io.Writer, err error) exit.Code {
	if err == nil {
		return exit.OK
	}
	code, hint := exit.CodeOf(err), exit.HintOf(err)
	advice := awserr.Explain(err)
	if typed := (*exit.Error)(nil); !errors.As(err, &typed) {
		code = codeFor(advice.Kind)
		if errors.Is(err, syscall.ECONNREFUSED) {
			hint = "nothing listens there: is `starburst dev` still running? Its export lines are of no use without it"
		}
	}
	_, _ = fmt.Fprintf(w, "%s %v\n", code.Word(), err)
	if hint == "" && advice.Kind != awserr.Unknown {
		hint = advice.Next
		_, _ = fmt.Fprintf(w, "why:   %s\n", advice.What)
	}
	if hint != "" {
		_, _ = fmt.Fprintf(w, "try:   %s\n", hint)
	}
	return code
}

// codeFor is the exit code of an error of AWS that nobody has given one.
func codeFor(k awserr.Kind) exit.Code {
	switch k {
	case awserr.NoCredentials, awserr.Expired, awserr.BadKey, awserr.Denied:
		return exit.Permission
	case awserr.Absent, awserr.ImageAbsent:
		return exit.NotFound
	case awserr.QuotaReached:
		return exit.Refused
	case awserr.Unknown, awserr.Unreachable, awserr.WrongArch, awserr.NoRoute, awserr.NoAddress, awserr.NoCapacity, awserr.OutOfMemory:
	}
	return exit.Failed
}

func exitCodesCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "exit-codes",
		Usage: "list the exit codes",
		Action: func(c *cli.Context) error {
			for _, e := range exit.Table {
				if _, err := fmt.Fprintf(c.App.Writer, "%3d  %s\n", e.Code, e.Meaning); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
