package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
)

// inputFlags choose a job's arguments.
func inputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "input", Aliases: []string{"i"}, Usage: "one task per line of `FILE`: .jsonl, .csv, .txt, or - for standard input"},
		&cli.StringFlag{Name: "format", Usage: "how the input is written: `jsonl|csv|lines` (default: by the file's name, jsonl for -)"},
		&cli.StringFlag{Name: "range", Usage: "one task per integer of `A:B[:STEP]`, both ends included"},
		&cli.StringSliceFlag{Name: "grid", Usage: "one task per combination of `NAME=V1,V2,…`; may be given several times"},
	}
}

// jobFlags shape a job.
func jobFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "job", Usage: "the job's `ID`; submitting an id again sends only what has no result yet"},
		&cli.IntFlag{Name: "chunk", Usage: "tasks per message", DefaultText: "by the number of tasks and workers"},
		&cli.IntFlag{Name: "attempts", Value: 3, Usage: "how often a failing task is run in all"},
		&cli.DurationFlag{Name: "timeout", Usage: "time limit of one run of one task", DefaultText: "none"},
		&cli.StringFlag{Name: "max-cost", Usage: "refuse the job, or stop it, when it costs more than `DOLLARS`; on this machine, by what it would cost on Fargate", DefaultText: "no cap"},
	}
}

// input opens the source that the flags (and, after :::, the words) name. The
// returned function must be called at the end.
func input(c *cli.Context, words []string) (producer.Source, func(), error) {
	if c.Int("attempts") < 1 || c.IsSet("chunk") && c.Int("chunk") < 1 {
		return nil, func() {}, exit.Errorf(exit.Usage, "--attempts is %d and --chunk is %d: both are at least 1", c.Int("attempts"), c.Int("chunk"))
	}
	return openSource(c, words)
}

// openSource is input for commands without jobFlags.
func openSource(c *cli.Context, words []string) (producer.Source, func(), error) {
	given := []string{}
	for _, f := range []string{"input", "range", "grid"} {
		if c.IsSet(f) {
			given = append(given, "--"+f)
		}
	}
	if words != nil {
		given = append(given, ":::")
	}
	nothing := func() {}
	switch {
	case len(given) == 0:
		return nil, nothing, exit.Errorf(exit.Usage, "no input was given").WithHint("one of --input FILE, --range 1:100, --grid lr=0.1,0.01")
	case len(given) > 1:
		return nil, nothing, exit.Errorf(exit.Usage, "%s exclude each other", strings.Join(given, " and "))
	case words != nil:
		return producer.Words(words), nothing, nil
	case c.IsSet("range"):
		r, err := producer.ParseRange(c.String("range"))
		if err != nil {
			return nil, nothing, exit.Errorf(exit.Usage, "--range: %w", err)
		}
		return r, nothing, nil
	case c.IsSet("grid"):
		g, err := producer.ParseGrid(c.StringSlice("grid"))
		if err != nil {
			return nil, nothing, exit.Errorf(exit.Usage, "--grid: %w", err)
		}
		return g, nothing, nil
	}
	return openInput(c)
}

func openInput(c *cli.Context) (producer.Source, func(), error) {
	name, format := c.String("input"), producer.Format(c.String("format"))
	var f *producer.File
	var err error
	if name == "-" {
		f, err = producer.Spool(c.Context, c.App.Reader, "standard input", format)
	} else {
		f, err = producer.OpenFile(c.Context, name, format)
	}
	if err != nil {
		return nil, func() {}, exit.Errorf(exit.Usage, "%w", err)
	}
	return f, func() { _ = f.Close() }, nil
}
