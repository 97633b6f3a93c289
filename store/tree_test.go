package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// history is a job as workers may leave it behind: the items of random trees
// of splits, retries and retries by hand, and what must be read back of them.
type history struct {
	job     store.Job
	items   []store.Result
	want    map[int]store.Settled
	missing []int
	pending map[codec.Identity][]int
}

// run draws what becomes of a message: nothing yet, or an item that settles
// some of its tasks and hands the rest to children, which run in turn. again is set inside a retry by hand.
func (h *history) run(t *rapid.T, id codec.Identity, indices []int, depth int, again bool) {
	named := !strings.HasSuffix(string(id), ".r1") // a retry is known by its item only
	if named && rapid.IntRange(0, 9).Draw(t, "lost") == 0 {
		if !again { // a retry that has not run leaves the failures as they are
			h.missing = append(h.missing, indices...)
		}
		h.pending[id] = indices
		return
	}
	r := store.Result{Job: h.job.ID, Identity: id, Token: rapid.StringN(1, 4, 8).Draw(t, "token"), Attempt: 1 + depth}
	var rest, failed []int
	for _, i := range indices {
		kind := rapid.IntRange(0, 5).Draw(t, "outcome")
		switch {
		case kind >= 4 && depth < 4:
			rest = append(rest, i)
		case kind >= 3:
			s := failedTask(i)
			s.Failure.Message = string(id)
			r.Settled = append(r.Settled, s)
			failed = append(failed, i)
		default:
			r.Settled = append(r.Settled, store.Settled{Index: i, Value: append([]byte{0xa0 + byte(len(id))%32}, id[:len(id)%32]...)})
		}
	}
	children := map[codec.Identity][]int{}
	for n := 1; len(rest) > 0; n++ {
		k := rapid.IntRange(1, len(rest)).Draw(t, "split")
		if rapid.Bool().Draw(t, "interleaved") && len(rest) > 2 { // children need not be runs
			var mine, others []int
			for i, x := range rest {
				if i%2 == 0 {
					mine = append(mine, x)
				} else {
					others = append(others, x)
				}
			}
			children[id.Child(n)], rest = mine, others
			continue
		}
		children[id.Child(n)], rest = rest[:k], rest[k:]
	}
	for _, c := range slices.Sorted(maps.Keys(children)) {
		r.Children = append(r.Children, store.Child{Identity: c, Indices: children[c], Attempt: 2})
	}
	h.items = append(h.items, r)
	for _, s := range r.Settled {
		if had, ok := h.want[s.Index]; !ok || had.Failure != nil {
			h.want[s.Index] = s
		}
	}
	for _, c := range r.Children {
		h.run(t, c.Identity, c.Indices, depth+1, again)
	}
	if len(failed) > 0 && depth < 4 && rapid.Bool().Draw(t, "retry by hand") {
		h.run(t, id+".r1", failed, depth+1, true)
	}
}

// Whatever the trees, and in whatever order, how often and by whomever their
// items are written, each task is read back exactly once, in order.
func TestAnyHistoryReadsBackExactlyOnce(t *testing.T) {
	t.Parallel()
	base := newJob(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		h := history{job: base, want: map[int]store.Settled{}, pending: map[codec.Identity][]int{}}
		h.job.Plan, h.job.N = drawPlan(t)
		h.job.Shards = rapid.IntRange(1, 5).Draw(t, "shards")
		for first, size := range h.job.Plan.All(h.job.N) {
			h.run(t, codec.RootIdentity(first), span(first, size), 0, false)
		}
		mem := newMemTable(rapid.IntRange(1, 20).Draw(t, "page"))
		s := store.New(mem, "t")
		h.write(t, s)
		h.check(t, s)
	})
}

// write puts the items in random order, some of them again, and lets zombies try to replace some.
func (h *history) write(t *rapid.T, s *store.Store) {
	order := rapid.Permutation(h.items).Draw(t, "order")
	for i, r := range order {
		if out, err := s.PutResult(t.Context(), h.job, r); err != nil || out != store.Written {
			t.Fatalf("put %q: %v, %v", r.Identity, out, err)
		}
		again := order[rapid.IntRange(0, i).Draw(t, "again")]
		if out, err := s.PutResult(t.Context(), h.job, again); err != nil || out != store.Mine {
			t.Fatalf("put %q again: %v, %v", again.Identity, out, err)
		}
		zombie := withToken(again, again.Token+"'")
		zombie.Settled = nil
		zombie.Children = []store.Child{{Identity: again.Identity.Child(1), Indices: []int{0}, Attempt: 9}}
		if out, err := s.PutResult(t.Context(), h.job, zombie); err != nil || out != store.Refused {
			t.Fatalf("a zombie's %q: %v, %v", again.Identity, out, err)
		}
	}
}

func (h *history) check(t *rapid.T, s *store.Store) {
	slices.Sort(h.missing)
	var want []store.Settled
	failed := 0
	for _, i := range slices.Sorted(maps.Keys(h.want)) {
		want = append(want, h.want[i])
		if h.want[i].Failure != nil {
			failed++
		}
	}
	var gaps []int
	got, err := collect(s.Results(t.Context(), h.job, store.ReadOptions{Gap: func(r store.Range) { gaps = append(gaps, span(r.From, r.Len())...) }}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("results (-want +got):\n%s", d)
	}
	if d := cmp.Diff(h.missing, gaps, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("gaps (-want +got):\n%s", d)
	}
	from := rapid.IntRange(0, h.job.N-1).Draw(t, "from")
	got, err = collect(s.Results(t.Context(), h.job, store.ReadOptions{From: from}))
	if err != nil {
		t.Fatal(err)
	}
	tail := slices.IndexFunc(want, func(s store.Settled) bool { return s.Index >= from })
	if tail < 0 {
		tail = len(want)
	}
	if d := cmp.Diff(want[tail:], got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("results from %d (-want +got):\n%s", from, d)
	}
	c, err := s.Recount(t.Context(), h.job)
	if err != nil {
		t.Fatal(err)
	}
	var missing []int
	for _, r := range c.Missing {
		missing = append(missing, span(r.From, r.Len())...)
	}
	if c.OK != len(want)-failed || c.Failed != failed || c.Strays != 0 || !slices.Equal(missing, h.missing) {
		t.Fatalf("recount %+v, want %d ok, %d failed, missing %v", c, len(want)-failed, failed, h.missing)
	}
	pending := map[codec.Identity][]int{}
	for p, err := range s.Pending(t.Context(), h.job) {
		if err != nil {
			t.Fatal(err)
		}
		pending[p.Identity] = p.Indices
	}
	if d := cmp.Diff(h.pending, pending); d != "" {
		t.Fatalf("pending (-want +got):\n%s", d)
	}
}
