package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

func autoscaleCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "autoscale",
		Usage:     "size a stack's ECS service until told to stop",
		UsageText: "starburst autoscale --workers 100",
		Description: "Watches the queue and the workers' ledgers of the stack that the environment describes and sets the desired\n" +
			"count of its ECS service (STARBURST_CLUSTER, STARBURST_SERVICE) in doubling waves up to --workers, and to zero\n" +
			"when nothing is left. Of several, one leads and the others stand by. Each decision is stored with its reason.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Usage: "most workers; required"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.BoolFlag{Name: "once", Usage: "make one decision, print it, end"},
			&cli.BoolFlag{Name: "dry-run", Usage: "decide and print, change nothing"},
			&cli.DurationFlag{Name: "interval", Value: 10 * time.Second, Usage: "time between two looks"},
		},
		Action: func(c *cli.Context) error {
			if c.Int("workers") < 1 || c.Int("slots") < 1 {
				return exit.Errorf(exit.Usage, "--workers and --slots must be at least 1").WithHint("starburst autoscale --workers 100")
			}
			st, err := findStack(c.Context)
			if err != nil {
				return err
			}
			if st.Cluster == "" || st.Service == "" {
				return exit.Errorf(exit.Usage, "the stack names no ECS service").WithHint("set STARBURST_CLUSTER and STARBURST_SERVICE")
			}
			s, err := burst.Open(c.Context, burst.Config{
				Stack: st, Workers: c.Int("workers"), Slots: c.Int("slots"), Log: slog.New(slog.NewTextHandler(c.App.ErrWriter, nil)),
				Autoscale: burst.Autoscale{Manual: true, DryRun: c.Bool("dry-run"), Interval: c.Duration("interval")},
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
