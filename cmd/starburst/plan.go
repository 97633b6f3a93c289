package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/producer"
)

func planCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "plan",
		Usage:     "say how long a job would take on AWS, and what its workers would cost",
		UsageText: "starburst plan --tasks 10000 --task-time 30s --workers 1000\nstarburst plan --tasks 500 --task-time 10m --workers 100 --deadline 2h --budget 10",
		Description: "Runs the autoscaler that would size the fleet on simulated workers, 20 times in each mode, and prints what\n" +
			"came of it, which limit stands in the way, and whether this machine would be sooner. The workers' part is that of\n" +
			"x86 Fargate; requests come on top, as in starburst submit --dry-run. Exits with 7 when nothing fits.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "tasks", Required: true, Usage: "number of tasks"},
			&cli.DurationFlag{Name: "task-time", Required: true, Usage: "mean duration of a task"},
			&cli.Float64Flag{Name: "cv", Value: 1, Usage: "how much durations differ: standard deviation / mean; 0 for not at all"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Required: true, Usage: "room for so many workers: what is left of the quota"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.Int64Flag{Name: "vcpu", Value: 1000, Usage: "thousandths of a vCPU per worker"},
			&cli.Int64Flag{Name: "memory", Value: 2048, Usage: "MiB per worker"},
			&cli.Int64Flag{Name: "arg-bytes", Value: 80, Usage: "size of a task's argument, for the requests' part of the bill"},
			networkFlag(),
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
	rest, err := besidesWorkers(c, j)
	if err != nil {
		return err
	}
	p, err := simulate.MakePlan(c.Context, j, runtime.GOMAXPROCS(0))
	if err != nil {
		if c.Context.Err() != nil {
			return err
		}
		return exit.Errorf(exit.Usage, "plan: %w", err)
	}
	if output == "json" {
		err = json.NewEncoder(c.App.Writer).Encode(jsonPlan{p, rest})
	} else if err = p.Print(c.App.Writer); err == nil {
		err = printRest(c.App.Writer, rest)
	}
	if err == nil && !p.Fits {
		return exit.Errorf(exit.Refused, "the job does not fit: %s", p.Why).WithHint("a later deadline, a larger budget, or more workers")
	}
	return err
}

// jsonPlan is a plan with the part of the bill that is not the workers'.
type jsonPlan struct {
	*simulate.Plan
	Besides []cost.EstimatedLine `json:"besides_workers"`
}

// besidesWorkers estimates the rest of the bill with the formulas of `submit --dry-run`
// and `cost`, in the chunks that submit would make.
func besidesWorkers(c *cli.Context, j simulate.Job) ([]cost.EstimatedLine, error) {
	if j.Tasks < 1 || j.Workers < 1 || j.Mean <= 0 || c.Int64("arg-bytes") < 0 {
		return nil, nil // the plan has its own words for these
	}
	net, err := network(c)
	if err != nil {
		return nil, err
	}
	book, _, err := prices.Open(prices.FromEnv(""))
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "prices: %w", err)
	}
	chunk := producer.ChunkSize(j.Tasks, j.Workers, max(1, j.Slots), j.Mean)
	e, err := cost.EstimateJob(book, cost.JobShape{
		Tasks: j.Tasks, Messages: (j.Tasks + chunk - 1) / chunk, ArgBytes: c.Int64("arg-bytes") * int64(j.Tasks),
		TaskTime: bill.Around(j.Mean),
	}, cost.Fleet{Max: j.Workers, Slots: j.Slots, Size: j.Size, Network: net})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(e.Lines, func(l cost.EstimatedLine) bool { return strings.HasPrefix(l.ID, "fargate.") }), nil
}

func printRest(w io.Writer, rest []cost.EstimatedLine) error {
	for i, l := range rest {
		lead := "besides the workers:"
		if i > 0 {
			lead = "                    "
		}
		if _, err := fmt.Fprintf(w, "%s %-16s %s\n", lead, l.ID, l.Cost.Short()); err != nil {
			return err
		}
	}
	return nil
}
