package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bench"
)

func benchCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "bench",
		Usage: "measure the whole path on this machine with no-op tasks",
		Description: "Pushes no-op tasks through a local endpoint of its own and worker processes, from submit to the last result\n" +
			"read, and prints tasks per second, CPU time per task and peak memory of producer, workers and endpoint.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "tasks", Value: 100_000, Usage: "tasks to push"},
			&cli.IntFlag{Name: "chunk", Usage: "tasks per message", DefaultText: "as for any job"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Value: runtime.NumCPU(), Usage: "most worker processes"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.BoolFlag{Name: "price", Usage: "print what the requests of a million small tasks cost, for fleets of 4, 100 and 10,000 workers"},
			&cli.BoolFlag{Name: "noise", Usage: "with --price: arguments and results that do not compress"},
			&cli.BoolFlag{Name: "worker", Hidden: true, Usage: "be one of the bench's workers"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("worker") {
				return bench.Worker(c.Context)
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			config := bench.Config{
				Tasks: c.Int("tasks"), Chunk: c.Int("chunk"), Workers: c.Int("workers"), Slots: c.Int("slots"),
				Noise: c.Bool("noise"), Self: self, WorkerArgs: []string{"bench", "--worker"},
			}
			if c.Bool("price") {
				return benchPrices(c, config)
			}
			r, err := bench.Run(c.Context, config)
			if err != nil {
				return err
			}
			r.Print(c.App.Writer)
			return nil
		},
	})
}

func benchPrices(c *cli.Context, config bench.Config) error {
	book, err := cost.Embedded() // list prices: the figures are to be compared
	if err != nil {
		return err
	}
	list, err := bench.PriceList(c.Context, config, bench.Scenarios())
	if err != nil {
		return err
	}
	return bench.PrintPriceList(c.App.Writer, book, list)
}
