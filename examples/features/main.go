// Command features makes and describes the features of a million customers, a
// task a chunk of 10,000. It shows how to reduce where the data are: each task
// returns sums that can be merged exactly, never rows. See customers.go (the
// task), income.go (a median that can be merged) and summary.go (the report).
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
	Name: "features",
	About: `features makes the features of many customers (engagement, income bracket, age
group, likely to buy or not), a task a chunk of 10,000, and reports them over all
chunks. Tasks return counts and sums, merged here: a million rows come back as a
kilobyte a chunk, and the totals are exact.`,
	Size: "chunks of 10,000 customers", N: 100, MinN: 1, MaxN: 100_000,
}

// engineer is what workers run.
var engineer = starburst.Handle("engineer", func(_ context.Context, c Chunk) (Features, error) {
	return process(c), nil
})

func main() { starburst.Main(run, engineer) }

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

	tasks := chunks(opts.Seed, opts.N)
	parts, err := starburst.Map(ctx, s, engineer, tasks, starburst.WithWorkers(opts.Workers), starburst.WithReport(report.JobFile(dir)))
	if err != nil {
		return err
	}
	timing := report.Timing{
		Tasks: len(tasks), Elapsed: time.Since(started),
		OneCore: report.OneCore(len(tasks), func(i int) { process(tasks[i]) }),
	}

	summary := summarize(parts)
	return report.Publish(os.Stdout, os.Stderr, dir, report.Run[Features]{
		Example: spec.Name, Seed: opts.Seed, Started: started, Elapsed: timing.Elapsed,
		Summary: summary, Results: parts,
	}, summary.text(opts.Seed, timing))
}
