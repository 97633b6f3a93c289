package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// liveJob runs a job of one task a message in virtual time: width messages are
// in flight at any time, in random order, and one is done every step.
func liveJob(t *testing.T, s *store.Store, j store.Job, width int, step time.Duration) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	flight := make([]int, 0, width)
	next := 0
	for next < j.N || len(flight) > 0 {
		for len(flight) < width && next < j.N {
			flight = append(flight, next)
			next++
		}
		time.Sleep(step)
		k := rnd.IntN(len(flight))
		i := flight[k]
		flight[k] = flight[len(flight)-1]
		flight = flight[:len(flight)-1]
		r := store.Result{Job: j.ID, Identity: codec.RootIdentity(i), Token: "t", Settled: []store.Settled{{Index: i, Value: value(i)}}}
		if _, err := s.PutResult(t.Context(), j, r); err != nil {
			t.Error(err)
			return
		}
	}
}

// A reader that follows a live job must not read again and again what it has:
// the number of items read stays linear, and so does the number of requests.
func TestFollowingIsNotQuadratic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 100_000
		mem := newMemTable(3000)
		s := store.New(mem, "t")
		j := newJob(t, n)
		j.Plan.Chunk, j.Shards = 1, 16
		started := time.Now()
		done := make(chan time.Duration, 1)
		go func() {
			liveJob(t, s, j, 500, time.Second/3000)
			done <- time.Since(started)
		}()
		want := 0
		for r, err := range s.Results(t.Context(), j, store.ReadOptions{Follow: true}) {
			if err != nil || r.Index != want {
				t.Fatalf("task %d, %v; want %d", r.Index, err, want)
			}
			want++
		}
		took, lag := <-done, time.Since(started)
		lag -= took
		t.Logf("%d tasks in %v: %d queries, %d items read (%.2f a task), end seen %v late", n, took, mem.queries, mem.read, float64(mem.read)/n, lag)
		if want != n || mem.read > 5*n || mem.queries > n/4 || lag > 2*time.Second {
			t.Errorf("%d tasks, %d queries, %d items read, end seen %v late", want, mem.queries, mem.read, lag)
		}
	})
}

// While one task keeps the reader waiting, only its shard is asked, ever less
// often, and what others have finished meanwhile is not read again.
func TestWaitingCostsLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mem := newMemTable(1000)
		s := store.New(mem, "t")
		j := newJob(t, 1000)
		j.Plan.Chunk, j.Shards = 1, 8
		for i := 1; i < j.N; i++ {
			put(t, s, j, resultOf(j, codec.RootIdentity(i), i))
		}
		go func() {
			time.Sleep(time.Hour)
			put(t, s, j, resultOf(j, "0", 0))
		}()
		started, n := time.Now(), 0
		for _, err := range s.Results(t.Context(), j, store.ReadOptions{Follow: true}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		late := time.Since(started) - time.Hour
		t.Logf("%d queries, %d items in an hour; %v late", mem.queries, mem.read, late)
		if n != j.N || mem.queries > 3700 || mem.read > 4*j.N || late > time.Second {
			t.Errorf("%d tasks, %d queries, %d items read, %v late", n, mem.queries, mem.read, late)
		}
	})
}

func TestShortJobIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.New(newMemTable(1000), "t")
		j := newJob(t, 10)
		go func() {
			time.Sleep(100 * time.Millisecond)
			put(t, s, j, resultOf(j, "0", span(0, 10)...))
		}()
		started := time.Now()
		got, err := collect(s.Results(t.Context(), j, store.ReadOptions{Follow: true}))
		if late := time.Since(started) - 100*time.Millisecond; err != nil || len(got) != 10 || late > 30*time.Millisecond {
			t.Errorf("%d tasks, %v, %v late", len(got), err, late)
		}
	})
}

func TestFollowingWaitsForChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.New(newMemTable(1000), "t")
		j := newJob(t, 20)
		go func() {
			put(t, s, j, resultOf(j, "10", span(10, 10)...))
			r := resultOf(j, "0", span(0, 9)...)
			r.Children = []store.Child{{Identity: "0.1", Indices: []int{9}, Attempt: 2}}
			time.Sleep(time.Second)
			put(t, s, j, r)
			time.Sleep(time.Second)
			put(t, s, j, resultOf(j, "0.1", 9))
		}()
		got, err := collect(s.Results(t.Context(), j, store.ReadOptions{Follow: true}))
		if err != nil || len(got) != 20 {
			t.Errorf("%d tasks, %v", len(got), err)
		}
	})
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := store.New(newMemTable(1000), "t")
		j := newJob(t, 20)
		put(t, s, j, resultOf(j, "0", span(0, 10)...))
		stop := errors.New("Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		got, err := collect(s.Results(ctx, j, store.ReadOptions{Follow: true}))
		if len(got) != 10 || !errors.Is(err, stop) {
			t.Errorf("%d tasks, %v; want 10 and the cause", len(got), err)
		}
	})
}

// The same against the server under test, in real time and over several pages.
func TestFollowingALiveJobOverTheWire(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 400, 1, 2)
	big := noise(8 << 10)
	order := rand.New(rand.NewPCG(5, 6)).Perm(j.N)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for _, i := range order[w*100 : w*100+100] {
				r := resultOf(j, codec.RootIdentity(i), i)
				r.Settled[0].Value = big
				if i%7 == 0 { // handed on and settled by a child
					r.Settled, r.Children = nil, []store.Child{{Identity: r.Identity.Child(1), Indices: []int{i}, Attempt: 2}}
				}
				put(t, s, j, r)
				if i%7 == 0 {
					put(t, s, j, resultOf(j, r.Identity.Child(1), i))
				}
			}
		})
	}
	n := 0
	for r, err := range s.Results(t.Context(), j, store.ReadOptions{Follow: true}) {
		if err != nil || r.Index != n {
			t.Fatalf("task %d, %v; want %d", r.Index, err, n)
		}
		n++
	}
	wg.Wait()
	if c, err := s.Recount(t.Context(), j); n != j.N || err != nil || c.OK != j.N {
		t.Errorf("%d tasks; recount %+v, %v", n, c, err)
	}
}
