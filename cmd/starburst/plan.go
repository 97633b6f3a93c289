package main

import (
	"encoding/json"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
)

func planCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "plan",
		Usage:     "say how long a job would take on AWS, and what its workers would cost",
		UsageText: "starburst plan --tasks 10000 --task-time 30s --workers 1000\nstarburst plan --tasks 500 --task-time 10m --workers 100 --deadline 2h --budget 10",
		Description: "Runs the autoscaler that would size the fleet on simulated workers, 20 times in each mode, and prints what\n" +
			"came of it, which limit stands in the way, and whether this machine would be sooner. Compute only, on x86\n" +
			"Fargate; requests and addresses: starburst submit --dry-run. Exits with 7 when nothing fits.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "tasks", Required: true, Usage: "number of tasks"},
			&cli.DurationFlag{Name: "task-time", Required: true, Usage: "mean duration of a task"},
			&cli.Float64Flag{Name: "cv", Value: 1, Usage: "how much durations differ: standard deviation / mean; 0 for not at all"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Required: true, Usage: "room for so many workers: what is left of the quota"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.Int64Flag{Name: "vcpu", Value: 1000, Usage: "thousandths of a vCPU per worker"},
			&cli.Int64Flag{Name: "memory", Value: 2048, Usage: "MiB per worker"},
			&cli.DurationFlag{Name: "deadline", Usage: "how long it may take"},
			&cli.StringFlag{Name: "budget", Usage: "what the workers may cost, in dollars"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`table|json`"},
		},
		Action: plan,
	})
}

func plan(c *cli.Context) error {
	j := simulate.Job{
		Tasks: c.Int("tasks"), Mean: c.Duration("task-time"), CV: c.Float64("cv"), Workers: c.Int("workers"), Slots: c.Int("slots"),
		Size: cost.Size{VCPUMilli: c.Int64("vcpu"), MemoryMiB: c.Int64("memory")}, Deadline: c.Duration("deadline"), Cores: runtime.NumCPU(),
	}
	output := c.String("output")
	if output != "table" && output != "json" {
		return exit.Errorf(exit.Usage, "-o %q is not a format", output).WithHint("-o table, -o json")
	}
	if b := c.String("budget"); b != "" {
		var err error
		if j.Budget, err = cost.ParsePicoUSD(b); err != nil {
			return exit.Errorf(exit.Usage, "--budget: %w", err)
		}
	}
	p, err := simulate.MakePlan(c.Context, j, runtime.GOMAXPROCS(0))
	if err != nil {
		if c.Context.Err() != nil {
			return err
		}
		return exit.Errorf(exit.Usage, "plan: %w", err)
	}
	if output == "json" {
		err = json.NewEncoder(c.App.Writer).Encode(p)
	} else {
		err = p.Print(c.App.Writer)
	}
	if err == nil && !p.Fits {
		return exit.Errorf(exit.Refused, "the job does not fit: %s", p.Why).WithHint("a later deadline, a larger budget, or more workers")
	}
	return err
}
