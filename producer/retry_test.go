package producer_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// failures is a table with the given failed items and existing messages.
type failures struct {
	items    []store.FailedItem
	have     map[codec.Identity]bool
	reopened int
}

func (f *failures) Reopen(context.Context, string, time.Time) error {
	f.reopened++
	return nil
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
	item.All = item.Failed
	return item
}

// left is the item when only some of its failures are still open, and others pending in a message below it.
func left(item store.FailedItem, pending []store.Child, open ...int) store.FailedItem {
	item.Pending, item.Failed = pending, nil
	for _, s := range item.All {
		if slices.Contains(open, s.Index) {
			item.Failed = append(item.Failed, s)
		}
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
		{"what is settled already keeps its name", []store.FailedItem{left(sick(t, "0", 40_000, 1, 2, 3), nil, 1, 3)}, map[codec.Identity]bool{"0.r2": true}, map[codec.Identity][]int{"0.r1": {1}, "0.r3": {3}}},
		{"a group is cut as it was at first", []store.FailedItem{left(sick(t, "0", 20_000, 1, 2, 3, 4, 5), nil, 1, 2, 5)}, map[codec.Identity]bool{"0.r2": true}, map[codec.Identity][]int{"0.r1": {1, 2}, "0.r3": {5}}},
		{"what a retry under way has handed on is that message again, not another run",
			[]store.FailedItem{left(sick(t, "0", 1, 1, 2, 3), []store.Child{{Identity: "0.r1.1", Indices: []int{2, 3}, Attempt: 2}}, 2, 3)},
			map[codec.Identity]bool{"0.r1": true}, map[codec.Identity][]int{"0.r1.1": {2, 3}}},
		{"tasks that their retry's item forgot get a number of their own", []store.FailedItem{sick(t, "0", 1, 1, 2)}, map[codec.Identity]bool{"0.r1": true, "0.r2": true}, map[codec.Identity][]int{"0.r3": {1, 2}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			p := w.producer(t)
			table := &failures{items: c.items, have: c.have}
			for range 2 { // again, while the retry is under way: the same messages
				r, err := p.RetryFailed(t.Context(), job, table)
				if err != nil || len(r.Messages) != len(c.want) || r.Lost > 0 {
					t.Fatalf("retry: %+v, %v; want %d messages", r, err, len(c.want))
				}
			}
			if reopened := table.reopened > 0; reopened != (len(c.want) > 0) {
				t.Errorf("the job was reopened: %v", reopened)
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
				attempt := 1
				if m.Identity == "0.r1.1" {
					attempt = 2 // as its parent's item says
				}
				if m.Handler != "h" || m.Job != "j" || m.Attempt != attempt {
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

func TestARetryNamesWhatItCannotRunAgain(t *testing.T) {
	t.Parallel()
	item := sick(t, "0", 1, 1, 2)
	item.Failed[0].Failure.Argument = nil
	w := newWorld()
	r, err := w.producer(t).RetryFailed(t.Context(), store.Job{ID: "j", Handler: "h", N: 10}, &failures{items: []store.FailedItem{item}})
	if err != nil || r.Tasks != 1 || r.Lost != 1 {
		t.Errorf("retry: %+v, %v; want one task sent and one lost", r, err)
	}
}

func TestWhatARetryCovers(t *testing.T) {
	t.Parallel()
	r := producer.RetryReport{Messages: []codec.Identity{"0.r1", "20.r2"}}
	for id, want := range map[codec.Identity]bool{
		"0.r1": true, "0.r1.1": true, "0.r1.r1.2": true, "20.r2.3": true,
		"0": false, "0.1": false, "0.r11": false, "20.r1": false, "10.r1.1": false,
	} {
		if got := r.Covers(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}
