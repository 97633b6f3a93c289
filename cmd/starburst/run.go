package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// runState names the local state of `run`.
const runState = "run"

// closeTimeout bounds the end of a laptop session.
const closeTimeout = 20 * time.Second

func runCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "run",
		Usage: "run a program once per input on this machine's workers",
		UsageText: "starburst run --range 1:100 -- ./simulate.sh {} --seed {index}\nstarburst run -- echo {} ::: a b c\n" +
			"starburst run --input cities.csv -- python3 forecast.py {.city} {.population}\n" +
			"starburst run --input options.jsonl --stdin json --result json -- ./price\n" +
			"starburst run --joblog log --resume --halt soon,fail=10% --timeout 90 --input list.txt -- ./convert.sh {}",
		Description: "Runs CMD once per task and prints what each wrote to standard output, in the order of the inputs.\n" +
			"{} in CMD is the task's argument (text as it is, anything else as JSON), {index} its index from 0, {#} its number from 1,\n" +
			"{.field} a field of it. With none of these, and without --stdin, the argument is appended. No shell is involved.\n" +
			"The program finds STARBURST_JOB, _TASK, _INDEX, _ATTEMPT, _DEADLINE_MS, _TMPDIR and _OUTPUT in its environment; what it\n" +
			"writes to the file $STARBURST_OUTPUT is its result instead of standard output. Exit status 0 is success, 65 a failure for\n" +
			"good, anything else (75, say) is tried again, --retries times in all.\n" +
			"It brings its own queue, table and workers on the loopback interface and stops them at the end. The state\n" +
			"stays: after Ctrl-C, `starburst attach` goes on where it stopped.",
		Flags: slices.Concat(inputFlags(), runJobFlags(), programFlags(), joblogFlags(), laptopFlags(), []cli.Flag{
			&cli.StringFlag{Name: "halt", Value: "never", Usage: "when to start no further tasks: `never|soon,fail=N|now,fail=N%|soon,success=N|…`; now ends those that run, too"},
			&cli.StringFlag{Name: "memory", Usage: "end a program with more than `SIZE` resident, such as 2GiB", DefaultText: "no limit"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`text|jsonl|csv|table`"}, reportFlag(), planFlag(),
		}),
		Action: runAction,
	})
}

func runAction(c *cli.Context) error {
	argv, words := splitWords(c.Args().Slice())
	if len(argv) == 0 {
		return exit.Errorf(exit.Usage, "no program was given").WithHint("starburst run --range 1:10 -- echo {}")
	}
	p, err := program(c, argv)
	if err != nil {
		return err
	}
	if _, err := p.Handler(); err != nil {
		return exit.Errorf(exit.Usage, "%w", err).WithHint(noShell)
	}
	if isCommandLine(argv) {
		return exit.Errorf(exit.Usage, "%q is a whole command line, and would be taken for a program's name", argv[0]).WithHint(noShell)
	}
	timeout, err := timeLimit(c.String("timeout"))
	if err != nil {
		return err
	}
	if err := checkFormat(c.String("output")); err != nil {
		return err
	}
	limit, err := maxCost(c)
	if err != nil {
		return err
	}
	reportTo, err := wantedReport(c)
	if err != nil {
		return err
	}
	source, done, err := input(c, words)
	if err != nil {
		return err
	}
	defer done()
	if err := heldPlan(c, execHandler, source); err != nil {
		return err
	}
	state := c.String("state")
	if state == "" {
		state = runState
	}
	books, err := openAccount(c)
	if err != nil {
		return err
	}
	defer books.close() //nolint:errcheck // a folder for temporary files
	s, err := openLaptop(c, state, execWorker(c, books, argv), []string{execHandler})
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		job, err := s.Submit(ctx, producer.Spec{
			Job: c.String("job"), Handler: execHandler, Source: source, Chunk: max(c.Int("chunk"), 0),
			MaxAttempts: c.Int("attempts"), Timeout: timeout, Label: strings.Join(argv, " "),
			MaxCostPico: limit, Created: func(j store.Job) { created(j); books.begin(ctx, j) },
		})
		if err != nil {
			return err
		}
		reportTo(s, job)
		return books.follow(c, s, job)
	})
}

const noShell = "no shell is involved: give the program and its arguments as words, or: starburst run -- sh -c 'COMMAND'"

// isCommandLine is whether argv is one word that begins with a program's name and goes on, as GNU parallel takes it.
func isCommandLine(argv []string) bool {
	first, _, more := strings.Cut(argv[0], " ")
	if len(argv) > 1 || !more || !strings.Contains(argv[0], "{") {
		return false
	}
	_, err := exec.LookPath(first)
	return err == nil
}

// runJobFlags are jobFlags with GNU parallel's words for two of them.
func runJobFlags() []cli.Flag {
	flags := slices.DeleteFunc(jobFlags(), func(f cli.Flag) bool { return slices.Contains([]string{"attempts", "timeout"}, f.Names()[0]) })
	return append(flags,
		&cli.IntFlag{Name: "attempts", Aliases: []string{"retries"}, Value: 3, Usage: "how often a failing task is run in all"},
		&cli.StringFlag{Name: "timeout", Usage: "time limit of one run of one task, in `SECONDS` or as 90s or 1h30m", DefaultText: "none"})
}

// execWorker is the command line of this run's workers, without the program's name.
func execWorker(c *cli.Context, books *account, argv []string) []string {
	args := append([]string{"worker", "--exec"}, books.workerArgs(c)...)
	for _, name := range []string{"stdin", "result", "memory"} {
		if v := c.String(name); v != "" {
			args = append(args, "--"+name, v)
		}
	}
	return slices.Concat(args, []string{"--"}, argv)
}

// maxCost reads --max-cost, in pico-dollars.
func maxCost(c *cli.Context) (int64, error) {
	if !c.IsSet("max-cost") {
		return 0, nil
	}
	p, err := burst.ParseCap("--max-cost", c.String("max-cost"))
	return int64(p), err
}

// outputFlag is the flag that makes another command print in this one's format.
func outputFlag(c *cli.Context) string {
	if o := c.String("output"); o != "" && o != "jsonl" {
		return " -o " + o
	}
	return ""
}

// splitWords cuts the command line at ":::", as GNU parallel does.
func splitWords(args []string) (argv, words []string) {
	if i := slices.Index(args, ":::"); i >= 0 {
		return args[:i], append([]string{}, args[i+1:]...)
	}
	return args, nil
}

// withSession runs f and closes the session. An interrupt becomes the message
// that says how to go on; what was sent in part, by whatever cause, keeps its own.
func withSession(c *cli.Context, s *burst.Session, f func(ctx context.Context, created func(store.Job)) error) error {
	var job string
	err := f(c.Context, func(j store.Job) { job = j.ID })
	state := s.State()
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), closeTimeout)
	defer cancel()
	err = errors.Join(err, s.Close(closeCtx))
	switch {
	case exit.CodeOf(err) == exit.Partly:
		return resumable(c, err, state)
	case c.Context.Err() == nil || err == nil:
		return err
	}
	e := exit.Errorf(exit.Interrupt, "interrupted")
	switch {
	case job != "" && state != "":
		return exit.Errorf(exit.Interrupt, "interrupted; job %s is kept", job).WithHint("starburst attach --state %s%s %s goes on with it", state, outputFlag(c), job)
	case job != "":
		return exit.Errorf(exit.Interrupt, "stopped waiting; job %s goes on", job).
			WithHint("starburst attach%s %s waits again and prints its results; starburst watch %s looks on; starburst cancel %s stops it", outputFlag(c), job, job, job)
	}
	return e
}

// printJob prints a job's results and turns failures into the exit code.
func printJob(c *cli.Context, s *burst.Session, results iter.Seq2[store.Settled, error], job store.Job) error {
	n, err := printResults(s.Display().Over(c.App.Writer), c.String("output"), noteFailures(c, s.Display(), results))
	if err != nil {
		return err
	}
	if n.failed > 0 {
		where := ""
		if name := s.State(); name != "" {
			where = " --state " + name
		}
		return exit.Errorf(exit.TasksFail, "%d of %d tasks of job %s failed", n.failed, job.N, job.ID).WithHint("starburst retry --failed%s %s", where, job.ID)
	}
	return nil
}

// shownFailures bounds the failures that are told one by one on standard error.
const shownFailures = 10

// noteFailures tells failures on standard error as they pass by, where the
// chosen format does not show them itself.
func noteFailures(c *cli.Context, to io.Writer, results iter.Seq2[store.Settled, error]) iter.Seq2[store.Settled, error] {
	if c.String("output") != "text" {
		return results
	}
	return func(yield func(store.Settled, error) bool) {
		shown := 0
		for s, err := range results {
			if f := s.Failure; err == nil && f != nil {
				if shown++; shown <= shownFailures {
					_, _ = fmt.Fprintf(to, "task %d failed (%s, attempt %d): %s\n", s.Index, f.Kind, f.Attempts, f.Message)
				} else if shown == shownFailures+1 {
					_, _ = fmt.Fprintln(to, "further failures are not shown; -o jsonl shows all")
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

func checkFormat(f string) error {
	if slices.Contains(formats, f) {
		return nil
	}
	return exit.Errorf(exit.Usage, "-o %q is not a format", f).WithHint("-o %s", strings.Join(formats, ", -o "))
}
