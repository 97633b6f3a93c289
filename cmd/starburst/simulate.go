package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
)

func simulateCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "simulate",
		Usage: "compare autoscaling policies on simulated work",
		UsageText: "starburst simulate --scenario burst --policy ours,keda5,spark --plot burst.svg\n" +
			"starburst simulate --scenario all --policy all\nstarburst simulate --list",
		Description: "Runs the autoscaler that sizes real fleets, and the rules of others, against simulated ones. No AWS is needed\n" +
			"or asked. /BOUND is how far a policy is from what nobody can do better, even knowing every task before.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenario", Value: "burst", Usage: "names with commas between; `all` for the fifteen, faults for the others"},
			&cli.StringFlag{Name: "policy", Value: "ours", Usage: "names with commas between, or `all`"},
			&cli.IntFlag{Name: "runs", Value: 5, Usage: "runs of each, with the seeds 1, 2, …"},
			&cli.IntFlag{Name: "tasks", Usage: "so many tasks instead of the scenario's"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Usage: "room for so many workers instead of the scenario's"},
			&cli.StringFlag{Name: "plot", Usage: "draw the first run of each policy on the first scenario to `FILE.svg`"},
			formatFlag(listing.Table, listing.JSON, listing.JSONL, "markdown"),
			&cli.BoolFlag{Name: "list", Usage: "list scenarios and policies"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("list") {
				return listSimulations(c)
			}
			return runSimulations(c)
		},
	})
}

func runSimulations(c *cli.Context) error {
	scenarios, err := chosenScenarios(c)
	if err != nil {
		return err
	}
	policies, err := chosenPolicies(c.String("policy"))
	if err != nil {
		return err
	}
	if c.Int("runs") < 1 {
		return exit.Errorf(exit.Usage, "--runs must be at least 1")
	}
	rows, err := simulate.Compare(c.Context, scenarios, policies, c.Int("runs"), runtime.GOMAXPROCS(0))
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	if file := c.String("plot"); file != "" {
		if err := plotSimulation(file, scenarios[0], policies); err != nil {
			return err
		}
	}
	if format := listing.Format(c.String("output")); format == listing.JSON || format == listing.JSONL {
		_, err := listing.List[simulate.Row]{Schema: "starburst.simulations/v1"}.Write(c.App.Writer, listing.Options{Format: format}, all(rows))
		return err
	}
	return simulate.Print(c.App.Writer, c.String("output"), rows)
}

func chosenScenarios(c *cli.Context) ([]simulate.Scenario, error) {
	var chosen []simulate.Scenario
	for name := range strings.SplitSeq(c.String("scenario"), ",") {
		switch s, ok := simulate.ScenarioNamed(name); {
		case name == "all":
			chosen = append(chosen, simulate.Scenarios()...)
		case name == "faults":
			chosen = append(chosen, simulate.Faults()...)
		case ok:
			chosen = append(chosen, s)
		default:
			return nil, exit.Errorf(exit.Usage, "there is no scenario %q", name).WithHint("starburst simulate --list")
		}
	}
	if c.Int("tasks") < 0 || c.Int("workers") < 0 {
		return nil, exit.Errorf(exit.Usage, "--tasks and --workers must not be negative")
	}
	for i := range chosen {
		if n := c.Int("tasks"); n > 0 {
			chosen[i].Batches[0].Tasks = n
		}
		if n := c.Int("workers"); n > 0 {
			chosen[i].Quota = n
		}
	}
	return chosen, nil
}

func chosenPolicies(names string) ([]simulate.Named, error) {
	var chosen []simulate.Named
	for name := range strings.SplitSeq(names, ",") {
		p, ok := simulate.PolicyNamed(name)
		switch {
		case name == "all":
			chosen = append(chosen, simulate.Policies()...)
		case ok:
			chosen = append(chosen, p)
		default:
			return nil, exit.Errorf(exit.Usage, "there is no policy %q", name).WithHint("starburst simulate --list")
		}
	}
	return chosen, nil
}

// plotSimulation draws the policies' first runs of a scenario.
func plotSimulation(file string, s simulate.Scenario, policies []simulate.Named) error {
	var curves []simulate.Curve
	for _, p := range policies {
		curves = append(curves, simulate.Curve{Name: p.Name, Result: simulate.Run(s, p.New(), 1, simulate.Options{Trace: true})})
	}
	var svg bytes.Buffer
	if err := simulate.Plot(&svg, s.Name+": "+s.About, curves); err != nil {
		return fmt.Errorf("draw %s: %w", s.Name, err)
	}
	if err := os.WriteFile(file, svg.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

func listSimulations(c *cli.Context) error {
	t := tabwriter.NewWriter(c.App.Writer, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SCENARIO\t")
	for _, s := range append(simulate.Scenarios(), simulate.Faults()...) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", s.Name, s.About)
	}
	_, _ = fmt.Fprintln(t, "POLICY\t")
	for _, p := range simulate.Policies() {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", p.Name, p.About)
	}
	return t.Flush() // it keeps the first error
}
