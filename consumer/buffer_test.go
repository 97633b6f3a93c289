package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
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
		// A poll that was opened before the long task may take them back once.
		time.Sleep(20 * time.Second)
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
