package store_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/store"
)

// drawPlan draws a plan and the number of tasks it cuts.
func drawPlan(t *rapid.T) (store.Plan, int) {
	if rapid.Bool().Draw(t, "regular") {
		return store.Plan{Chunk: rapid.IntRange(1, 50).Draw(t, "chunk")}, rapid.IntRange(1, 500).Draw(t, "n")
	}
	sizes := rapid.SliceOfN(rapid.IntRange(1, 20), 1, 50).Draw(t, "sizes")
	n := 0
	for _, s := range sizes {
		n += s
	}
	return store.Plan{Sizes: sizes}, n
}

func TestPlanCutsEveryTaskOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, n := drawPlan(t)
		next, i := 0, 0
		for first, size := range p.All(n) {
			if first != next || size < 1 {
				t.Fatalf("message %d begins at %d with %d tasks, want it at %d", i, first, size, next)
			}
			if f, s := p.At(i, n); f != first || s != size {
				t.Fatalf("At(%d) = %d, %d; All says %d, %d", i, f, s, first, size)
			}
			next += size
			i++
		}
		if next != n || i != p.Roots(n) {
			t.Fatalf("%d messages for %d tasks, want %d for %d", i, next, p.Roots(n), n)
		}
		index := rapid.IntRange(0, n-1).Draw(t, "index")
		first, size, ok := p.Find(index, n)
		if !ok || index < first || index >= first+size {
			t.Fatalf("Find(%d) = %d, %d, %v", index, first, size, ok)
		}
	})
}

func TestFindOutside(t *testing.T) {
	t.Parallel()
	for _, i := range []int{-1, 10} {
		if _, _, ok := (store.Plan{Chunk: 3}).Find(i, 10); ok {
			t.Errorf("Find(%d) found a message of a job of 10 tasks", i)
		}
	}
}

func TestIrregularPlanIsStoredWithTheJob(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := newJob(t, 60)
	j.Plan = store.Plan{Sizes: []int{10, 10, 30, 9, 1}}
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	got, err := s.Job(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(j, got); d != "" {
		t.Errorf("job read back (-want +got):\n%s", d)
	}
}

func TestLargePlanGoesToTheBucket(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, _ := setup(t, store.WithBlobs(blobs))
	j := newJob(t, 0)
	j.Plan = store.Plan{}
	rnd := rand.New(rand.NewPCG(1, 2)) // noise, so that it does not compress away
	for range 300_000 {
		size := 1 + rnd.IntN(5000)
		j.Plan.Sizes = append(j.Plan.Sizes, size)
		j.N += size
	}
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if len(blobs.keys()) != 1 {
		t.Fatalf("objects %v, want the plan", blobs.keys())
	}
	got, err := s.Job(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(j, got); d != "" {
		t.Errorf("job read back (-want +got):\n%s", d)
	}
}
