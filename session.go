package starburst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/view"
)

// Environment variables that a session reads where Config leaves a zero.
const (
	EnvWorkers = "STARBURST_WORKERS"
	EnvSlots   = role.EnvSlots
	EnvState   = "STARBURST_STATE"
)

// Config says where and how a session works. The zero value is the stack that
// the environment or a configuration file describes (starburst help config), or else the laptop mode.
// STARBURST_PROFILE=none leaves the files aside.
type Config struct {
	// Workers is the most workers the session's fleet grows to. Default:
	// $STARBURST_WORKERS, else the number of processors.
	Workers int
	// Slots is how many tasks a worker runs at once. Default: $STARBURST_SLOTS, else 1.
	Slots int
	// State names the laptop mode's state directory under $XDG_STATE_HOME/starburst.
	// Default: $STARBURST_STATE, else the program's name.
	State string
	// Progress receives the progress display. Default: standard error; io.Discard turns it off.
	Progress io.Writer
}

// withDefaults fills in what the settings say, and then the defaults. getenv answers as an environment that has the settings.
func (c Config) withDefaults(getenv func(string) string) (Config, error) {
	var err error
	if c.Workers == 0 {
		if c.Workers, err = envInt(getenv, EnvWorkers, runtime.NumCPU()); err != nil {
			return c, err
		}
	}
	if c.Slots == 0 {
		if c.Slots, err = envInt(getenv, EnvSlots, 1); err != nil {
			return c, err
		}
	}
	if c.Workers < 1 || c.Slots < 1 {
		return c, exit.Errorf(exit.Usage, "workers is %d and slots is %d: both must be at least 1", c.Workers, c.Slots)
	}
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	c.State = cmp.Or(c.State, getenv(EnvState), name)
	if c.Progress == nil {
		c.Progress = os.Stderr
	}
	return c, nil
}

func envInt(getenv func(string) string, name string, otherwise int) (int, error) {
	v := getenv(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, exit.Errorf(exit.Usage, "%s is %q, not a number", name, v)
	}
	return n, nil
}

// Session is the connection of a program to its stack. In the laptop mode it owns
// the endpoint and the workers, and Close ends them. It is safe for concurrent use.
type Session struct {
	config   Config
	handlers map[string]bool
	stack    stack.Stack // zero: the laptop mode
	tracing  tracingOption

	mu    sync.Mutex // protects the fields below
	inner *burst.Session
	state string // of the laptop; "" on AWS
	last  string // the job submitted or attached to last
}

// New returns a session for a program with the given handlers. Nothing is started
// before the first job. Programs that use Main are given one.
//
// In the laptop mode the workers are processes of this very program, so New
// without Main works only if its main function calls Main in them.
func New(c Config, handlers ...Registration) (*Session, error) {
	settings, err := config.Load(os.Getenv, "")
	if err != nil {
		return nil, err
	}
	getenv := settings.Getenv(os.Getenv)
	if c, err = c.withDefaults(getenv); err != nil {
		return nil, err
	}
	st := stack.From(getenv)
	if name := settings.Get(config.KeyStack); st.IsZero() && name != "" {
		return nil, exit.Errorf(exit.Usage, "stack %q is chosen, and its queue and table are not known on this machine", name).
			WithHint("starburst init --stack %s --save; or STARBURST_PROFILE=none to work on this machine", name)
	}
	handlers, tracing := split(handlers)
	s := &Session{config: c, stack: st, handlers: map[string]bool{}, tracing: tracing}
	for _, h := range handlers {
		s.handlers[h.Name()] = true
	}
	return s, nil
}

// open starts what the first job needs: the job's id, if it was chosen, and how many workers are sure to have work.
func (s *Session) open(ctx context.Context, job string, start int) (*burst.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inner != nil {
		return s.inner, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run it as workers: %w", err)
	}
	names := make([]string, 0, len(s.handlers))
	for n := range s.handlers {
		names = append(names, n)
	}
	tracer, err := s.tracing.open(ctx)
	if err != nil {
		return nil, err
	}
	s.inner, err = burst.Open(ctx, burst.Config{
		Tracer: tracer,
		Stack:  s.stack, State: s.config.State, Job: job,
		Workers: s.config.Workers, Slots: s.config.Slots, Start: start, Handlers: names,
		Command: []string{self}, Env: []string{role.Env + "=" + role.Worker},
		Endpoint: []string{self}, Display: view.NewDisplay(s.config.Progress), LastLine: true,
	})
	if err != nil {
		return nil, err
	}
	s.state = s.inner.State()
	return s.inner, nil
}

// Close stops what the session started; jobs and results stay. Workers get until
// ctx ends to finish what they run.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inner == nil {
		return nil
	}
	err := s.inner.Close(ctx)
	s.inner = nil
	return err
}

func (s *Session) remember(job string) {
	s.mu.Lock()
	s.last = job
	s.mu.Unlock()
}

// interrupted turns the outcome of an interrupted run into the message that says
// how to go on.
func (s *Session) interrupted(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := exit.Errorf(exit.Interrupt, "interrupted")
	if !errors.Is(err, context.Canceled) {
		e = exit.Errorf(exit.Interrupt, "interrupted: %w", err)
	}
	switch {
	case s.last == "":
		return e
	case s.state == "":
		return e.WithHint("job %s goes on without you; starburst watch %s looks on", s.last, s.last)
	}
	return e.WithHint("job %s is kept; starburst attach --state %s %s goes on with it", s.last, s.state, s.last)
}

// retryable adds to failed tasks the command that runs them again.
func (s *Session) retryable(err error) error {
	failed, is := errors.AsType[*TaskErrors](err)
	if !is || exit.HintOf(err) != "" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	where := ""
	if s.state != "" {
		where = " --state " + s.state
	}
	return (&exit.Error{Code: exit.CodeOf(err), Err: err}).WithHint("starburst retry --failed%s %s", where, failed.Job)
}

func checkName(name string) error {
	if name == "" || len(name) > codec.MaxHandlerLen {
		return exit.Errorf(exit.Usage, "handler name %q: must have 1 to %d bytes", name, codec.MaxHandlerLen)
	}
	return nil
}
