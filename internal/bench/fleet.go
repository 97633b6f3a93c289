package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/usage"
)

// fleet is worker processes that the bench has started itself.
type fleet struct {
	workers []*exec.Cmd
	reading sync.WaitGroup // of their logs
}

// startLimit bounds the time until a worker says that it has started.
const startLimit = 60 * time.Second

// startFleet returns when every worker has said that it works.
func startFleet(ctx context.Context, command, env []string, n int) (*fleet, error) {
	f := &fleet{}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	said := make(chan error, n)
	for range n {
		cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // it outlives the call that starts it
		cmd.Env = append(os.Environ(), env...)
		log, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			f.stop()
			return nil, fmt.Errorf("start a worker: %w", err)
		}
		f.workers = append(f.workers, cmd)
		f.reading.Go(func() { follow(log, said) })
	}
	for range n {
		select {
		case err := <-said:
			if err != nil {
				f.stop()
				return nil, err
			}
		case <-ctx.Done():
			f.stop()
			return nil, fmt.Errorf("not all workers have started: %w", context.Cause(ctx))
		}
	}
	return f, nil
}

// follow reads a worker's log to its end: it reports when the worker says that it has started, and passes on warnings.
func follow(log io.Reader, said chan<- error) {
	started, last := false, ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		last = lines.Text()
		switch {
		case !started && strings.Contains(last, "worker started"):
			started = true
			said <- nil
		case strings.Contains(last, "level=WARN"), strings.Contains(last, "level=ERROR"):
			_, _ = fmt.Fprintln(os.Stderr, last)
		}
	}
	if !started {
		said <- fmt.Errorf("a worker ended before it worked: %s", last)
	}
}

// usage of all workers so far: CPU summed up, the largest peak.
func (f *fleet) usage() (usage.Usage, error) {
	var sum usage.Usage
	for _, w := range f.workers {
		u, err := usage.Of(w.Process.Pid)
		if err != nil {
			return sum, err
		}
		sum.CPU += u.CPU
		sum.PeakRSS = max(sum.PeakRSS, u.PeakRSS)
	}
	return sum, nil
}

// stop kills the workers: their queue is not needed any more, and a worker that is asked
// to end waits for its open poll first.
func (f *fleet) stop() {
	for _, w := range f.workers {
		_ = w.Process.Kill() // it may have ended
	}
	f.reading.Wait() // a log is read to its end before Wait closes it
	for _, w := range f.workers {
		_ = w.Wait() // it was killed
	}
	f.workers = nil
}
