//go:build unix

package chaos

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/store"
)

// gates hold the workers' writes of result items until they are opened.
type gates struct {
	mu    sync.Mutex // protects the maps
	opens map[string]chan struct{}
	at    map[string]chan struct{} // closed when the worker's write has come to its gate
}

func newGates(workers ...string) *gates {
	g := &gates{opens: map[string]chan struct{}{}, at: map[string]chan struct{}{}}
	for _, w := range workers {
		g.opens[w], g.at[w] = make(chan struct{}), make(chan struct{})
	}
	return g
}

// before is faults.Config.Before.
func (g *gates) before(ctx context.Context, c faults.Call) {
	if c.Operation != "PutItem" || !strings.Contains(string(c.Body), `"tok"`) {
		return
	}
	g.mu.Lock()
	var open chan struct{}
	for worker, at := range g.at {
		if strings.Contains(string(c.Body), `{"S":"`+worker+`"}`) {
			open = g.opens[worker]
			select {
			case <-at:
			default:
				close(at)
			}
		}
	}
	g.mu.Unlock()
	if open == nil {
		return
	}
	select {
	case <-open:
	case <-ctx.Done():
	}
}

func (g *gates) open(worker string) { close(g.opens[worker]) }

func (g *gates) await(t *testing.T, worker string) {
	t.Helper()
	select {
	case <-g.at[worker]:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not write its item", worker)
	case <-t.Context().Done():
	}
}

// TestAFrozenWorkersWriteAndTheRedeliverys freezes a worker with its item on the
// way, and lets either write arrive first.
func TestAFrozenWorkersWriteAndTheRedeliverys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// first is whose item arrives first.
		first, second string
	}{
		{"the redelivery's item is there when the zombie's arrives", "other", "zombie"},
		{"the zombie's item arrives before the redelivery's", "zombie", "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGates("zombie", "other")
			w := newWorld(t, setup{visibility: 3 * time.Second, before: g.before})
			zombie := w.start(t, workerSpec{Name: "zombie", Slots: 1})
			job := w.submit(t, sleeps(1, 100), 1)
			g.await(t, "zombie")
			zombie.freeze(t)
			other := w.start(t, workerSpec{Name: "other", Slots: 1}) // gets it when the visibility timeout has passed
			g.await(t, "other")
			g.open(c.first)
			await(t, c.first+" has written its item", 20*time.Second, func() bool {
				r, found, err := w.store.Result(t.Context(), job, "0")
				return err == nil && found && r.Worker == c.first
			})
			if c.first == "zombie" {
				zombie.signal(t, syscall.SIGCONT)
				g.open("other")
			} else {
				g.open("zombie") // its late write is refused now
				zombie.signal(t, syscall.SIGCONT)
			}
			w.drained(t, 30*time.Second)
			zombie.stop(t)
			other.stop(t)
			s := w.judge(t, job, check.Want{FirstAttempt: true})
			if len(s.Items) != 1 || s.Items[0].Worker != c.first {
				t.Errorf("items %+v, want one of %s", s.Items, c.first)
			}
			w.wantLedgers(t, job, c.first, c.second)
		})
	}
}

// TestAWorkerFrozenInATask freezes a worker inside the handler until another has
// recorded the result.
func TestAWorkerFrozenInATask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{visibility: 3 * time.Second})
	zombie := w.start(t, workerSpec{Name: "zombie", Slots: 1})
	job := w.submit(t, []work{{MS: 100, Kind: gated}}, 1)
	await(t, "the task is begun", 20*time.Second, func() bool { return len(w.runs(t)) == 1 })
	pause(t, 200*time.Millisecond)
	zombie.freeze(t)
	if err := os.WriteFile(filepath.Join(w.dir, "gate"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := w.start(t, workerSpec{Name: "other", Slots: 1})
	w.follow(t, job, 30*time.Second)
	zombie.signal(t, syscall.SIGCONT)
	w.drained(t, 30*time.Second)
	zombie.stop(t)
	other.stop(t)
	if s := w.judge(t, job, check.Want{FirstAttempt: true}); len(s.Items) != 1 || s.Items[0].Worker != "other" {
		t.Errorf("items %+v, want the other worker's", s.Items)
	}
	w.wantLedgers(t, job, "other", "zombie")
}

// wantLedgers demands that the winner counts the task, and the loser the time it wasted on it.
func (w *world) wantLedgers(t *testing.T, job store.Job, winner, loser string) {
	t.Helper()
	all, err := w.store.Ledgers(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, l := range all {
		c := l.Jobs[job.ID]
		switch l.Worker {
		case winner:
			seen++
			if c.OK != 1 || c.WastedMS != 0 {
				t.Errorf("%s: %+v, want one task", winner, c)
			}
		case loser:
			seen++
			if c.OK != 0 || c.WastedMS < 90 {
				t.Errorf("%s: %+v, want no task and 100 ms wasted", loser, c)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d ledgers, want 2", seen)
	}
}
