package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func enqueueCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "enqueue",
		Usage: "send one task, for scripts",
		UsageText: "starburst enqueue exec --data '[\"Ada\"]'          prints an id: starburst results --id ID\n" +
			"starburst enqueue exec --data @task.json --wait  prints the result\n" +
			"starburst enqueue exec --data - --job nightly    a job of one task",
		Description: "Without --job it is a task without a job: tried three times, in no list and no total, its result kept for 30 days. With\n" +
			"--job it is a job of one task, with all that jobs have. The id is printed on standard output. A task sent twice under\n" +
			"one --id runs once, whatever becomes of the first copy.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: "the argument: `JSON`, @FILE with JSON, or - for standard input", DefaultText: "null"},
			&cli.StringFlag{Name: "id", Usage: "the task's `ID`", DefaultText: "a new one"},
			&cli.StringFlag{Name: "job", Usage: "make a job of this `ID` for it"},
			&cli.IntFlag{Name: "attempts", Value: 3, Usage: "with --job: how often it is run in all when it fails"},
			&cli.DurationFlag{Name: "timeout", Usage: "with --job: time limit of one run", DefaultText: "none"},
			&cli.DurationFlag{Name: "deadline", Usage: "without --job: do not begin it later than so long from now", DefaultText: "none"},
			&cli.BoolFlag{Name: "wait", Usage: "wait for its result and print that instead of the id"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "jsonl", Usage: "with --wait: `jsonl|csv|table|text`"},
		},
		Action: enqueueAction,
	})
}

func enqueueAction(c *cli.Context) error {
	handler, err := oneArgument(c, "HANDLER")
	if err != nil {
		return err
	}
	if err := checkEnqueue(c); err != nil {
		return err
	}
	text, argument, err := taskData(c)
	if err != nil {
		return err
	}
	s, err := connect(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		if c.IsSet("job") {
			return enqueueJob(ctx, c, s, handler, text, created)
		}
		task := burst.Loose{Handler: handler, Argument: argument, ID: c.String("id")}
		if d := c.Duration("deadline"); d > 0 {
			task.Deadline = time.Now().Add(d)
		}
		id, err := s.Enqueue(ctx, task)
		if err != nil {
			return err
		}
		if c.Bool("wait") {
			return looseResults(ctx, c, s, id)
		}
		_, err = fmt.Fprintln(c.App.Writer, id)
		return err
	})
}

func checkEnqueue(c *cli.Context) error {
	for _, name := range []string{"attempts", "timeout"} {
		if c.IsSet(name) && !c.IsSet("job") {
			return exit.Errorf(exit.Usage, "--%s needs --job: a task without a job is tried three times, without a limit", name).WithHint("--job NAME, or leave it out")
		}
	}
	for _, name := range []string{"id", "deadline"} {
		if c.IsSet(name) && c.IsSet("job") {
			return exit.Errorf(exit.Usage, "--%s and --job exclude each other", name).WithHint("starburst enqueue --help")
		}
	}
	if c.Int("attempts") < 1 || c.Duration("timeout") < 0 || c.Duration("deadline") < 0 {
		return exit.Errorf(exit.Usage, "--attempts must be at least 1, and neither --timeout nor --deadline can be negative")
	}
	return checkFormat(c.String("output"))
}

// enqueueJob makes a job of the one task.
func enqueueJob(ctx context.Context, c *cli.Context, s *burst.Session, handler string, text []byte, created func(store.Job)) error {
	source, err := producer.Spool(ctx, bytes.NewReader(text), "--data", producer.JSONL)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	defer func() { _ = source.Close() }() // only read
	job, err := s.Submit(ctx, producer.Spec{
		Job: c.String("job"), Handler: handler, Source: source, MaxWorkers: 1, Slots: 1,
		MaxAttempts: c.Int("attempts"), Timeout: c.Duration("timeout"), Created: created,
	})
	if err != nil {
		return err
	}
	if c.Bool("wait") {
		return printJob(c, s, s.Follow(ctx, job), job)
	}
	_, err = fmt.Fprintln(c.App.Writer, job.ID)
	return err
}

// taskData reads --data: its JSON on one line, and as msgpack.
func taskData(c *cli.Context) (line []byte, argument msgpack.RawMessage, err error) {
	text := c.String("data")
	switch file, isFile := strings.CutPrefix(text, "@"); {
	case text == "" && !c.IsSet("data"):
		text = "null"
	case text == "-":
		text, err = readText(c, maxText)
	case isFile:
		text, err = readFile(file, maxText)
	}
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return nil, nil, exit.Errorf(exit.Usage, "--data is not JSON: %w", err).WithHint(`--data '["AAPL",187.25]', --data '"text"', --data @task.json`)
	}
	if argument, err = codec.JSONToMsgpack(b.Bytes()); err != nil {
		return nil, nil, exit.Errorf(exit.Usage, "--data: %w", err)
	}
	return b.Bytes(), argument, nil
}

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", exit.Errorf(exit.Usage, "%w", err)
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return "", exit.Errorf(exit.Usage, "%s has more than %d bytes", name, limit)
	}
	return string(b), nil
}
