// Command bootstrap asks whether a treatment works: it draws 10,000 bootstrap
// samples from an experiment, a task a sample, and reports the effect with its
// interval. It shows how tasks share a data set without carrying it along: see
// experiment.go (the data and the task), worker.go, and summary.go (the report).
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
	Name: "bootstrap",
	About: `bootstrap draws many samples with replacement from an experiment of 100 controls and
120 treated, a task a sample, and reports the treatment's effect, Cohen's d and a
95 % interval of each. The data are synthetic with a true effect of 5; -seed
chooses the data as well as the samples.`,
	Size: "resamples", N: 10_000, MinN: 100, MaxN: 1_000_000,
}

// draw is what each worker process runs; it keeps the data set between tasks.
var draw = newResampler()

// resample is what workers run.
var resample = starburst.Handle("resample", func(_ context.Context, r Resample) (Effect, error) {
	return draw(r), nil
})

func main() { starburst.Main(run, resample) }

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

	tasks := resamples(opts.Seed, opts.N)
	effects, err := starburst.Map(ctx, s, resample, tasks, starburst.WithWorkers(opts.Workers), starburst.WithReport(report.JobFile(dir)))
	if err != nil {
		return err
	}
	timing := report.Timing{
		Tasks: len(tasks), Elapsed: time.Since(started),
		OneCore: report.OneCore(len(tasks), func(i int) { draw(tasks[i]) }),
	}

	summary := summarize(generate(opts.Seed), effects)
	return report.Publish(os.Stdout, os.Stderr, dir, report.Run[Effect]{
		Example: spec.Name, Seed: opts.Seed, Started: started, Elapsed: timing.Elapsed,
		Summary: summary, Results: effects,
	}, summary.text(opts.Seed, timing))
}
