package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// failed builds a result whose listed tasks failed, the others having succeeded.
func failed(j store.Job, id codec.Identity, indices []int, sick ...int) store.Result {
	r := resultOf(j, id, indices...)
	for k, s := range r.Settled {
		for _, i := range sick {
			if s.Index == i {
				r.Settled[k] = failedTask(i)
			}
		}
	}
	return r
}

func TestFailedItemsNameWhoHoldsTheFailures(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 30, 10, 1)
	put(t, s, j, resultOf(j, "0", span(0, 10)...))          // nothing failed
	put(t, s, j, failed(j, "10", span(10, 10), 11, 12, 15)) // three failed …
	put(t, s, j, failed(j, "10.r1", []int{11, 12, 15}, 12)) // … of which one failed again
	put(t, s, j, failed(j, "20", span(20, 10), 29))         // and one more
	got := map[codec.Identity][]int{}
	for item, err := range s.FailedItems(t.Context(), j) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range item.Failed {
			if f.Failure == nil || len(f.Failure.Argument) == 0 {
				t.Errorf("task %d comes without its argument", f.Index)
			}
			got[item.Identity] = append(got[item.Identity], f.Index)
		}
	}
	want := map[codec.Identity][]int{"10.r1": {12}, "20": {29}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures by item (-want +got):\n%s", diff)
	}
}

func TestARetryUnderWayIsNamedWithItsMessages(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 10, 10, 1)
	put(t, s, j, failed(j, "0", span(0, 10), 1, 2, 3)) // three failed …
	again := resultOf(j, "0.r1", 1)                    // … one is cured, two are to be tried once more
	again.Children = []store.Child{{Identity: "0.r1.1", Indices: []int{2, 3}, Attempt: 2}}
	put(t, s, j, again)
	var items []store.FailedItem
	for item, err := range s.FailedItems(t.Context(), j) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	if len(items) != 1 || items[0].Identity != "0" || len(items[0].Failed) != 2 || len(items[0].All) != 3 {
		t.Fatalf("items %+v; want one that recorded three failures, of which two stand", items)
	}
	if diff := cmp.Diff(again.Children, items[0].Pending); diff != "" {
		t.Errorf("pending below its retry (-want +got):\n%s", diff)
	}
}

func TestReopenedJobs(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	at := time.Now().Truncate(time.Millisecond).UTC()
	for _, c := range []struct {
		name string
		ends func(id string) error
		want store.State // "" for a *StateError
	}{
		{"an open job stays open: its producer still sends", func(string) error { return nil }, store.Open},
		{"a sealed job stays sealed", func(id string) error { return s.Seal(t.Context(), id) }, store.Sealed},
		{"a done job is sealed again", func(id string) error { return s.Finish(t.Context(), id, store.Done, at) }, store.Sealed},
		{"a cancelled job stays so", func(id string) error { return s.Finish(t.Context(), id, store.Cancelled, at) }, ""},
	} {
		j := newJob(t, 5)
		if err := s.CreateJob(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if err := c.ends(j.ID); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it may be repeated
			err := s.Reopen(t.Context(), j.ID, at)
			var state *store.StateError
			if c.want == "" {
				if !errors.As(err, &state) || state.Have != store.Cancelled {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			got, e := s.Job(t.Context(), j.ID)
			if err != nil || e != nil || got.State != c.want || !got.Retried.Equal(at) || !got.Finished.IsZero() {
				t.Errorf("%s: %v, %v, %+v", c.name, err, e, got)
			}
		}
	}
	if err := s.Reopen(t.Context(), "nosuch", at); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a job that is not there: %v", err)
	}
}

func TestTheCountKnowsWhatIsBeingRunAgain(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 30, 10, 1)
	at := time.Now().Truncate(time.Millisecond)
	for _, r := range []struct {
		result   store.Result
		finished time.Time
	}{
		{failed(j, "0", span(0, 10), 1, 2, 3), at.Add(-time.Second)}, // sent again, two of them come back, one failed again
		{failed(j, "0.r1", []int{1, 2}, 2), at.Add(time.Second)},
		{failed(j, "10", span(10, 10), 10, 11), at.Add(-time.Second)}, // sent again, nothing came back
		{failed(j, "20", span(20, 10), 20), at.Add(time.Second)},      // failed after that
	} {
		r.result.Finished = r.finished
		put(t, s, j, r.result)
	}
	for _, c := range []struct {
		retried time.Time
		want    int
	}{{time.Time{}, 0}, {at, 3}, {at.Add(-time.Minute), 0}} {
		j.Retried = c.retried
		got, err := s.Recount(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(store.Count{OK: 25, Failed: 5, Retrying: c.want}, got); diff != "" {
			t.Errorf("count when retried at %v (-want +got):\n%s", c.retried, diff)
		}
	}
}
