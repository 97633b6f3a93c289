package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/store"
)

func TestWithoutALeaderNoNewWorkIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 1))
		b.cfg.DeadMan = 15 * time.Minute
		lead := func() {
			b.results.mu.Lock()
			defer b.results.mu.Unlock()
			b.results.control = store.Control{LeaderAt: time.Now()}
		}
		settled := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after) // virtual
			if ok, _, _ := b.results.settled("j"); len(ok) != want {
				t.Errorf("%d tasks settled, want %d", len(ok), want)
			}
		}
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		finished := make(chan error, 1)
		go func() { finished <- w.Run(ctx) }()
		settled(time.Hour, 1) // there never was a leader
		lead()
		time.Sleep(14 * time.Minute)
		b.queue.Add(chunkBody(t, "echo", 1, 1), 0)
		settled(30*time.Second, 2) // it may be silent for so long
		time.Sleep(2 * time.Minute)
		b.queue.Add(chunkBody(t, "echo", 2, 1), 0)
		settled(time.Hour, 2)
		lead()
		settled(30*time.Second, 3) // it is back
		cancel()
		if err := <-finished; err != nil {
			t.Error(err)
		}
	})
}
