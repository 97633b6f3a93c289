//go:build unix

package child

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

// begun waits until one of the pool's children runs a task.
func begun(p *Pool) {
	for {
		for _, proc := range p.all() {
			if proc.current.Load() >= 0 {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func TestQuietReachesTheRunningTask(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	go func() {
		begun(p)
		p.Quiet(time.Now().Add(time.Minute))
	}()
	if v, err := call(t, p, "until quiet", 1, nil); v != "quiet" || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

// A handler that was left behind does not keep the children from ending, and starts none any more.
func TestCloseEndsWhatStillRuns(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	done := make(chan error, 1)
	go func() {
		_, err := p.run(context.Background(), consumer.Task{Handler: "stubborn", Attempt: 1, Arg: []byte{0xc0}})
		done <- err
	}()
	begun(p)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p.Close(ctx)
	err := <-done
	if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Kind != store.FailDied {
		t.Errorf("the task ended with %v", err)
	}
	if len(p.all()) != 0 {
		t.Errorf("%d children are left", len(p.all()))
	}
	if _, err := p.run(ctx, consumer.Task{Handler: "pid", Attempt: 1, Arg: []byte{0xc0}}); !errors.Is(err, consumer.ErrNotRun) {
		t.Errorf("a task after the end: %v", err)
	}
}
