package ecs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// process is a running task: a child of ours, or one that an earlier endpoint
// started and this one adopted.
type process struct {
	pid      int
	identity string // tells it from a later process with the same pid

	mu     sync.Mutex
	child  *os.Process // nil when adopted
	reaped bool        // the child's pid may be another's by now
}

// command is what to run: everything is given, nothing is inherited.
type command struct {
	argv []string
	env  []string
	dir  string
	log  *os.File // standard output and error
}

// start starts a process in a session of its own. Its session and group number
// is its pid, so that its children can be signalled with it, and a closed
// terminal does not take it along. Its output goes to a file directly: a pipe
// would break with the endpoint.
func start(c command) (*process, error) {
	path, err := lookPath(c.argv[0], c.env, c.dir)
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }() // read only
	child, err := os.StartProcess(path, c.argv, &os.ProcAttr{
		Dir: c.dir, Env: c.env, Files: []*os.File{null, c.log, c.log}, Sys: ownGroup(),
	})
	if err != nil {
		return nil, err
	}
	p := &process{pid: child.Pid, child: child}
	if p.identity, err = identityOf(p.pid); err != nil && !errors.Is(err, errGone) {
		// Without its start time it could not be adopted safely.
		killErr := p.signal(syscall.SIGKILL)
		_, waitErr := child.Wait()
		return nil, errors.Join(fmt.Errorf("start time of process %d: %w", p.pid, err), killErr, waitErr)
	}
	return p, nil
}

// adopt returns the process that an earlier endpoint started, or nil when it is
// gone, whoever has its pid now.
func adopt(pid int, identity string) *process {
	if now, err := identityOf(pid); pid <= 1 || err != nil || now != identity {
		return nil
	}
	return &process{pid: pid, identity: identity}
}

// errGone: there is no such process, or only its zombie.
var errGone = errors.New("no such process")

// signal signals the whole group. A process that is gone is not an error, and
// one that has taken its pid is not touched.
func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		// An adopted pid is not ours to hold: look who has it.
		if now, err := identityOf(p.pid); err != nil || now != p.identity {
			return nil
		}
	} else if p.reaped {
		return nil
	}
	if err := signalGroup(p.pid, sig); err != nil {
		return fmt.Errorf("signal process group %d: %w", p.pid, err)
	}
	return nil
}

// wait returns when the process has ended: with its exit code, 128 + n for
// signal n as a container reports it, nil when it cannot be known. What is left
// of its group is killed, as it is when a container's first process ends. An
// error is ctx's, and the process lives.
func (p *process) wait(ctx context.Context) (exit *int, err error) {
	if err := awaitExit(ctx, p.pid, p.identity); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		return reapAdopted(p.pid, p.identity), nil
	}
	// The unreaped child still holds the pid: the group cannot be another's.
	_ = signalGroup(p.pid, syscall.SIGKILL)
	state, err := p.child.Wait()
	p.reaped = true
	if err != nil {
		return nil, nil // it has ended; only the code is unknown
	}
	return new(exitCode(state)), nil
}
