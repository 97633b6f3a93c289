package producer

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/store"
)

func sizesOf(list ...int) *sizes {
	s := &sizes{}
	for _, n := range list {
		s.add(n)
	}
	return s
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		sizes []int
		chunk int
		limit int
		want  store.Plan
	}{
		{"one task", []int{5}, 10, 100, store.Plan{Chunk: 1}},
		{"a regular cut is one number", []int{1, 1, 1, 1, 1, 1}, 3, 100, store.Plan{Chunk: 3}},
		{"also with a smaller end", []int{1, 1, 1, 1, 1}, 2, 100, store.Plan{Chunk: 2}},
		{"also when everything fits one message", []int{1, 1}, 10, 100, store.Plan{Chunk: 2}},
		{"also when it is bytes that cut regularly", []int{50, 50, 50, 50, 50}, 10, 100, store.Plan{Chunk: 2}},
		{"bytes cut irregularly", []int{90, 20, 20, 90, 1}, 10, 100, store.Plan{Sizes: []int{1, 2, 2}}},
		{"a message of exactly the limit is allowed", []int{40, 60, 1}, 10, 100, store.Plan{Chunk: 2}},
		{"one byte more is not", []int{40, 61, 1}, 10, 100, store.Plan{Sizes: []int{1, 2}}},
		{"what exceeds the limit travels alone", []int{1, 1000, 1, 1}, 10, 100, store.Plan{Sizes: []int{1, 1, 2}}},
		{"a last message that is the largest is irregular", []int{90, 90, 10, 10, 10}, 10, 90, store.Plan{Sizes: []int{1, 1, 3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(test.want, cut(sizesOf(test.sizes...), test.chunk, test.limit)); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}

func TestCutHoldsEveryTaskAndBothLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 100).Draw(t, "limit")
		near := rapid.Custom(func(t *rapid.T) int {
			return max(1, limit/rapid.IntRange(1, 4).Draw(t, "share")+rapid.IntRange(-1, 1).Draw(t, "off by"))
		})
		args := rapid.SliceOfN(near, 1, 200).Draw(t, "sizes")
		chunk := rapid.IntRange(1, 50).Draw(t, "chunk")
		plan := cut(sizesOf(args...), chunk, limit)
		next := 0
		for first, size := range plan.All(len(args)) {
			if first != next || size < 1 || size > chunk {
				t.Fatalf("a message of %d tasks at %d, after %d", size, first, next)
			}
			bytes := 0
			for _, n := range args[first : first+size] {
				bytes += n
			}
			if size > 1 && bytes > limit {
				t.Errorf("a message of %d tasks and %d bytes", size, bytes)
			}
			if next = first + size; next < len(args) && size < chunk && bytes+args[next] <= limit {
				t.Errorf("the message at %d had room for task %d", first, next)
			}
		}
		if next != len(args) {
			t.Errorf("the plan ends at %d of %d tasks", next, len(args))
		}
	})
}

func TestSizesComeBackAsTheyWereAdded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want []int
		for _, r := range rapid.SliceOf(rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{rapid.IntRange(0, 1<<40).Draw(t, "size"), rapid.IntRange(1, 5).Draw(t, "run")}
		})).Draw(t, "runs") {
			want = append(want, slices.Repeat([]int{r[0]}, r[1])...)
		}
		s := sizesOf(want...)
		if got := slices.Collect(s.all()); !slices.Equal(got, want) || s.n != len(want) {
			t.Errorf("%d sizes: %v, want %v", s.n, got, want)
		}
	})
	alike := &sizes{}
	for range 1_000_000 {
		alike.add(9)
	}
	if len(alike.runs) > 0 || alike.n != 1_000_000 || alike.total != 9_000_000 {
		t.Errorf("a million sizes that are alike take %d bytes", len(alike.runs))
	}
}
