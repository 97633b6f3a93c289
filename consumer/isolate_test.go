package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/virtual"

	"github.com/starburst-go/starburst/store"
)

// frozen stands for a process that is gone: its handler never returns and its
// calls no longer reach anything.
type frozen struct {
	mu   sync.Mutex
	dead map[string]bool
}

func (f *frozen) kill(worker string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[worker] = true
}

func (f *frozen) isDead(worker string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead[worker]
}

// deadResults likewise.
type deadResults struct {
	*fakeResults
	f    *frozen
	name string
}

var errDead = errors.New("this worker is dead")

func (r *deadResults) RemoveStart(ctx context.Context, job store.Job, m codec.Identity, start string) error {
	if r.f.isDead(r.name) {
		return errDead
	}
	return r.fakeResults.RemoveStart(ctx, job, m, start)
}

func (r *deadResults) PutResult(ctx context.Context, job store.Job, res store.Result) (store.PutOutcome, error) {
	if r.f.isDead(r.name) {
		return 0, errDead
	}
	return r.fakeResults.PutResult(ctx, job, res)
}

func TestAPoisonTaskIsIsolatedAndRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const poison = 37
		b := setup(nil, chunkBody(t, "h", 0, 100))
		f := &frozen{dead: map[string]bool{}}
		var deaths atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		// A supervisor replaces each worker that dies, as a service does.
		replace := make(chan struct{}, 100)
		spawn := func(n int) {
			name := fmt.Sprint("w", n)
			own, die := context.WithCancel(ctx)
			cfg := b.cfg
			cfg.Name, cfg.Rand = name, nil
			cfg.Grace = time.Millisecond
			cfg.Queue = killableQueue{b.queue, own}
			cfg.Results = &deadResults{b.results, f, name}
			cfg.Handlers = Registry{"h": func(c context.Context, task Task) ([]byte, error) {
				if argument(task) == poison {
					deaths.Add(1)
					f.kill(name)
					die()
					replace <- struct{}{}
					<-c.Done() // never comes back to report
					return nil, c.Err()
				}
				return echo(c, task)
			}}
			w, err := New(cfg)
			if err != nil {
				t.Error(err)
				return
			}
			all.Go(func() { _ = w.Run(own); die() })
		}
		all.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-replace:
					spawn(n)
				}
			}
		})
		spawn(0)
		for end := time.Now().Add(time.Hour); !b.drained() && time.Now().Before(end); {
			time.Sleep(time.Second) // virtual
		}
		cancel()
		all.Wait()
		ok, failed, twice := b.results.settled("j")
		if len(ok) != 99 || len(twice) > 0 {
			t.Errorf("%d settled, twice %v; want 99", len(ok), twice)
		}
		if f := failed[poison]; f == nil || f.Kind != store.FailDied || len(f.Argument) == 0 {
			t.Errorf("the poison task: %+v, want it recorded as died, with its argument", f)
		}
		// 100 → 13 → 2 → 1: two deaths of the root (the first unnoted), one of each
		// piece, three alone. A dead worker cannot ack, so that pieces may be on the queue
		// twice, and deaths by two copies at one time count as one (see countDeaths).
		if n := deaths.Load(); n > 2*7 {
			t.Errorf("%d workers died, want at most 14", n)
		}
	})
}

// killableQueue is a queue whose calls fail once the worker is dead, so that a
// dead worker neither releases nor acks.
type killableQueue struct {
	*virtual.Queue
	alive context.Context //nolint:containedctx // it stands for the process's life
}

func (q killableQueue) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, o ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if q.alive.Err() != nil {
		return nil, errDead
	}
	return q.Queue.ChangeMessageVisibilityBatch(ctx, in, o...)
}

func (q killableQueue) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, o ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if q.alive.Err() != nil {
		return nil, errDead
	}
	return q.Queue.DeleteMessageBatch(ctx, in, o...)
}

func TestTheRestOfALongMessageGoesToIdleWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := func(ctx context.Context, task Task) ([]byte, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
			}
			return echo(ctx, task)
		}
		b := setup(Registry{"h": second}, chunkBody(t, "h", 0, 80))
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 4 {
			cfg := b.cfg
			cfg.Name = fmt.Sprint("w", i)
			cfg.Rand = nil
			w, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() { _ = w.Run(ctx) })
		}
		start := time.Now()
		for !b.drained() && time.Since(start) < time.Hour {
			time.Sleep(100 * time.Millisecond) // virtual
		}
		took := time.Since(start)
		cancel()
		all.Wait()
		ok, failed, twice := b.results.settled("j")
		if len(ok) != 80 || len(failed) > 0 || len(twice) > 0 {
			t.Errorf("settled %d, failed %v, twice %v", len(ok), failed, twice)
		}
		if took > 45*time.Second {
			t.Errorf("80 s of work in one message took %v on 4 workers: the idle ones got too little", took)
		}
	})
}

func TestACancelledJobEndsWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		obedient := func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) < 3 {
				return echo(ctx, task)
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		b := setup(Registry{"h": obedient}, chunkBody(t, "h", 0, 10), chunkBody(t, "h", 10, 10))
		time.AfterFunc(time.Minute, func() {
			b.results.mu.Lock()
			b.results.control.Cancelled = []string{"j"}
			b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 3, Shards: 1, State: store.Cancelled}
			b.results.mu.Unlock()
		})
		start := time.Now()
		var took time.Duration // without the stop, which lets an open poll end
		b.runUntil(t, 5*time.Minute, func() bool { took = time.Since(start) - time.Minute; return b.drained() })
		if took > 10*time.Second {
			t.Errorf("the job ended %v after the cancel, want ≤ 10 s", took)
		}
		if ok, failed, _ := b.results.settled("j"); len(ok) != 3 || len(failed) != 0 {
			t.Errorf("settled %v, failed %v; want the three that finished before", ok, failed)
		}
	})
}

func TestAHandlerThatIgnoresItsTimeLimitIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) == 1 {
				<-stuck
			}
			return echo(ctx, task)
		}}, chunkBody(t, "h", 0, 3))
		b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 1, Shards: 1, Timeout: 10 * time.Second}
		b.runUntil(t, time.Minute, b.drained)
		close(stuck)
		ok, failed, _ := b.results.settled("j")
		if len(ok) != 2 || failed[1] == nil || failed[1].Kind != store.FailTimeout || !strings.Contains(failed[1].Message, "abandoned") {
			t.Errorf("settled %v, failed %+v; want task 1 abandoned", ok, failed[1])
		}
	})
}

// A handler that does not listen keeps neither its slot nor its message when the job is cancelled.
func TestAHandlerThatIgnoresACancelLeavesItsSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) == 1 {
				<-stuck
			}
			return echo(ctx, task)
		}}, chunkBody(t, "h", 0, 3))
		b.cfg.Slots = 1
		time.AfterFunc(10*time.Second, func() {
			b.results.mu.Lock()
			b.results.control.Cancelled = []string{"j"}
			b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 3, Shards: 1, State: store.Cancelled}
			b.results.mu.Unlock()
		})
		time.AfterFunc(time.Minute, func() { // the message is gone, and its slot free for another job's
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			if b.queue.Len() != 0 {
				t.Error("the cancelled job's message is still there")
			}
			b.results.control.Cancelled = nil
			b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 3, Shards: 1}
			b.queue.Add(chunkBody(t, "h", 10, 1), 0)
		})
		b.runUntil(t, 5*time.Minute, func() bool { ok, _, _ := b.results.settled("j"); return ok[10] != "" })
		ok, failed, _ := b.results.settled("j")
		if diff := cmp.Diff(map[int]string{0: "r0", 10: "r10"}, ok); diff != "" || len(failed) > 0 {
			t.Errorf("settled (-want +got):\n%s failed %v", diff, failed)
		}
		close(stuck) // the handler comes back, and nobody minds
	})
}

func TestHurryEndsTheGracePeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		running := make(chan struct{}, 1)
		b := setup(Registry{"h": func(ctx context.Context, _ Task) ([]byte, error) {
			running <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}}, chunkBody(t, "h", 0, 1))
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.Hurry() // not stopping yet: nothing happens
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		<-running
		cancel()
		start := time.Now()
		time.AfterFunc(time.Second, w.Hurry)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the worker ended %v after the stop; it was hurried after 1 s", took)
		}
		if b.queue.Depth() != (virtual.Depth{Visible: 1}) {
			t.Error("the unfinished message is not back on the queue")
		}
	})
}

func TestCountDeaths(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	const visibility = 30 * time.Second
	for name, tt := range map[string]struct {
		ago  []time.Duration
		want int
	}{
		"its own start alone":                              {[]time.Duration{0}, 0},
		"one start a visibility timeout ago":               {[]time.Duration{0, 31 * time.Second}, 1},
		"the earliest that a death can come back":          {[]time.Duration{0, 20 * time.Second}, 1},
		"three deliveries of one message at one time":      {[]time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, 0},
		"three at one time, and then one death comes back": {[]time.Duration{0, 40 * time.Second, 41 * time.Second, 42 * time.Second}, 1},
		"three deaths":                       {[]time.Duration{0, 30 * time.Second, 60 * time.Second, 90 * time.Second}, 3},
		"a start from a clock that is ahead": {[]time.Duration{0, -time.Minute}, 0},
	} {
		starts := []string{"nonsense"}
		for _, d := range tt.ago {
			starts = append(starts, startID(now.Add(-d)))
		}
		if got := countDeaths(starts, now, visibility); got != tt.want {
			t.Errorf("%s: %d deaths, want %d", name, got, tt.want)
		}
	}
}
