package laptop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"time"
)

// InUseError says that another process has the state open.
type InUseError struct{ Reason string }

// Error returns the reason the endpoint gave.
func (e *InUseError) Error() string { return e.Reason }

// Endpoint is a supervised endpoint process. When it dies (a crash, a kill -9)
// it is started again on the same port and state, and clients see no more than
// failed requests that they retry.
type Endpoint struct {
	dir     string
	command []string
	env     []string
	url     string
	port    string

	mu   sync.Mutex // protects proc and restarts
	proc *process

	stop context.CancelFunc
	done chan struct{} // closed when supervision has ended
	// restarts counts the processes started after the first.
	restarts int
}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	exit  chan error
}

// restartPause keeps a crashing endpoint from spinning.
const restartPause = 100 * time.Millisecond

// startTimeout bounds the time to the endpoint's greeting.
const startTimeout = 20 * time.Second

// StartEndpoint starts command, which must call Serve, as the endpoint of the state
// in dir, with env added to its environment. It returns an *InUseError when
// another process has the state open.
func StartEndpoint(ctx context.Context, dir string, command, env []string) (*Endpoint, error) {
	e := &Endpoint{dir: dir, command: command, env: env, done: make(chan struct{})}
	p, g, err := e.spawn(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(g.URL)
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("the endpoint's URL %q: %w", g.URL, err)
	}
	e.proc, e.url, e.port = p, g.URL, u.Port()
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	go e.supervise(ctx)
	return e, nil
}

// URL of the endpoint; it stays the same over restarts.
func (e *Endpoint) URL() string { return e.url }

// PID of the endpoint's present process.
func (e *Endpoint) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.proc.cmd.Process.Pid
}

// spawn starts one process and waits for its greeting.
func (e *Endpoint) spawn(ctx context.Context, addr string) (*process, greeting, error) {
	cmd := exec.Command(e.command[0], e.command[1:]...) //nolint:noctx // it outlives the call that starts it
	cmd.Env = append(os.Environ(), e.env...)
	cmd.Env = append(cmd.Env, EnvDir+"="+e.dir, EnvAddr+"="+addr)
	cmd.Stderr = os.Stderr
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, greeting{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, greeting{}, err
	}
	if err := cmd.Start(); err != nil {
		return nil, greeting{}, fmt.Errorf("start the local endpoint: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, exit: make(chan error, 1)}
	said := make(chan greeting, 1)
	go func() {
		var g greeting
		line, _ := bufio.NewReaderSize(stdout, 64<<10).ReadBytes('\n')
		if err := json.Unmarshal(line, &g); err != nil {
			g.Err = "it ended without a word"
		}
		said <- g
		_, _ = io.Copy(io.Discard, stdout)
		p.exit <- cmd.Wait()
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case g := <-said:
		switch {
		case g.InUse:
			<-p.exit //nolint:errcheck // it said why
			return nil, g, &InUseError{Reason: g.Err}
		case g.Err != "":
			p.kill()
			return nil, g, fmt.Errorf("the local endpoint did not start: %s", g.Err)
		}
		return p, g, nil
	case <-timeout.C:
		p.kill()
		return nil, greeting{}, fmt.Errorf("the local endpoint did not start within %v", startTimeout)
	case <-ctx.Done():
		p.kill()
		return nil, greeting{}, context.Cause(ctx)
	}
}

// supervise starts the process again whenever it ends unasked.
func (e *Endpoint) supervise(ctx context.Context) {
	defer close(e.done)
	for {
		e.mu.Lock()
		p := e.proc
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case err := <-p.exit:
			p.exit <- err // for Close
		}
		for ctx.Err() == nil {
			next, _, err := e.spawn(ctx, "127.0.0.1:"+e.port)
			if err == nil {
				e.mu.Lock()
				e.proc = next
				e.restarts++
				e.mu.Unlock()
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(restartPause):
			}
		}
	}
}

// Close ends the endpoint and, with it, its tasks. When ctx ends first, the
// endpoint is killed.
func (e *Endpoint) Close(ctx context.Context) error {
	e.stop()
	<-e.done
	p := e.proc
	_ = p.stdin.Close()
	select {
	case err := <-p.exit:
		if _, ok := errors.AsType[*exec.ExitError](err); ok {
			return fmt.Errorf("the local endpoint ended with %w", err)
		}
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("the local endpoint was killed, since it did not end in time: %w", context.Cause(ctx))
	}
}

// kill ends the process at once and collects it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exit //nolint:errcheck // it was killed
}

// The environment of an endpoint process.
const (
	EnvDir  = "STARBURST_STATE_DIR"
	EnvAddr = "STARBURST_ADDR"
)
