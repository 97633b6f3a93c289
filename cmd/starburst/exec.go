package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/consumer/child"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/joblog"
)

// errHalted ends tasks that are not to be run any more.
var errHalted = errors.New("--halt was reached")

// haltEvery is how often a running task's worker, and `run`, look whether to halt.
const haltEvery = 100 * time.Millisecond

// Exits of the job log that are no exit status.
const (
	noExit  = -1
	sigTerm = 15 // what a task is sent whose time is up
)

// programFlags say how a program is given its task; `run` hands them on to `worker --exec`.
func programFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "stdin", Usage: "give the argument on standard input as `json|msgpack|text`", DefaultText: "standard input is empty"},
		&cli.StringFlag{Name: "result", Value: "text", Usage: "read the program's output as `text|json|msgpack`"},
	}
}

// joblogFlags keep account on this machine; `run` hands them on to its workers.
func joblogFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "joblog", Usage: "write a line for each task that has ended to `FILE`, as GNU parallel does"},
		&cli.BoolFlag{Name: "resume", Usage: "pass over the tasks that are in the --joblog"},
		&cli.BoolFlag{Name: "resume-failed", Usage: "pass over the tasks that have succeeded according to the --joblog"},
	}
}

// program reads programFlags.
func program(c *cli.Context, argv []string) (consumer.Program, error) {
	p := consumer.Program{Argv: argv, Stdin: consumer.Form(c.String("stdin")), Result: consumer.Form(c.String("result"))}
	if text := c.String("memory"); text != "" {
		n, err := child.ParseSize(text)
		if err != nil {
			return p, exit.Errorf(exit.Usage, "--memory: %w", err)
		}
		p.Memory = n
	}
	return p, nil
}

// executor runs programs on this machine, with a job log and an order to halt.
type executor struct {
	log      string // the job log's name; "" for none
	attempts int    // a failure is logged at the last one
	skip     map[int]bool
	halt     string // the name of a file that `run` makes to halt; "" when it never will
	run      consumer.Handler
}

// execProgram is the handler of `worker --exec`.
func execProgram(c *cli.Context, argv []string) (consumer.Handler, error) {
	p, err := program(c, argv)
	if err != nil {
		return nil, err
	}
	e := &executor{log: c.String("joblog"), attempts: c.Int("attempts"), halt: c.String("halt-file")}
	if e.skip, err = toSkip(c); err != nil {
		return nil, err
	}
	if e.log != "" {
		p.Observe = e.observe
	}
	if e.run, err = p.Handler(); err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err).WithHint("give the program after --: starburst worker --exec -- ./simulate.sh {}")
	}
	return e.handle, nil
}

// toSkip reads from the job log which tasks need not run, by their number.
func toSkip(c *cli.Context) (map[int]bool, error) {
	if !c.Bool("resume") && !c.Bool("resume-failed") {
		return nil, nil //nolint:nilnil // nothing is skipped
	}
	if c.String("joblog") == "" {
		return nil, exit.Errorf(exit.Usage, "--resume and --resume-failed go by a job log").WithHint("--joblog FILE")
	}
	entries, err := joblog.ReadFile(c.String("joblog"))
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err)
	}
	skip := map[int]bool{}
	for seq, e := range entries {
		if e.OK() || !c.Bool("resume-failed") {
			skip[seq] = true
		}
	}
	return skip, nil
}

func (e *executor) handle(ctx context.Context, t consumer.Task) ([]byte, error) {
	if e.skip[t.Index+1] {
		return nil, nil //nolint:nilnil // the nil result, which `run` does not print
	}
	if e.halt == "" {
		return e.run(ctx, t)
	}
	if e.halted() != "" {
		return nil, consumer.Permanent(fmt.Errorf("not started: %w", errHalted))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		e.watch(ctx, cancel)
	}()
	out, err := e.run(ctx, t)
	stopped := errors.Is(context.Cause(ctx), errHalted)
	cancel(nil)
	<-watched
	if err != nil && stopped {
		return nil, consumer.Permanent(fmt.Errorf("ended: %w", errHalted))
	}
	return out, err
}

// halted is what the file says: "soon", "now", or nothing.
func (e *executor) halted() string {
	b, err := os.ReadFile(e.halt)
	if err != nil {
		return ""
	}
	return string(b)
}

// watch ends the task when it is to halt now.
func (e *executor) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(haltEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if e.halted() == haltNow {
				cancel(errHalted)
				return
			}
		}
	}
}

// observe logs a run that settles its task.
func (e *executor) observe(r consumer.Run) {
	for _, unsettled := range []error{consumer.ErrStopping, consumer.ErrLeaseLost, consumer.ErrCancelled, errHalted} {
		if errors.Is(r.Err, unsettled) {
			return
		}
	}
	failure, _ := errors.AsType[*consumer.Error](r.Err)
	if r.Err != nil && !(failure != nil && failure.Final) && r.Task.Attempt < e.attempts {
		return // it is run again
	}
	entry := joblog.Entry{
		Seq: r.Task.Index + 1, Started: r.Started, Runtime: r.Duration, Receive: r.Out,
		Exit: r.Exit.Code, Signal: r.Exit.Number, Command: r.Argv,
	}
	switch {
	case errors.Is(r.Err, consumer.ErrTimeout):
		entry.Exit, entry.Signal = noExit, sigTerm
	case r.Err != nil && entry.OK(): // it could not be started, or its result not be read
		entry.Exit = noExit
	}
	if err := joblog.Append(e.log, entry); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "warning:", err) // the results do not depend on it
	}
}

// timeLimit reads --timeout of `run`: a duration, or a number of seconds as GNU parallel has it.
func timeLimit(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e9 {
		return time.Duration(s * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, exit.Errorf(exit.Usage, "--timeout %q is neither a number of seconds nor a duration such as 90s or 1h30m", text)
	}
	return d, nil
}
