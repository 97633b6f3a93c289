package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

func tasksCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "tasks",
		Usage: "list a job's tasks, or show one",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "ls", Usage: "list a job's tasks with their outcome, worker and times",
				UsageText:   "starburst tasks ls JOB --failed\nstarburst tasks ls JOB --only missing -o wide\nstarburst tasks ls JOB --limit 0 -o csv",
				Description: "In the order of the inputs; tasks are counted from 0. A time is that of the message that settled the task; tasks that\nshared a message (--chunk) share its time.",
				Flags: slices.Concat([]cli.Flag{
					&cli.BoolFlag{Name: "failed", Usage: "those that failed; the same as --only failed"},
					&cli.StringFlag{Name: "only", Usage: "those that are `ok|failed|retrying|missing`"},
					&cli.IntFlag{Name: "from", Usage: "begin with the task of this `INDEX`"},
					&cli.IntFlag{Name: "limit", Value: 1000, Usage: "most tasks to list; 0 for all"},
					stateFlag(),
				}, listFlags()),
				Action: tasksList,
			}),
			command(&cli.Command{
				Name: "show", Usage: "show one task: its result, or its error with argument and stack",
				UsageText:   "starburst tasks show JOB 17\nstarburst tasks show JOB 17 -o json | jq .error.argument",
				Description: "The argument is known of a task that failed; that of one that succeeded is not kept.",
				Flags:       []cli.Flag{formatFlag(listing.Table, listing.JSON), stateFlag()},
				Action:      tasksShow,
			}),
		},
	})
}

// taskRow is the JSON form of a task.
type taskRow struct {
	Index   int             `json:"index"`
	State   store.TaskState `json:"state"`
	Attempt int             `json:"attempt"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *errorLine      `json:"error,omitempty"`
	Worker  string          `json:"worker,omitempty"`
	// Message settled the task, together with MessageTasks − 1 others, from Started to Finished.
	Message      string    `json:"message,omitempty"`
	MessageTasks int       `json:"message_tasks,omitempty"`
	Started      time.Time `json:"started,omitzero"`
	Finished     time.Time `json:"finished,omitzero"`
	MessageMS    int64     `json:"message_ms,omitempty"`
}

func taskRowOf(t store.Task) (taskRow, error) {
	r := taskRow{Index: t.Index, State: t.State, Attempt: t.Attempt}
	if run := t.Run; run != nil {
		r.Worker, r.Message, r.MessageTasks = run.Worker, string(run.Message), run.Tasks
		r.Started, r.Finished, r.MessageMS = run.Started.UTC(), run.Finished.UTC(), run.Finished.Sub(run.Started).Milliseconds()
	}
	var err error
	switch f := t.Failure; {
	case f != nil:
		r.Error = &errorLine{Kind: string(f.Kind), Message: f.Message, Attempts: f.Attempts, Stack: f.Stack}
		if len(f.Argument) > 0 {
			r.Error.Argument, err = codec.MsgpackToJSON(f.Argument)
		}
	case t.State == store.TaskOK:
		r.Result, err = codec.MsgpackToJSON(t.Value)
	}
	if err != nil {
		err = fmt.Errorf("read task %d: %w", t.Index, err)
	}
	return r, err
}

// outcomeText is the result, or the error, in one line.
func (r taskRow) outcomeText() string {
	if r.Error != nil {
		return r.Error.Kind + ": " + r.Error.Message
	}
	var text string
	if strings.HasPrefix(string(r.Result), `"`) && json.Unmarshal(r.Result, &text) == nil {
		return text
	}
	return string(r.Result)
}

// took is how long its message ran, and with how many tasks it shared that.
func (r taskRow) took() string {
	switch {
	case r.Started.IsZero():
		return ""
	case r.MessageTasks > 1:
		return fmt.Sprintf("%s for %s", short(r.Finished.Sub(r.Started)), progress.Count(r.MessageTasks))
	}
	return short(r.Finished.Sub(r.Started))
}

func taskList() listing.List[taskRow] {
	type row = taskRow
	return listing.List[row]{Schema: "starburst.tasks/v1", Columns: []listing.Column[row]{
		{Name: "index", Cell: func(r row) string { return strconv.Itoa(r.Index) }},
		{Name: "state", Cell: func(r row) string { return string(r.State) }},
		{Name: "attempt", Cell: func(r row) string { return strconv.Itoa(r.Attempt) }},
		{Name: "took", Cell: row.took, Raw: func(r row) string {
			if r.Started.IsZero() {
				return ""
			}
			return strconv.FormatFloat(r.Finished.Sub(r.Started).Seconds(), 'f', 3, 64)
		}},
		{Name: "worker", Cell: func(r row) string { return r.Worker }},
		{Name: "message", Wide: true, Cell: func(r row) string { return r.Message }},
		{Name: "message_tasks", Wide: true, Cell: func(r row) string { return strconv.Itoa(r.MessageTasks) }},
		{Name: "started", Wide: true, Cell: func(r row) string { return localTime(r.Started) }, Raw: func(r row) string { return rawTime(r.Started) }},
		{Name: "finished", Wide: true, Cell: func(r row) string { return localTime(r.Finished) }, Raw: func(r row) string { return rawTime(r.Finished) }},
		{Name: "outcome", Cell: row.outcomeText},
	}}
}

// taskFilter reads --failed and --only.
func taskFilter(c *cli.Context) (func(store.Task) bool, error) {
	want := store.TaskState(c.String("only"))
	switch {
	case c.Bool("failed") && want != "" && want != store.TaskFailed:
		return nil, exit.Errorf(exit.Usage, "--failed and --only %s exclude each other", want).WithHint("--only failed is what --failed says")
	case c.Bool("failed"):
		want = store.TaskFailed
	case want != "" && !slices.Contains(store.TaskStates, want):
		return nil, exit.Errorf(exit.Usage, "--only %q is no state of a task", want).WithHint("--only %s", join(store.TaskStates, ", --only "))
	}
	return func(t store.Task) bool { return want == "" || t.State == want }, nil
}

func tasksList(c *cli.Context) error {
	id, err := oneArgument(c, "JOB")
	if err != nil {
		return err
	}
	options, err := listOptions(c, taskList())
	if err != nil {
		return err
	}
	keep, err := taskFilter(c)
	if err != nil {
		return err
	}
	if c.Int("from") < 0 || c.Int("limit") < 0 {
		return exit.Errorf(exit.Usage, "--from and --limit cannot be negative")
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		job, err := s.Attach(ctx, id)
		if err != nil {
			return err
		}
		more := -1
		tasks := only(s.Store().Tasks(ctx, job, c.Int("from")), keep)
		n, err := taskList().Write(c.App.Writer, options, taskRows(tasks, c.Int("limit"), &more))
		switch {
		case err != nil:
			return err
		case more >= 0:
			_, _ = fmt.Fprintf(c.App.ErrWriter, "and more: --from %d goes on, --limit 0 lists all\n", more)
		case n == 0:
			_, _ = fmt.Fprintf(c.App.ErrWriter, "none of the %s tasks of job %s\n", progress.Count(job.N), id)
		}
		return nil
	})
}

// taskRows are the first so many tasks, all for 0; more is set to the index of the next one when there is one.
func taskRows(tasks iter.Seq2[store.Task, error], limit int, more *int) iter.Seq2[taskRow, error] {
	return func(yield func(taskRow, error) bool) {
		n := 0
		for t, err := range tasks {
			if err == nil && limit > 0 && n == limit {
				*more = t.Index
				return
			}
			n++
			var r taskRow
			if err == nil {
				r, err = taskRowOf(t)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func tasksShow(c *cli.Context) error {
	if c.NArg() != 2 {
		return exit.Errorf(exit.Usage, "tasks show takes two arguments, JOB and INDEX; got %d", c.NArg()).WithHint("starburst tasks show JOB 0")
	}
	id, index, err := taskName(c.Args().Slice())
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		job, err := s.Attach(ctx, id)
		if err != nil {
			return err
		}
		t, err := s.Store().Task(ctx, job, index)
		if errors.Is(err, store.ErrNotFound) {
			return exit.Errorf(exit.NotFound, "job %s has no task %d; its tasks are 0 to %d", id, index, job.N-1).WithHint("starburst tasks ls %s", id)
		}
		if err != nil {
			return err
		}
		row, err := taskRowOf(t)
		if err != nil {
			return err
		}
		if isJSON(c) {
			return printDocument(c, "task", taskDocument{Job: id, Handler: job.Handler, taskRow: row})
		}
		return row.print(c.App.Writer, job)
	})
}

// taskName reads JOB INDEX.
func taskName(args []string) (job string, index int, err error) {
	index, err = strconv.Atoi(args[1])
	if err != nil || index < 0 {
		return "", 0, exit.Errorf(exit.Usage, "%q is no index of a task", args[1]).WithHint("tasks are counted from 0: %s 0", args[0])
	}
	return args[0], index, nil
}

// taskDocument is the JSON form of one task.
type taskDocument struct {
	Job     string `json:"job"`
	Handler string `json:"handler"`
	taskRow
}

// print writes the task for people. What may have many lines comes last.
func (r taskRow) print(w io.Writer, job store.Job) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0) // Flush has the error of every line
	row := func(word, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", word, listing.Line(fmt.Sprintf(format, args...), 0))
	}
	row("job", "%s", job.ID)
	row("task", "%d, of 0 to %d", r.Index, job.N-1)
	row("handler", "%s", job.Handler)
	row("state", "%s", r.State)
	row("attempt", "%d of %d", r.Attempt, job.MaxAttempts)
	if r.Worker != "" {
		row("worker", "%s", r.Worker)
		if r.MessageTasks > 1 {
			row("message", "%s, with %s other tasks", r.Message, progress.Count(r.MessageTasks-1))
		}
		row("ran", "%s to %s, %s", localTime(r.Started), localTime(r.Finished), short(r.Finished.Sub(r.Started)))
	}
	if e := r.Error; e != nil {
		row("failed", "%s: %s", e.Kind, e.Message)
		if e.Argument != nil {
			row("argument", "%s", e.Argument)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	long := string(r.Result)
	if r.Error != nil {
		long = r.Error.Stack
	}
	if long == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.TrimRight(printable(long), "\n"))
	return err
}

// printable is a text of several lines without what a terminal would act on.
func printable(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lead := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		lines[i] = strings.ReplaceAll(lead, "\t", "    ") + listing.Line(l, 0)
	}
	return strings.Join(lines, "\n")
}
