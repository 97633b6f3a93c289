package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/joblog"
	"github.com/starburst-go/starburst/store"
)

// What the halt file says.
const (
	haltSoon = "soon"
	haltNow  = "now"
)

// account is what `run` keeps besides the results: a job log, what to pass over, and when to halt.
type account struct {
	log  string // the job log; of its own when there is only --halt
	dir  string // to be removed at the end; "" for none
	file string // made to halt
	halt joblog.Halt
	skip map[int]bool
	old  map[int]joblog.Entry

	watching sync.WaitGroup
	endWatch context.CancelFunc

	mu      sync.Mutex // protects reached
	reached bool
}

// openAccount reads --joblog, --resume, --resume-failed and --halt.
func openAccount(c *cli.Context) (*account, error) {
	a := &account{log: c.String("joblog")}
	var err error
	if a.halt, err = joblog.ParseHalt(c.String("halt")); err != nil {
		return nil, exit.Errorf(exit.Usage, "--halt: %w", err)
	}
	if a.skip, err = toSkip(c); err != nil {
		return nil, err
	}
	if a.halt.On != "" {
		if a.dir, err = os.MkdirTemp("", "starburst-halt-"); err != nil {
			return nil, fmt.Errorf("make a folder for --halt: %w", err)
		}
		a.file = filepath.Join(a.dir, "halt")
		if a.log == "" {
			a.log = filepath.Join(a.dir, "joblog")
		}
	}
	if a.log == "" {
		return a, nil
	}
	if a.log, err = filepath.Abs(a.log); err != nil {
		return nil, fmt.Errorf("find the job log: %w", err)
	}
	if err := joblog.Create(a.log, a.skip != nil); err != nil {
		return nil, errors.Join(exit.Errorf(exit.Usage, "%w", err), a.close())
	}
	a.old, err = joblog.ReadFile(a.log)
	return a, err
}

func (a *account) close() error {
	if a.endWatch != nil {
		a.endWatch()
		a.watching.Wait()
	}
	if a.dir == "" {
		return nil
	}
	return os.RemoveAll(a.dir)
}

// workerArgs are the worker's flags for it.
func (a *account) workerArgs(c *cli.Context) (args []string) {
	if a.log != "" {
		args = append(args, "--joblog", a.log, "--attempts", strconv.Itoa(c.Int("attempts")))
	}
	if a.file != "" {
		args = append(args, "--halt-file", a.file)
	}
	for _, name := range []string{"resume", "resume-failed"} {
		if c.Bool(name) {
			args = append(args, "--"+name)
		}
	}
	return args
}

// watch makes the halt file when the job log says so. It ends with ctx.
func (a *account) watch(ctx context.Context, job store.Job) {
	tick := time.NewTicker(haltEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		entries, err := joblog.ReadFile(a.log)
		if err != nil {
			continue // a line is being written
		}
		ok, failed := 0, 0
		for seq, e := range entries {
			switch old, was := a.old[seq]; {
			case was && old.Started.Equal(e.Started): // of an earlier run
			case e.OK():
				ok++
			default:
				failed++
			}
		}
		if a.halt.Reached(ok, failed, job.N) {
			a.stop()
			return
		}
	}
}

func (a *account) stop() {
	word := haltSoon
	if a.halt.Now {
		word = haltNow
	}
	if err := os.WriteFile(a.file, []byte(word), 0o600); err != nil {
		return
	}
	a.mu.Lock()
	a.reached = true
	a.mu.Unlock()
}

func (a *account) isReached() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reached
}

// results passes on those of tasks that this run has run, and counts those that --halt has kept from it.
func (a *account) results(all iter.Seq2[store.Settled, error], halted *int) iter.Seq2[store.Settled, error] {
	return func(yield func(store.Settled, error) bool) {
		for s, err := range all {
			switch {
			case err == nil && a.skip[s.Index+1]:
			case err == nil && s.Failure != nil && strings.HasSuffix(s.Failure.Message, errHalted.Error()):
				*halted++
			case !yield(s, err):
				return
			}
		}
	}
}

// begin starts to look whether to halt, as soon as the job is there.
func (a *account) begin(ctx context.Context, job store.Job) {
	if a.halt.On == "" {
		return
	}
	ctx, a.endWatch = context.WithCancel(ctx)
	a.watching.Go(func() { a.watch(ctx, job) })
}

// follow prints the job's results and tells how it ended.
func (a *account) follow(c *cli.Context, s *burst.Session, job store.Job) error {
	halted := 0
	err := printJob(c, s, a.results(s.Follow(c.Context, job), &halted), job)
	if !a.isReached() || exit.CodeOf(err) != exit.OK && exit.CodeOf(err) != exit.TasksFail {
		return err
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "--halt %s was reached: %d of %d tasks were not run to their end\n", a.halt, halted, job.N)
	switch {
	case a.halt.On == "success":
		return nil // as many have succeeded as were wanted, whatever has failed before
	case err == nil && halted > 0 && a.halt.On != "done":
		return exit.Errorf(exit.TasksFail, "halted")
	}
	return err
}
