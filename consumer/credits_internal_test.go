package consumer

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestCreditsAreTakenByTheBatchWhileTheSlotsAreBusy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                          string
		slots, prefetch, taken, given int
		want                          int // taken by a poll once the given ones are back; 0: it waits
	}{
		{"nothing taken", 1, 0, 0, 0, 1},
		{"a free slot, nothing ahead", 4, 0, 3, 0, 1},
		{"a free slot does not wait for more, even with much ahead", 8, 100, 7, 0, 10},
		{"every slot busy and nothing ahead", 4, 0, 4, 0, 0},
		{"every slot busy, and one of those ahead done", 4, 100, 104, 1, 0},
		{"and nine", 4, 100, 104, 9, 0},
		{"and ten", 4, 100, 104, 10, 10},
		{"little ahead: a quarter is enough", 2, 6, 8, 2, 2},
		{"less than a quarter", 2, 6, 8, 1, 0},
		{"the allowance has shrunk below what is held", 2, 0, 50, 10, 0},
		{"and the slots come free", 2, 0, 50, 49, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				pool := newCredits(c.slots)
				pool.setPrefetch(c.prefetch)
				pool.taken = c.taken
				got := make(chan int, 1)
				go func() { got <- pool.take(ctx, maxReceive) }()
				synctest.Wait()
				pool.give(c.given)
				synctest.Wait()
				cancel()
				if n := <-got; n != c.want || pool.taken != c.taken-c.given+c.want {
					t.Errorf("took %d, %d are taken then; want %d", n, pool.taken, c.want)
				}
			})
		})
	}
}
