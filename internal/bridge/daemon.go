package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
)

// daemonTimeout bounds the start of a local stack that outlives its starter.
const daemonTimeout = 30 * time.Second

// daemonLog is the file in a state's directory that its stack's output goes to.
const daemonLog = "dev.log"

// Daemon returns the stack of a local state that outlives this process. When nobody serves the
// state, command (`starburst dev …`) is started to do so, in a session of its own.
func Daemon(ctx context.Context, state string, command []string) (stack.Stack, error) {
	s, err := laptop.Find(ctx, state)
	if !errors.Is(err, laptop.ErrNotRunning) {
		return s, err
	}
	if len(command) == 0 {
		return s, exit.Errorf(exit.NotFound, "nobody serves the local state %q, and there is no worker command to start it with", state)
	}
	dir, err := laptop.Dir(state)
	if err != nil {
		return s, err
	}
	log, err := os.OpenFile(filepath.Join(dir, daemonLog), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return s, fmt.Errorf("the stack's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // our own program; it must outlive ctx
	cmd.Stdout, cmd.Stderr = log, log
	ownSession(cmd)
	if err := cmd.Start(); err != nil {
		return s, fmt.Errorf("start the stack: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return awaitDaemon(ctx, state, log.Name(), ended)
}

func awaitDaemon(ctx context.Context, state, log string, ended <-chan error) (stack.Stack, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTimeout)
	defer cancel()
	for {
		s, err := laptop.Find(ctx, state)
		if err == nil {
			return s, nil
		}
		select {
		case err := <-ended:
			b, _ := os.ReadFile(log) // without it there is still the sentence
			return s, exit.Errorf(exit.Failed, "the local stack of %s does not start (%v): %s", state, err, strings.TrimSpace(tail(string(b))))
		case <-ctx.Done():
			return s, exit.Errorf(exit.Failed, "the local stack of %s does not start within %v; see %s", state, daemonTimeout, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// AwaitHandler waits until a stack that has just been started knows the handler: it can be found a moment before.
func AwaitHandler(ctx context.Context, s *burst.Session, handler string) error {
	ctx, cancel := context.WithTimeout(ctx, daemonTimeout)
	defer cancel()
	for {
		known, err := s.Store().Handlers(ctx, s.Stack().Fleet)
		if err != nil {
			return err
		}
		for _, h := range known {
			if h.Name == handler {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return exit.Errorf(exit.Failed, "the stack's workers do not know %s within %v", handler, daemonTimeout)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail is the end of a log that fits into a message.
func tail(s string) string { return s[max(0, len(s)-1000):] }
