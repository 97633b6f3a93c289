package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/internal/virtual"
)

func TestMessagesBehindALongTaskGoToIdleWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const long, tasks = 40, 60
		b := setup(nil)
		b.cfg.Handlers = Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			d := time.Millisecond
			if argument(task) == long {
				d = 10 * time.Minute
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(d):
			}
			return echo(ctx, task)
		}}
		for i := range tasks {
			b.queue.Add(chunkBody(t, "h", i, 1), 0)
		}
		run := func(name string) (stop func()) {
			cfg := b.cfg
			cfg.Name, cfg.Rand = name, nil
			w, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			return func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		}
		stopFirst := run("first")
		time.Sleep(time.Second) // virtual: it has learnt that tasks are short, and is at the long one
		stopSecond := run("second")
		// Polls that were opened before the long task, for 20 s at most, may take them back; they
		// are then given back once more.
		time.Sleep(40 * time.Second)
		if ok, _, _ := b.results.settled("j"); len(ok) != tasks-1 {
			t.Errorf("%d of %d tasks settled while one is long, want all the others", len(ok), tasks)
		}
		receives := b.queue.Receives()
		time.Sleep(time.Minute)
		if n := b.queue.Receives() - receives; n > 10 {
			t.Errorf("%d receives in a minute with one slot busy", n)
		}
		stopSecond()
		time.Sleep(10 * time.Minute)
		stopFirst()
		if ok, _, twice := b.results.settled("j"); len(ok) != tasks || len(twice) > 0 {
			t.Errorf("%d settled, twice %v; want %d", len(ok), twice, tasks)
		}
	})
}

func TestALoneWorkerDoesNotWearOutWhatWaitsBehindALongTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tasks = 13
		b := setup(nil)
		b.queue = virtual.NewQueue(virtual.QueueOptions{MaxReceives: 6}, chunkBody(t, "h", 1, 1))
		b.cfg.Queue, b.cfg.BusyWait = b.queue, time.Second
		b.cfg.Handlers = Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) == 0 {
				time.Sleep(10 * time.Minute) // virtual
			}
			return echo(ctx, task)
		}}
		// The first task is so short that the worker opens all its polls at once.
		time.AfterFunc(time.Second, func() {
			b.queue.Add(chunkBody(t, "h", 0, 1), 0)
			for i := 2; i < tasks; i++ {
				b.queue.Add(chunkBody(t, "h", i, 1), 0)
			}
		})
		b.runUntil(t, time.Hour, func() bool {
			ok, _, _ := b.results.settled("j")
			return len(ok) == tasks || len(b.queue.Dead()) > 0
		})
		if dead := b.queue.Dead(); len(dead) > 0 {
			t.Errorf("%d messages are worn out after 6 receives", len(dead))
		}
	})
}
