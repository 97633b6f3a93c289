package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/bridge"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
)

// envBridgeToken holds what the bridge's caller must say first. Not a flag: those are seen by everybody on the machine.
const envBridgeToken = "STARBURST_BRIDGE_TOKEN"

func bridgeCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "bridge",
		Usage:     "serve a client in another language over one connection",
		UsageText: "starburst bridge --ready FILE --handler starburst.r --serve 'Rscript -e starburst::sb_worker()'",
		Description: "For clients such as the R package, which start it: writes the port it listens on to FILE, takes the caller that says the token of\n" +
			envBridgeToken + ", runs the tasks it puts and sends their outcomes back, until it goes. On the stack that the environment\n" +
			"describes; else with workers of its own on this machine, that run the command of --serve. What it speaks: internal/bridge/doc.go.",
		Hidden: true,
		Flags: append(laptopFlags(),
			&cli.StringFlag{Name: "ready", Required: true, Usage: "`FILE` to write {port, pid} to"},
			&cli.StringFlag{Name: "handler", Required: true, Usage: "`NAME` of the handler that runs the tasks"},
			&cli.StringFlag{Name: "serve", Usage: "`COMMAND` of the worker, for workers on this machine"},
			&cli.BoolFlag{Name: "detached", Usage: "on this machine: let the workers go on when the caller has gone"},
			&cli.IntFlag{Name: "attempts", Value: producer.DefaultMaxAttempts, Usage: "how often a failing task is run in all"},
			&cli.DurationFlag{Name: "timeout", Usage: "time limit of one task"},
			&cli.DurationFlag{Name: "keep", Value: 24 * time.Hour, Usage: "how long results are kept"},
			&cli.StringFlag{Name: "max-cost", Usage: "what all jobs of the caller together may cost, in dollars"},
			&cli.StringFlag{Name: "label", Usage: "`TEXT` for people, kept with the jobs"},
		),
		Action: bridgeAction,
	})
}

func bridgeAction(c *cli.Context) error {
	signal.Ignore(os.Interrupt) // Ctrl-C at the caller's prompt is the caller's
	limit, err := maxCost(c)
	if err != nil {
		return err
	}
	l, err := bridge.Listen(c.Context, c.String("ready"))
	if err != nil {
		return err
	}
	conn, err := bridge.Accept(c.Context, l, os.Getenv(envBridgeToken))
	if err != nil {
		return err
	}
	s, err := openBridged(c)
	if err != nil {
		bridge.Fail(conn, err)
		return errors.Join(err, conn.Close())
	}
	return errors.Join(serveBridge(c, s, conn, limit), closeBridged(c.Context, s))
}

func serveBridge(c *cli.Context, s *burst.Session, conn net.Conn, limit int64) error {
	return bridge.Serve(c.Context, conn, bridge.Config{
		Session: s, Handler: c.String("handler"), Workers: c.Int("workers"), Abandon: s.Endpoint() != nil,
		Spec: producer.Spec{
			MaxAttempts: c.Int("attempts"), Timeout: c.Duration("timeout"), Keep: c.Duration("keep"), Label: c.String("label"), MaxCostPico: limit,
		},
		Ready: map[string]any{"version": version},
	})
}

func closeBridged(ctx context.Context, s *burst.Session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return s.Close(ctx)
}

// openBridged opens the configured stack, else one of this machine's.
func openBridged(c *cli.Context) (*burst.Session, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if c.Int("workers") < 1 || c.Int("slots") < 1 {
		return nil, exit.Errorf(exit.Usage, "--workers and --slots must be at least 1")
	}
	t, err := tracer(c.Context)
	if err != nil {
		return nil, err
	}
	config := burst.Config{Workers: c.Int("workers"), Slots: c.Int("slots"), Tracer: t, Log: logger(c.App.ErrWriter)}
	given := stack.FromEnv()
	switch {
	case !given.IsZero():
		config.Stack = given
	case c.Bool("detached"):
		if config.Stack, err = detachedStack(c, self); err != nil {
			return nil, err
		}
		config.Stack.Cluster, config.Stack.Service = "", "" // whoever serves it sizes it
	default:
		config.State, config.Endpoint, config.Handlers = c.String("state"), []string{self}, []string{c.String("handler")}
		config.Command = []string{self, "worker", "--serve", c.String("serve")}
	}
	s, err := burst.Open(c.Context, config)
	if err == nil && given.IsZero() && c.Bool("detached") {
		err = bridge.AwaitHandler(c.Context, s, c.String("handler"))
	}
	return s, err
}

func detachedStack(c *cli.Context, self string) (stack.Stack, error) {
	var dev []string
	if c.String("serve") != "" {
		dev = []string{self, "dev", "--state", c.String("state"), "--port", "0", "--workers", c.String("workers"), "--slots", c.String("slots"), "--serve", c.String("serve")}
	}
	return bridge.Daemon(c.Context, c.String("state"), dev)
}
