package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// sampled counts the snapshots that a worker writes.
type sampled struct {
	Results
	puts atomic.Int64
}

func (s *sampled) PutLedger(ctx context.Context, l store.Ledger) error {
	s.puts.Add(1)
	return s.Results.PutLedger(ctx, l)
}

// Ten minutes of a worker of 1 vCPU and 2 GB cost $0.0082. What it writes about itself in
// that time costs less than 0.2 % of it, however small its tasks are. (Tasks that end at the very
// instants of virtual time at which snapshots are due would look idle more often than real ones.)
func TestSamplingIsCheap(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := book.Fargate(cost.X86, false)
	if err != nil {
		t.Fatal(err)
	}
	const life = 10 * time.Minute
	worker := cost.FargateBill(rate, cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}, time.Unix(1, 0), time.Unix(1, 0).Add(life)).Total()
	for _, c := range []struct {
		because string
		task    time.Duration
	}{
		{"small tasks", 47 * time.Millisecond}, {"tasks of a second", 970 * time.Millisecond}, {"tasks of 20 s", 19_700 * time.Millisecond}, {"nothing to do", 0},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
					time.Sleep(c.task)
					return echo(ctx, task)
				}})
				for i := 0; c.task > 0 && i < int(life/c.task); i++ {
					b.queue.Add(chunkBody(t, "h", i, 1), 0)
				}
				s := &sampled{Results: b.results}
				b.cfg.Results = s
				end := time.Now().Add(life)
				b.runUntil(t, 2*life, func() bool { return b.drained() && !time.Now().Before(end) })
				// A snapshot is at most 1 KiB, which is one write unit (store).
				price, err := book.Price("dynamodb.wru", s.puts.Load())
				if err != nil {
					t.Fatal(err)
				}
				if price*1000 >= worker*2 {
					t.Errorf("%d snapshots cost %s, %.2f %% of the worker's %s", s.puts.Load(), price, 100*float64(price)/float64(worker), worker)
				}
				t.Logf("%d snapshots, %.2f %% of the worker's price", s.puts.Load(), 100*float64(price)/float64(worker))
			})
		})
	}
}

// A worker that turns idle says so within five seconds: nobody must wait for its counts at the end of a job.
func TestAWorkerThatTurnsIdleSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			time.Sleep(100 * time.Millisecond)
			return echo(ctx, task)
		}})
		for i := range 70 { // 7 s of work
			b.queue.Add(chunkBody(t, "h", i, 1), 0)
		}
		start, took := time.Now(), time.Duration(0)
		b.runUntil(t, time.Minute, func() bool {
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			l := b.results.ledger
			if l.Jobs["j"].OK < 70 || l.Busy > 0 {
				took = time.Since(start)
				return false
			}
			return true
		})
		if took > 13*time.Second {
			t.Errorf("the counts of 7 s of work were there after %v", took)
		}
	})
}
