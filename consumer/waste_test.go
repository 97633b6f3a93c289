package consumer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

// Time in handlers is told apart by what came of it.
func TestWhereTheTimeWent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		handler func(b *bench) Handler
		until   time.Duration // 0: until the queue is empty
		want    store.JobCount
	}{
		{"a good run wastes nothing",
			func(*bench) Handler {
				return func(ctx context.Context, task Task) ([]byte, error) {
					time.Sleep(3 * time.Second)
					return echo(ctx, task)
				}
			}, 0, store.JobCount{OK: 1, BusyMS: 3000}},
		{"an attempt that failed is wasted, though the next one succeeds",
			func(*bench) Handler {
				return func(ctx context.Context, task Task) ([]byte, error) {
					time.Sleep(2 * time.Second)
					if task.Attempt == 1 {
						return nil, errors.New("not yet")
					}
					return echo(ctx, task)
				}
			}, 0, store.JobCount{OK: 1, BusyMS: 4000, WastedMS: 2000, FailedMS: 2000}},
		{"a task that failed for good, too",
			func(*bench) Handler {
				return func(context.Context, Task) ([]byte, error) {
					time.Sleep(2 * time.Second)
					return nil, Permanent(errors.New("hopeless"))
				}
			}, 0, store.JobCount{Failed: 1, BusyMS: 2000, WastedMS: 2000, FailedMS: 2000}},
		{"work that another worker had recorded first is done twice",
			func(b *bench) Handler {
				return func(ctx context.Context, task Task) ([]byte, error) {
					time.Sleep(4 * time.Second)
					value, err := echo(ctx, task)
					_, putErr := b.results.PutResult(ctx, store.Job{ID: "j"}, store.Result{Job: "j", Identity: "0", Token: "other",
						Settled: []store.Settled{{Index: 0, Value: value}}})
					return value, errors.Join(err, putErr)
				}
			}, 0, store.JobCount{BusyMS: 4000, WastedMS: 4000}},
		{"a run that the worker's stop cut off",
			func(*bench) Handler {
				return func(ctx context.Context, _ Task) ([]byte, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
			}, 10 * time.Second, store.JobCount{BusyMS: 35_000, WastedMS: 35_000, InterruptedMS: 35_000}},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(nil, chunkBody(t, "h", 0, 1))
				b.cfg.Handlers = Registry{"h": c.handler(b)}
				end := time.Now().Add(c.until)
				b.runUntil(t, time.Minute, func() bool { return b.drained() || c.until > 0 && !time.Now().Before(end) })
				if diff := cmp.Diff(c.want, b.results.ledger.Jobs["j"]); diff != "" {
					t.Errorf("ledger (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A worker that is killed takes with it what it had not recorded; its last snapshot
// still says how long it had been at it.
func TestASnapshotKnowsWhatIsRunning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			time.Sleep(50 * time.Second)
			return echo(ctx, task)
		}}, chunkBody(t, "h", 0, 1))
		var running store.JobCount
		b.runUntil(t, 2*time.Minute, func() bool {
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			if c := b.results.ledger.Jobs["j"]; c.RunningMS > 0 {
				running = c
			}
			return b.drained()
		})
		if r := running.RunningMS; r < 25_000 || r > 50_000 || running.BusyMS != r || running.WastedMS != 0 {
			t.Errorf("the last snapshot before the end says %+v", running)
		}
		if diff := cmp.Diff(store.JobCount{OK: 1, BusyMS: 50_000}, b.results.ledger.Jobs["j"]); diff != "" {
			t.Errorf("the final one (-want +got):\n%s", diff)
		}
	})
}

func TestSmallTasksAddUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			time.Sleep(300 * time.Microsecond)
			return echo(ctx, task)
		}})
		for i := range 100 {
			b.queue.Add(chunkBody(t, "h", i, 1), 0)
		}
		b.runUntil(t, time.Minute, b.drained)
		if got := b.results.ledger.Jobs["j"].BusyMS; got != 30 {
			t.Errorf("100 messages of 0.3 ms are %d ms busy, want 30", got)
		}
	})
}
