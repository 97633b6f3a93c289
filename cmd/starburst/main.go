// Command starburst bursts embarrassingly parallel work from a laptop to AWS:
// it runs programs once per input, submits jobs, serves the local endpoint, and
// shows what became of it all. Each command is a file; the logic is in packages.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

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
		return failure{w: stderr}.report(err)
	}
	app := newApp(stdin, stdout, stderr)
	l := arrange(app, args[1:])
	failed := failure{w: stderr, path: l.path, debug: slices.Contains(l.globals, "--debug")}
	if l.help {
		return failed.report(printHelp(app, l.path))
	}
	if err := configure(l); err != nil {
		return failed.report(err)
	}
	err := app.RunContext(ctx, l.args(args[0]))
	if code := exit.CodeOf(err); ctx.Err() != nil && err != nil && code != exit.Interrupt && code != exit.Partly {
		err = exit.Errorf(exit.Interrupt, "interrupted")
	}
	return failed.report(err)
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:            "starburst",
		Reader:          stdin,
		Writer:          stdout,
		ErrWriter:       stderr,
		Flags:           globalFlags(),
		Commands:        commands(),
		HideHelp:        true, // arrange sees to it
		HideHelpCommand: true,
		HideVersion:     true,
		// --grid lr=0.1,0.01 is one value.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports errors, in one place
		OnUsageError:              usageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First(), "", commandNames(c.App.Commands))
			}
			return printHelp(c.App, nil)
		},
	}
}

// command marks what is a command of ours; share gives it the rest.
func command(c *cli.Command) *cli.Command { return c }
