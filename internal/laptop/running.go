package laptop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/starburst-go/starburst/internal/stack"
)

// DevState is the state that `starburst dev` serves when it is given no name.
const DevState = "dev"

// Running describes a served state to other processes on this machine.
type Running struct {
	PID   int         `json:"pid"`
	Stack stack.Stack `json:"stack"`
}

const runningFile = "running.json"

// Announce tells other processes that the state in dir is served as s. The
// returned function takes it back.
func Announce(dir string, s stack.Stack) (func() error, error) {
	b, err := json.Marshal(Running{PID: os.Getpid(), Stack: s})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, runningFile)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("announce the endpoint: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}

// ErrNotRunning says that no endpoint serves the state.
var ErrNotRunning = errors.New("no local endpoint is running")

// Find returns the stack of a state that is being served, checked by asking it.
// The error is ErrNotRunning when there is none.
func Find(ctx context.Context, name string) (stack.Stack, error) {
	dir, err := Dir(name)
	if err != nil {
		return stack.Stack{}, err
	}
	f, err := os.Open(filepath.Join(dir, runningFile))
	if err != nil {
		return stack.Stack{}, ErrNotRunning
	}
	defer func() { _ = f.Close() }() // only read
	var r Running
	if err := json.NewDecoder(io.LimitReader(f, 64<<10)).Decode(&r); err != nil {
		return stack.Stack{}, ErrNotRunning // half written: its writer was killed
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Stack.Endpoint+"/_starburst/health", nil)
	if err != nil {
		return stack.Stack{}, ErrNotRunning
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return stack.Stack{}, ErrNotRunning
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return stack.Stack{}, ErrNotRunning
	}
	return r.Stack, nil
}
