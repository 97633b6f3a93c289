package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/store"
)

// slowly takes ten seconds for a task, and ends with its context.
func slowly(ctx context.Context, task Task) ([]byte, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(10 * time.Second):
	}
	return echo(ctx, task)
}

func TestAnOldControlItemLosesNothingOfAResumedJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": slowly}, chunkBody(t, "h", 0, 4), chunkBody(t, "h", 4, 4))
		b.results.control.Cancelled = []string{"j"} // META says that it is open
		start := time.Now()
		time.AfterFunc(time.Minute, func() {
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			b.results.control.Cancelled = nil
		})
		b.runUntil(t, 10*time.Minute, b.drained)
		if ok, _, twice := b.results.settled("j"); len(ok) != 8 || len(twice) > 0 {
			t.Errorf("%d settled, twice %v; want all eight", len(ok), twice)
		}
		if took := time.Since(start); took < time.Minute {
			t.Errorf("it ran while the control item named it: done after %v", took)
		}
	})
}

func TestACancelledJobEndsThoughNobodyTellsTheWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": slowly})
		for i := range 60 { // ten minutes of work
			b.queue.Add(chunkBody(t, "h", i, 1), 0)
		}
		start := time.Now()
		time.AfterFunc(time.Minute, func() { // a leader that died before it wrote the control item
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 3, Shards: 1, State: store.Cancelled}
		})
		b.runUntil(t, 10*time.Minute, b.drained)
		if took := time.Since(start); took > 2*time.Minute+20*time.Second {
			t.Errorf("it ended after %v, want within a minute of the cancel", took)
		}
	})
}

func TestAWorkerLooksAtTheControlItemBeforeItsFirstPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 3))
		b.results.control.Draining = true
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		if n := b.queue.Receives(); n != 0 {
			t.Errorf("%d receives of a fleet that drains", n)
		}
	})
}
