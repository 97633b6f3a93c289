package producer_test

import (
	"context"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// failures is a table with the given failed items and existing messages.
type failures struct {
	items []store.FailedItem
	have  map[codec.Identity]bool
}

func (f *failures) FailedItems(context.Context, store.Job) iter.Seq2[store.FailedItem, error] {
	return func(yield func(store.FailedItem, error) bool) {
		for _, item := range f.items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (f *failures) HasResults(_ context.Context, _ store.Job, ids []codec.Identity) (map[codec.Identity]bool, error) {
	have := map[codec.Identity]bool{}
	for _, id := range ids {
		if f.have[id] {
			have[id] = true
		}
	}
	return have, nil
}

func sick(t *testing.T, id codec.Identity, size int, indices ...int) store.FailedItem {
	t.Helper()
	item := store.FailedItem{Identity: id}
	for _, i := range indices {
		arg, err := codec.Marshal(make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		item.Failed = append(item.Failed, store.Settled{Index: i, Failure: &store.Failure{Argument: arg}})
	}
	return item
}

func TestARetryIsNamedByWhatHasNoItem(t *testing.T) {
	t.Parallel()
	job := store.Job{ID: "j", Handler: "h", N: 100}
	cases := []struct {
		name  string
		items []store.FailedItem
		have  map[codec.Identity]bool
		want  map[codec.Identity][]int
	}{
		{"nothing failed", nil, nil, map[codec.Identity][]int{}},
		{"a first retry", []store.FailedItem{sick(t, "0", 1, 3, 5)}, nil, map[codec.Identity][]int{"0.r1": {3, 5}}},
		{"one that failed again is the retry's own", []store.FailedItem{sick(t, "0.r1", 1, 5)}, map[codec.Identity]bool{"0.r1": true}, map[codec.Identity][]int{"0.r1.r1": {5}}},
		{"large arguments travel apart", []store.FailedItem{sick(t, "0", 40_000, 1, 2, 3)}, nil, map[codec.Identity][]int{"0.r1": {1}, "0.r2": {2}, "0.r3": {3}}},
		{"what is settled already keeps its name", []store.FailedItem{sick(t, "0", 40_000, 1, 3)}, map[codec.Identity]bool{"0.r2": true}, map[codec.Identity][]int{"0.r1": {1}, "0.r3": {3}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			p := w.producer(t)
			for range 2 { // again, while the retry is under way: the same messages
				if _, err := p.RetryFailed(t.Context(), job, &failures{c.items, c.have}); err != nil {
					t.Fatal(err)
				}
			}
			got := map[codec.Identity][]int{}
			for _, m := range w.decoded(t) {
				var indices []int
				for k := range m.Args {
					indices = append(indices, m.Index(k))
				}
				if seen := got[m.Identity]; seen != nil && !cmp.Equal(seen, indices) {
					t.Errorf("message %s was sent with tasks %v and then with %v", m.Identity, seen, indices)
				}
				if m.Handler != "h" || m.Job != "j" || m.Attempt != 1 {
					t.Errorf("message %+v", m)
				}
				got[m.Identity] = indices
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}
