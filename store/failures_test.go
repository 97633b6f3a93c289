package store_test

import (
	"testing"

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
