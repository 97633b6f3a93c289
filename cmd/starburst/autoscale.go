package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func autoscaleCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "autoscale",
		Usage: "size a stack's ECS services until told to stop",
		UsageText: "starburst autoscale --max-workers 100\n" +
			"starburst autoscale --max-workers 1000 --deadline 30m --budget 20\n" +
			"starburst autoscale --max-workers 100 --once --dry-run",
		Description: "Watches the queue and the workers' ledgers of the stack that the environment describes and sets the desired\n" +
			"counts of its ECS services (STARBURST_CLUSTER, STARBURST_SERVICE): in waves up to --max-workers, never beyond what\n" +
			"quota, subnets and money allow, and to zero when nothing is left. Of several, one leads and the others stand by.\n" +
			"Each decision is stored with its number, its wave, what bound it and why. The variable behind a flag is read\n" +
			"when the flag is not given; the Lambda function reads the same ones. See docs/autoscaling.md.",
		Flags: append(settingFlags(),
			&cli.BoolFlag{Name: "once", Usage: "make one decision, print it, end"},
			&cli.BoolFlag{Name: "dry-run", Usage: "decide and print, change nothing"},
			&cli.DurationFlag{Name: "interval", Value: 10 * time.Second, Usage: "time between two looks"},
			metricsFlag(),
		),
		Action: func(c *cli.Context) error {
			settings, err := readSettings(c, time.Now())
			if err != nil {
				return err
			}
			st, err := findStack(c.Context)
			if err != nil {
				return err
			}
			if st.Cluster == "" || st.Service == "" {
				return exit.Errorf(exit.Usage, "the stack names no ECS service").WithHint("set STARBURST_CLUSTER and STARBURST_SERVICE")
			}
			clients, err := stack.Open(c.Context, st)
			if err != nil {
				return err
			}
			decided, closeMetrics, err := fleetMetrics(c, st, clients)
			if err != nil {
				return err
			}
			defer closeMetrics()
			s, err := burst.Open(c.Context, burst.Config{
				Stack: st, Workers: settings.MaxWorkers, Slots: settings.Slots, Log: oplog.New(c.App.ErrWriter, oplog.Options{Component: "autoscaler"}),
				Autoscale: burst.Autoscale{Manual: true, DryRun: c.Bool("dry-run"), Interval: c.Duration("interval"), Settings: &settings, Decided: decided},
			})
			if err != nil {
				return err
			}
			return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
				if c.Bool("once") {
					return s.DecideOnce(ctx, c.App.Writer)
				}
				return s.Autoscale(ctx)
			})
		},
	})
}

// settingFlags are the flags of the autoscaler's settings.
func settingFlags() (flags []cli.Flag) {
	for _, g := range scaling.All() {
		f := &cli.StringFlag{Name: g.Flag, Usage: fmt.Sprintf("%s [$%s]", g.Usage, g.Env)}
		if g.Env == scaling.EnvMaxWorkers {
			f.Aliases = []string{"workers", "w"}
		}
		flags = append(flags, f)
	}
	return flags
}

// readSettings reads the variables, and what the flags say instead.
func readSettings(c *cli.Context, now time.Time) (scaling.Settings, error) {
	given := map[string]bool{}
	for _, g := range scaling.All() {
		given[g.Env] = c.IsSet(g.Flag)
	}
	s, err := scaling.FromEnv(func(name string) string {
		if given[name] {
			return ""
		}
		return os.Getenv(name)
	})
	if err != nil {
		return s, err
	}
	for _, g := range scaling.All() {
		if given[g.Env] {
			if err := g.Read(&s, c.String(g.Flag), now); err != nil {
				return s, err
			}
		}
	}
	if s.MaxWorkers == 0 {
		return s, exit.Errorf(exit.Usage, "--max-workers is required").WithHint("starburst autoscale --max-workers 100")
	}
	s.Slots = max(1, s.Slots)
	return s, nil
}
