// Command montecarlo simulates a year of a portfolio 10,000 times, a task a
// year, and reports what to expect of it. It is the smallest of the examples:
// start reading here, then portfolio.go (the task) and summary.go (the report).
package main

import (
	"context"
	"os"
	"time"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/examples/internal/options"
	"github.com/starburst-go/starburst/examples/internal/report"
)

var spec = options.Spec{
	Name: "montecarlo",
	About: `montecarlo simulates one year of a portfolio many times, a task a year, and reports
final values, returns, drawdowns and the chance of a loss. Each year has a random
stream of its own, so the answer depends on -seed and -n only: not on how many
workers there are, nor on which of them runs what.`,
	Size: "simulated years", N: 10_000, MinN: 20, MaxN: 1_000_000,
}

// simulate is what workers run.
var simulate = starburst.Handle("simulate", func(_ context.Context, p Path) (Outcome, error) {
	return walk(p), nil
})

// The same program is caller and worker: Main finds out which this process is.
func main() { starburst.Main(run, simulate) }

func run(ctx context.Context, s *starburst.Session) error {
	opts, err := options.Parse(spec, os.Args[1:], os.Stdout)
	if err != nil {
		return err // -h among them: Main knows
	}

	started := time.Now()
	dir, err := report.MakeFolder(opts.Out, os.Getenv(report.FolderVariable), spec.Name, started)
	if err != nil {
		return err
	}

	tasks := paths(opts.Seed, opts.N)
	outcomes, err := starburst.Map(ctx, s, simulate, tasks, starburst.WithWorkers(opts.Workers), starburst.WithReport(report.JobFile(dir)))
	if err != nil {
		return err
	}
	timing := report.Timing{
		Tasks: len(tasks), Elapsed: time.Since(started),
		OneCore: report.OneCore(len(tasks), func(i int) { walk(tasks[i]) }),
	}

	summary := summarize(outcomes)
	return report.Publish(os.Stdout, os.Stderr, dir, report.Run[Outcome]{
		Example: spec.Name, Seed: opts.Seed, Started: started, Elapsed: timing.Elapsed,
		Summary: summary, Results: outcomes,
	}, summary.text(opts.Seed, timing))
}
