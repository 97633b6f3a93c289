package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/view"
)

// findStack returns the stack that the settings describe or name, else the one that
// a running `starburst dev` serves.
func findStack(ctx context.Context) (stack.Stack, error) {
	if s := stack.FromEnv(); !s.IsZero() {
		return s, s.Validate()
	}
	if found, named, err := namedSite(ctx, os.Getenv(config.EnvTerraform), os.Getenv(deploy.EnvStack)); named || err != nil {
		return found.Stack(), err
	}
	s, err := laptop.Find(ctx, laptop.DevState)
	if errors.Is(err, laptop.ErrNotRunning) {
		return s, exit.Errorf(exit.NotFound, "no stack is configured and no local endpoint is running").
			WithHint("start one in another terminal: starburst dev -- starburst worker --exec -- ./simulate.sh {}; or choose one on AWS: starburst init --stack NAME --save")
	}
	return s, err
}

// connect opens a session on the configured stack.
func connect(c *cli.Context) (*burst.Session, error) {
	s, err := findStack(c.Context)
	if err != nil {
		return nil, err
	}
	return openOn(c, s)
}

// openOn opens a session on a stack without a part in sizing its fleet: whoever owns that does it.
func openOn(c *cli.Context, s stack.Stack) (*burst.Session, error) {
	s.Cluster, s.Service = "", ""
	t, err := tracer(c.Context)
	if err != nil {
		return nil, err
	}
	d := view.NewDisplay(c.App.ErrWriter)
	return burst.Open(c.Context, burst.Config{Stack: s, Workers: 1, Slots: 1, Tracer: t, Display: d, LastLine: true, Log: logger(d)})
}

// openToRead opens a stack, or the state of a local run, without starting workers. A run that is under way
// serves its state itself.
func openToRead(c *cli.Context) (*burst.Session, error) {
	if c.String("state") == "" {
		return connect(c)
	}
	if err := stateExists(c.String("state")); err != nil {
		return nil, err
	}
	if running, err := laptop.Find(c.Context, c.String("state")); err == nil {
		return openOn(c, running)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	d := view.NewDisplay(c.App.ErrWriter)
	return burst.Open(c.Context, burst.Config{
		State: c.String("state"), Job: c.Args().First(), Workers: 1, Slots: 1, Endpoint: []string{self},
		Autoscale: burst.Autoscale{Manual: true}, Display: d, LastLine: true, Log: logger(d),
	})
}

// stateFlag lets a command that reads look into the state of a local run.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state", EnvVars: []string{"STARBURST_STATE"}, Usage: "`NAME` of a local run's state, for a job of `starburst run`"}
}

func logger(w io.Writer) *slog.Logger {
	return oplog.New(w, oplog.Options{Level: slog.LevelWarn, Local: true})
}

// laptopFlags size a fleet on this machine.
func laptopFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "workers", Aliases: []string{"w", "j"}, Value: runtime.NumCPU(), EnvVars: []string{"STARBURST_WORKERS"}, Usage: "most worker processes"},
		&cli.IntFlag{Name: "slots", Value: 1, EnvVars: []string{role.EnvSlots}, Usage: "tasks at once per worker"},
		&cli.StringFlag{Name: "state", EnvVars: []string{"STARBURST_STATE"}, Usage: "`NAME` of the local state directory"},
	}
}

// openLaptop opens a session that brings its own endpoint and fleet.
func openLaptop(c *cli.Context, state string, worker, handlers []string) (*burst.Session, error) {
	if c.Int("workers") < 1 || c.Int("slots") < 1 {
		return nil, exit.Errorf(exit.Usage, "--workers and --slots must be at least 1")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if worker != nil {
		worker = append([]string{self}, worker...)
	}
	t, err := tracer(c.Context)
	if err != nil {
		return nil, err
	}
	d := view.NewDisplay(c.App.ErrWriter)
	return burst.Open(c.Context, burst.Config{
		State: state, Job: c.String("job"), Workers: c.Int("workers"), Slots: c.Int("slots"), Handlers: handlers,
		Command: worker, Endpoint: []string{self}, Tracer: t, Display: d, LastLine: true, Log: logger(d),
	})
}
