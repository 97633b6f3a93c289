package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/consumer/child"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

// protocolDoc is the hint of what goes wrong between a worker and its children.
const protocolDoc = "docs/worker-protocol.md has the rules; starburst worker --selftest -- CMD tells which one is broken"

// childFlags are those of `worker --serve`; `dev` and `run` hand them on.
func childFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "serve", Usage: "run tasks in long-lived processes started by `CMD`, which speak the worker protocol"},
		&cli.StringFlag{Name: "memory", EnvVars: []string{"STARBURST_CHILD_MEMORY"}, Usage: "end a child with more than `SIZE` resident, such as 2GiB", DefaultText: "no limit"},
		&cli.IntFlag{Name: "recycle-after", Usage: "replace a child after `N` tasks", DefaultText: "never"},
		&cli.StringFlag{Name: "recycle-rss", Usage: "replace a child that has more than `SIZE` resident between two tasks", DefaultText: "never"},
		&cli.DurationFlag{Name: "start-timeout", Value: child.DefaultStartTimeout, Usage: "how long a child may take to say hello"},
	}
}

// childConfig reads childFlags.
func childConfig(c *cli.Context, argv []string) (child.Config, error) {
	cfg := child.Config{Command: argv, Env: os.Environ(), RecycleAfter: c.Int("recycle-after"), StartTimeout: c.Duration("start-timeout")}
	for _, size := range []struct {
		flag string
		into *int64
	}{{"memory", &cfg.Memory}, {"recycle-rss", &cfg.RecycleRSS}} {
		if text := c.String(size.flag); text != "" {
			n, err := child.ParseSize(text)
			if err != nil {
				return cfg, exit.Errorf(exit.Usage, "--%s: %w", size.flag, err)
			}
			*size.into = n
		}
	}
	if cfg.RecycleAfter < 0 || cfg.StartTimeout <= 0 {
		return cfg, exit.Errorf(exit.Usage, "--recycle-after and --start-timeout must be positive")
	}
	return cfg, nil
}

// serveAction is `worker --serve`: as the role says, it names the handlers or works.
func serveAction(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "--serve takes the whole command as one argument").WithHint("starburst worker --serve 'python3 worker.py'")
	}
	argv, err := child.Split(c.String("serve"))
	if err != nil {
		return exit.Errorf(exit.Usage, "--serve: %w", err)
	}
	cfg, err := childConfig(c, argv)
	if err != nil {
		return err
	}
	if os.Getenv(role.Env) == role.Handlers {
		cfg.QuickDeaths = 1 // somebody waits for the answer
	} else {
		cfg.Log = oplog.New(os.Stderr, oplog.Options{Component: "worker", Local: stack.FromEnv().Endpoint != ""})
		if cfg.Slots, err = slots(); err != nil {
			return err
		}
	}
	pool, err := child.Start(c.Context, cfg)
	if err != nil {
		if c.Context.Err() != nil {
			return c.Context.Err()
		}
		return exit.Errorf(exit.Failed, "%w", err).WithHint(protocolDoc)
	}
	defer closePool(c.Context, pool)
	return serve(c.Context, pool, instruments(c))
}

// serve works until it is told to stop, or the children cannot work.
func serve(ctx context.Context, pool *child.Pool, watching []role.Instrument) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { pool.Quiet(time.Now().Add(consumer.DefaultGrace)) })()
	go func() {
		select {
		case <-pool.Unhealthy():
			stop()
		case <-ctx.Done():
		}
	}()
	handled, err := role.Run(ctx, pool.Registry(), watching...)
	if !handled {
		err = role.RunWorker(ctx, pool.Registry(), watching...)
	}
	if why := pool.Err(); why != nil {
		return errors.Join(exit.Errorf(exit.Failed, "%w", why).WithHint(protocolDoc), err)
	}
	return err
}

// poolTimeout bounds the end of the children, within what ECS leaves a worker after its grace period.
const poolTimeout = 3 * time.Second

func closePool(ctx context.Context, pool *child.Pool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), poolTimeout)
	defer cancel()
	pool.Close(ctx)
}

// slots is how many tasks this worker runs at once.
func slots() (int, error) {
	v := os.Getenv(role.EnvSlots)
	if v == "" {
		return consumer.DefaultSlots, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, exit.Errorf(exit.Usage, "%s is %q, not a number from 1", role.EnvSlots, v)
	}
	return n, nil
}
