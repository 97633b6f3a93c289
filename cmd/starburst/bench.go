package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bench"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
)

// envServerPIDs names the processes of the servers that --servers uses, so that their use of the machine is measured.
const envServerPIDs = "STARBURST_BENCH_SERVER_PIDS"

func benchCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "bench",
		Usage: "measure the whole path, or a part of it, with no-op tasks",
		Description: "Pushes no-op tasks through a local endpoint of its own and worker processes, from submit to the last result\n" +
			"read, and prints tasks per second, CPU time per task and peak memory of producer, workers and servers.\n" +
			"Workers start from zero and are part of the time, except with --warmup, --fixed, late calls or --servers.\n\n" +
			"--mode full     from the submit to the last result read\n" +
			"       produce  to the confirmation of the last message, without workers\n" +
			"       consume  of a queue that was filled before, to the last result read\n" +
			"       latency  one task after the other, each from submit to result",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "mode", Value: string(bench.Full), Usage: "full, produce, consume or latency"},
			&cli.IntFlag{Name: "tasks", Value: 100_000, DefaultText: "100000; 200 for latency", Usage: "tasks to push"},
			&cli.IntFlag{Name: "chunk", Usage: "tasks per message", DefaultText: "as for any job"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Value: runtime.NumCPU(), Usage: "most worker processes"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.StringFlag{Name: "input", Usage: "read the arguments from `FILE` (JSONL, CSV, text) instead of making them"},
			&cli.IntFlag{Name: "size", Usage: "`BYTES` of each argument", DefaultText: "a small number"},
			&cli.IntFlag{Name: "result-size", Usage: "`BYTES` of each result", DefaultText: "none"},
			&cli.DurationFlag{Name: "work", Usage: "how long the handler waits"},
			&cli.IntFlag{Name: "warmup", Usage: "tasks to push before the clock starts"},
			&cli.BoolFlag{Name: "fixed", Usage: "start the workers before the clock, without the autoscaler"},
			&cli.DurationFlag{Name: "sqs-latency", Usage: "make every call to SQS late by this much in the median, half of it on the way back"},
			&cli.DurationFlag{Name: "dynamodb-latency", Usage: "the same for DynamoDB"},
			&cli.Float64Flag{Name: "spread", Value: 0.5, Usage: "standard deviation of the latencies' logarithm; at 0.5 one call in a hundred takes 3.2 times the median"},
			&cli.BoolFlag{Name: "servers", Usage: "use the servers that AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB name, or AWS itself, with a queue and a table of the run's own"},
			formatFlag("text", listing.JSON),
			&cli.BoolFlag{Name: "price", Usage: "print what the requests of a million small tasks cost, for fleets of 4, 100 and 10,000 workers"},
			&cli.DurationFlag{Name: "scale", Usage: "print what jobs of 10³ to 10⁹ tasks of this `DURATION` ask of AWS, by arithmetic"},
			&cli.BoolFlag{Name: "noise", Usage: "arguments and results that do not compress"},
			&cli.BoolFlag{Name: "worker", Hidden: true, Usage: "be one of the bench's workers"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("worker") {
				return bench.Worker(c.Context)
			}
			config, err := benchConfig(c)
			if err != nil {
				return err
			}
			book, err := cost.Embedded() // list prices: the figures are to be compared
			if err != nil {
				return err
			}
			switch {
			case c.Bool("price"):
				return benchPrices(c, config, book)
			case c.Duration("scale") > 0:
				return bench.PrintDecades(c.App.Writer, book, c.Duration("scale"))
			}
			r, err := bench.Run(c.Context, config)
			if err != nil {
				return err
			}
			if c.String("output") == "json" {
				return r.WriteJSON(c.App.Writer)
			}
			return r.Print(c.App.Writer, book)
		},
	})
}

func benchConfig(c *cli.Context) (bench.Config, error) {
	self, err := os.Executable()
	if err != nil {
		return bench.Config{}, fmt.Errorf("find this program: %w", err)
	}
	var pids []int
	for f := range strings.FieldsSeq(os.Getenv(envServerPIDs)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			return bench.Config{}, exit.Errorf(exit.Usage, "%s has %q, which is not a process", envServerPIDs, f)
		}
		pids = append(pids, pid)
	}
	config := bench.Config{
		Mode: bench.Mode(c.String("mode")), Tasks: c.Int("tasks"), Chunk: c.Int("chunk"), Workers: c.Int("workers"), Slots: c.Int("slots"),
		Input: c.String("input"), In: c.Int("size"), Out: c.Int("result-size"), Noise: c.Bool("noise"), Work: c.Duration("work"),
		Warmup: c.Int("warmup"), Fixed: c.Bool("fixed"), Servers: c.Bool("servers"), ServerPIDs: pids,
		SQS:      bench.Delay{Median: c.Duration("sqs-latency"), Spread: c.Float64("spread")},
		DynamoDB: bench.Delay{Median: c.Duration("dynamodb-latency"), Spread: c.Float64("spread")},
		Self:     self, WorkerArgs: []string{"bench", "--worker"},
	}
	if config.Mode == bench.Latency && !c.IsSet("tasks") {
		config.Tasks = 200
	}
	if err := config.Validate(); err != nil {
		return config, exit.Errorf(exit.Usage, "%w", err).WithHint("starburst bench --help")
	}
	return config, nil
}

func benchPrices(c *cli.Context, config bench.Config, book *cost.Book) error {
	list, err := bench.PriceList(c.Context, config, bench.Scenarios())
	if err != nil {
		return err
	}
	return bench.PrintPriceList(c.App.Writer, book, list)
}
