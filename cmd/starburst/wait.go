package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// What one can wait for.
const (
	waitDone      = "done"
	waitAnyFailed = "any-failed"
)

// waitEvery is how often `wait` looks. A look reads the ledgers of the job's fleet.
const waitEvery = 2 * time.Second

func waitCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "wait",
		Usage: "wait until jobs are over",
		UsageText: "starburst wait JOB && ./next-step.sh\nstarburst wait JOB1 JOB2 --timeout 1h\n" +
			"starburst wait JOB --for any-failed        ends as soon as a task has failed for good",
		Description: "Prints a line for each job when it is over; with -o jsonl as soon as it is. The exit code is 0 when all tasks of all jobs\n" +
			"succeeded, 3 when some failed, 1 when a job was cancelled, 7 when its cost cap stopped it, 6 when --timeout passed. Jobs\n" +
			"go on without it: it can be interrupted and started again.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "for", Value: waitDone, Usage: "`done|any-failed`: all tasks settled, or one of them failed"},
			&cli.StringFlag{Name: "timeout", Usage: "give up after so long: `1h`", DefaultText: "never"},
		}, listFlags()),
		Action: waitAction,
	})
}

// waited is a job that has been waited for.
type waited struct {
	Job     string      `json:"job"`
	State   store.State `json:"state"`
	Why     string      `json:"why,omitempty"`
	Tasks   int         `json:"tasks"`
	OK      int         `json:"ok"`
	Failed  int         `json:"failed"`
	Missing int         `json:"missing"`
}

func waitedList() listing.List[waited] {
	count := func(name string, of func(waited) int) listing.Column[waited] {
		return listing.Column[waited]{Name: name, Cell: func(w waited) string { return progress.Count(of(w)) }, Raw: func(w waited) string { return strconv.Itoa(of(w)) }}
	}
	return listing.List[waited]{Schema: "starburst.waited/v1", Columns: []listing.Column[waited]{
		{Name: "job", Cell: func(w waited) string { return w.Job }},
		{Name: "state", Cell: func(w waited) string { return stateText(string(w.State), w.Why) }, Raw: func(w waited) string { return string(w.State) }},
		count("tasks", func(w waited) int { return w.Tasks }), count("ok", func(w waited) int { return w.OK }),
		count("failed", func(w waited) int { return w.Failed }), count("missing", func(w waited) int { return w.Missing }),
	}}
}

func waitAction(c *cli.Context) error {
	ids := c.Args().Slice()
	if len(ids) == 0 {
		return exit.Errorf(exit.Usage, "say which jobs to wait for").WithHint("starburst jobs ls --only running; starburst wait JOB")
	}
	until := c.String("for")
	if until != waitDone && until != waitAnyFailed {
		return exit.Errorf(exit.Usage, "--for %q is nothing to wait for", until).WithHint("--for done, --for any-failed")
	}
	options, err := listOptions(c, waitedList())
	if err != nil {
		return err
	}
	ctx, cancel := c.Context, context.CancelFunc(func() {})
	if text := c.String("timeout"); text != "" {
		limit, err := span("timeout", text)
		if err != nil {
			return err
		}
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errWaited)
	}
	defer cancel()
	s, err := connect(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(context.Context, func(store.Job)) error {
		return waitFor(ctx, c, s, ids, until, options)
	})
}

var errWaited = errors.New("the time is up")

// waitFor waits for all the jobs and prints each; the error is the gravest of theirs.
func waitFor(ctx context.Context, c *cli.Context, s *burst.Session, ids []string, until string, o listing.Options) error {
	looks := make([]*view.Looker, len(ids))
	for i, id := range ids { // one that does not exist is said at once
		if _, err := s.Attach(ctx, id); err != nil {
			return err
		}
		looks[i] = &view.Looker{Store: s.Store(), Job: id, FailuresEvery: -1}
	}
	enough := func(now view.State) bool { return until == waitAnyFailed && now.Tasks.Failed > 0 }
	var gravest error
	_, err := waitedList().Write(c.App.Writer, o, func(yield func(waited, error) bool) {
		for last, err := range view.Wait(ctx, looks, waitEvery, enough, s.Crashed) {
			if err == nil {
				if e := outcome(ctx, c, s, last); graver(e, gravest) {
					gravest = e
				}
			}
			t := last.Tasks
			if last.Over() && last.State != store.Cancelled {
				last.State = store.Done // nobody had counted yet
			}
			if !yield(waited{last.Job, last.State, last.Why, t.Total, t.OK, t.Failed, t.Left}, err) || enough(last) {
				return
			}
		}
	})
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errWaited) {
		return exit.Errorf(exit.TimedOut, "%s passed, and the jobs are not over", c.String("timeout")).WithHint("they go on; starburst watch %s", ids[0])
	}
	return errors.Join(err, gravest)
}

// graver orders outcomes: none, failed tasks, anything else.
func graver(a, b error) bool {
	rank := func(err error) int {
		switch exit.CodeOf(err) { //nolint:exhaustive // the others rank alike
		case exit.OK:
			return 0
		case exit.TasksFail:
			return 1
		}
		return 2
	}
	return rank(a) > rank(b)
}
