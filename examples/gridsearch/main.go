// Command gridsearch tunes a logistic regression: 16 configurations, each
// cross-validated on 5 folds, a task a fold. It shows a grid of unequal tasks,
// and an argument error that must not be tried again. See dataset.go, fit.go
// (the task), grid.go and summary.go (the report).
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
	Name: "gridsearch",
	About: `gridsearch cross-validates 16 configurations of a logistic regression (4 penalties,
4 feature sets) on 5 folds, a task a fold, and reports which is best and whether
it is better by more than chance. All configurations are tested on the same
folds. With -n 100000 each task takes 0.1 s, and more workers begin to pay.`,
	Size: "rows of data", N: 1000, MinN: 50, MaxN: 1_000_000,
}

// fit is what each worker process runs; it keeps the data set between tasks.
var fit = newFitter()

// train is what workers run. Its only error is an unknown feature, which no
// further attempt can cure.
var train = starburst.Handle("train", func(_ context.Context, f Fit) (Score, error) {
	score, err := fit(f)
	return score, starburst.Permanent(err)
})

func main() { starburst.Main(run, train) }

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

	tasks := grid(opts.Seed, opts.N)
	scores, err := starburst.Map(ctx, s, train, tasks, starburst.WithWorkers(opts.Workers), starburst.WithReport(report.JobFile(dir)))
	if err != nil {
		return err
	}
	timing := report.Timing{
		Tasks: len(tasks), Elapsed: time.Since(started),
		OneCore: report.OneCore(len(tasks), func(i int) { _, _ = fit(tasks[i]) }),
	}

	summary := summarize(generate(dataKey{opts.Seed, opts.N}), tasks, scores)
	return report.Publish(os.Stdout, os.Stderr, dir, report.Run[Score]{
		Example: spec.Name, Seed: opts.Seed, Started: started, Elapsed: timing.Elapsed,
		Summary: summary, Results: scores,
	}, summary.text(opts.Seed, timing))
}
