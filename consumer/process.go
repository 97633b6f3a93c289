package consumer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/procgroup"
	"github.com/starburst-go/starburst/store"
)

// MaxOutput is the largest output of a program, in bytes. More fails the task.
const MaxOutput = 64 << 20

// killAfter is how long a program may go on after it was asked to end: less than
// abandonAfter, so that a program that does not listen is not left behind.
const killAfter = abandonAfter - 500*time.Millisecond

// Exit statuses with a meaning (sysexits.h).
const (
	// ExitPermanent, EX_DATAERR: another attempt would fail, too.
	ExitPermanent = 65
	// ExitRetry, EX_TEMPFAIL: try again. So does any other status but 0.
	ExitRetry = 75
)

// Form is how a value is given to a program or taken from it.
type Form string

// The forms. For standard input the default is nothing at all, for results it is Text.
const (
	Text    Form = "text"
	JSON    Form = "json"
	Msgpack Form = "msgpack"
)

// Program says which program to run, once per task.
type Program struct {
	// Argv is the program and its arguments. {} in them becomes the task's argument (text as it is,
	// anything else as JSON), {index} its index, {#} its index from 1 on, {.field} a field of an argument that is a map. Without
	// any of these, and without Stdin, the argument is appended.
	Argv []string
	// Stdin writes the argument to standard input, with a line end where it is text or JSON. Default: standard input is empty.
	Stdin Form
	// Result is how the program's output is read. Text, the default, is taken without the last line end.
	Result Form
	// Memory is how much the program and what it starts may have resident, in bytes; more
	// ends it. Zero means no limit. Only Linux tells.
	Memory int64
	// Observe, if set, is told of each run. It is called from several goroutines.
	Observe func(Run)
}

// Run is one run of a program.
type Run struct {
	Task     Task
	Argv     []string
	Started  time.Time
	Duration time.Duration
	Exit     procgroup.Exit
	// Out is how many bytes the result has.
	Out int
	// Err is what the handler returned; nil for a success.
	Err error
}

// Process returns a handler that runs a program once per task: that of Program with all defaults.
func Process(argv []string) (Handler, error) { return Program{Argv: argv}.Handler() }

// Handler returns the handler. What the program writes to the file $STARBURST_OUTPUT is the task's result;
// if it makes none, what it writes to standard output. Exit status 0 is success, ExitPermanent a failure for good,
// any other one a failure of this attempt, with the tail of standard error.
//
// The program finds STARBURST_JOB, STARBURST_TASK (an identity to use as the idempotency key), STARBURST_INDEX,
// STARBURST_ATTEMPT, STARBURST_DEADLINE_MS (Unix time; missing without a limit), STARBURST_OUTPUT and STARBURST_TMPDIR, a folder
// of its own that is removed when it has ended. It is started in a process group of its own, so that ending it ends its children.
func (p Program) Handler() (Handler, error) {
	if len(p.Argv) == 0 || p.Argv[0] == "" {
		return nil, errors.New("no program to run was given")
	}
	for _, f := range []Form{p.Stdin, p.Result} {
		if !slices.Contains([]Form{"", Text, JSON, Msgpack}, f) {
			return nil, fmt.Errorf("%q is not one of text, json, msgpack", f)
		}
	}
	if !replacement.MatchString(p.Argv[0]) {
		if _, err := exec.LookPath(p.Argv[0]); err != nil {
			return nil, fmt.Errorf("program %q cannot be run: %w", p.Argv[0], err)
		}
	}
	t := newTemplate(p.Argv, p.Stdin != "")
	return func(ctx context.Context, task Task) ([]byte, error) {
		argv, err := t.fill(task)
		if err != nil {
			return nil, BadArgument("program "+p.Argv[0], err)
		}
		r := Run{Task: task, Argv: argv, Started: time.Now()}
		out, err := p.run(ctx, &r)
		r.Duration, r.Out, r.Err = time.Since(r.Started), len(out), err
		if p.Observe != nil {
			p.Observe(r)
		}
		return out, err
	}, nil
}

// run runs the program once.
func (p Program) run(ctx context.Context, r *Run) ([]byte, error) {
	stdin, err := p.input(r.Task)
	if err != nil {
		return nil, BadArgument("program "+p.Argv[0], err)
	}
	dir, err := os.MkdirTemp("", "starburst-task-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the task: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is the system's to clean
	cmd := exec.CommandContext(ctx, r.Argv[0], r.Argv[1:]...)
	cmd.Env = append(os.Environ(), programEnv(ctx, r.Task, dir)...)
	stderr := procgroup.Tail{Limit: store.MaxStack}
	stdout := limitedBuffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	procgroup.Own(cmd)
	cmd.WaitDelay = killAfter
	over, ended := p.runToEnd(cmd)
	if cmd.ProcessState != nil {
		r.Exit = procgroup.ExitOf(cmd.ProcessState)
	}
	switch {
	case over != "":
		return nil, &Error{Kind: store.FailDied, Err: fmt.Errorf("out of memory: %s", over), Stack: stderr.String()}
	case ctx.Err() != nil:
		return nil, &Error{Kind: store.FailTimeout, Err: context.Cause(ctx), Stack: stderr.String()}
	case ended != nil:
		return nil, programError(ended, r.Exit, stderr.String())
	case stdout.over:
		return nil, tooMuch("standard output")
	}
	return p.result(filepath.Join(dir, outputFile), stdout.Bytes())
}

// runToEnd starts the program and waits for its end. over says which memory limit it has passed.
func (p Program) runToEnd(cmd *exec.Cmd) (over string, err error) {
	if err := cmd.Start(); err != nil {
		return "", err
	}
	pid := cmd.Process.Pid
	procgroup.SacrificeFirst(pid)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		over = procgroup.Limit(stop, pid, p.Memory)
	}()
	err = procgroup.Wait(cmd, func() {
		close(stop)
		<-stopped
	})
	return over, err
}

// outputFile is the name of the file that STARBURST_OUTPUT names.
const outputFile = "output"

func programEnv(ctx context.Context, t Task, dir string) []string {
	owner := t.Job
	if owner == "" {
		owner = t.ID
	}
	env := []string{
		"STARBURST_JOB=" + t.Job, "STARBURST_TASK=" + owner + "/" + strconv.Itoa(t.Index),
		"STARBURST_INDEX=" + strconv.Itoa(t.Index), "STARBURST_ATTEMPT=" + strconv.Itoa(t.Attempt),
		"STARBURST_TMPDIR=" + dir, "STARBURST_OUTPUT=" + filepath.Join(dir, outputFile),
	}
	end, limited := ctx.Deadline()
	if !t.Deadline.IsZero() && (!limited || t.Deadline.Before(end)) {
		end, limited = t.Deadline, true
	}
	if limited {
		env = append(env, "STARBURST_DEADLINE_MS="+strconv.FormatInt(end.UnixMilli(), 10))
	}
	return env
}

// programError tells a program that failed from one that was killed or could not start.
func programError(err error, how procgroup.Exit, stderr string) error {
	e := &Error{Kind: store.FailError, Err: err, Stack: stderr, Final: how.Code == ExitPermanent}
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		e.Err = errors.New(how.String())
		if how.Signal != "" || how.Killed {
			e.Kind = store.FailDied
		}
	}
	if last := lastLine(stderr); last != "" {
		e.Err = fmt.Errorf("%w: %s", e.Err, last)
	}
	return e
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func tooMuch(where string) error {
	return &Error{Kind: store.FailResult, Final: true, Err: fmt.Errorf("the program wrote more than %d MiB to %s", MaxOutput>>20, where)}
}
