package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

func TestResultsComeInTaskOrderWithGapsVisible(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 95, 10, 4)
	var want []store.Settled
	for _, first := range []int{90, 20, 0, 70, 30, 60} { // as they happened to finish
		put(t, s, j, resultOf(j, codec.RootIdentity(first), span(first, min(10, 95-first))...))
	}
	for _, first := range []int{0, 20, 30, 60, 70, 90} {
		want = append(want, resultOf(j, "0", span(first, min(10, 95-first))...).Settled...)
	}
	var gaps []store.Range
	got, err := collect(s.Results(t.Context(), j, store.ReadOptions{Gap: func(r store.Range) { gaps = append(gaps, r) }}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
	missing := []store.Range{{From: 10, To: 20}, {From: 40, To: 60}, {From: 80, To: 90}}
	if d := cmp.Diff(missing, gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
	count, err := s.Recount(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(store.Count{OK: 55, Missing: missing}, count); d != "" {
		t.Errorf("recount (-want +got):\n%s", d)
	}
	got, err = collect(s.Results(t.Context(), j, store.ReadOptions{From: 25}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want[15:], got); d != "" {
		t.Errorf("results from task 25 (-want +got):\n%s", d)
	}
}

func TestGapIsReportedBeforeTheTaskBehindIt(t *testing.T) {
	t.Parallel()
	s := store.New(newMemTable(10), "t")
	j := newJob(t, 30)
	put(t, s, j, resultOf(j, "20", span(20, 10)...))
	told := 0
	for r, err := range s.Results(t.Context(), j, store.ReadOptions{Gap: func(store.Range) { told++ }}) {
		if err != nil || r.Index == 20 && told != 1 {
			t.Fatalf("at task %d: %d gaps, %v", r.Index, told, err)
		}
	}
}

// The tree of one message that was split, retried and retried again by hand.
func TestChildrenSpeakForTheirTasks(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 8, 8, 1)
	root := resultOf(j, "0", 0, 1)
	root.Settled = append(root.Settled, failedTask(2), failedTask(3))
	root.Children = []store.Child{{Identity: "0.1", Indices: []int{4, 6}, Attempt: 2}, {Identity: "0.2", Indices: []int{5, 7}, Attempt: 1}}
	put(t, s, j, root)

	read := func(wantPending ...store.Child) store.Count {
		t.Helper()
		var pending []store.Child
		for c, err := range s.Pending(t.Context(), j) {
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, c)
		}
		if d := cmp.Diff(wantPending, pending); d != "" {
			t.Errorf("pending (-want +got):\n%s", d)
		}
		c, err := s.Recount(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	count := read(root.Children...)
	if d := cmp.Diff(store.Count{OK: 2, Failed: 2, Missing: []store.Range{{From: 4, To: 8}}}, count); d != "" {
		t.Errorf("before the children (-want +got):\n%s", d)
	}

	first := resultOf(j, "0.1", 4, 6)
	second := resultOf(j, "0.2", 5)
	second.Children = []store.Child{{Identity: "0.2.1", Indices: []int{7}, Attempt: 2}}
	put(t, s, j, first)
	put(t, s, j, second)
	count = read(second.Children...)
	if d := cmp.Diff(store.Count{OK: 5, Failed: 2, Missing: []store.Range{{From: 7, To: 8}}}, count); d != "" {
		t.Errorf("before the grandchild (-want +got):\n%s", d)
	}
	grandchild := resultOf(j, "0.2.1")
	grandchild.Settled = []store.Settled{failedTask(7)}
	put(t, s, j, grandchild)

	again := resultOf(j, "0.r1", 3) // task 2 fails again, task 3 succeeds
	again.Settled = append([]store.Settled{failedTask(2)}, again.Settled...)
	again.Settled[0].Failure.Message = "again"
	put(t, s, j, again)
	put(t, s, j, resultOf(j, "0.2.1.r1", 7))
	late := resultOf(j, "0.r10") // succeeds no better than the success of r1
	late.Settled = []store.Settled{failedTask(3)}
	put(t, s, j, late)
	stray := resultOf(j, "0.9", 5) // nobody named it
	put(t, s, j, stray)

	if d := cmp.Diff(store.Count{OK: 7, Failed: 1, Strays: 1}, read()); d != "" {
		t.Errorf("at the end (-want +got):\n%s", d)
	}
	got, err := collect(s.Results(t.Context(), j, store.ReadOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	want := resultOf(j, "0", span(0, 8)...).Settled
	want[2] = again.Settled[0]
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

func TestContradictionsAreFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		items func(j store.Job) []store.Result
		at    codec.Identity
	}{
		{"a root that leaves out a task of its chunk", func(j store.Job) []store.Result {
			return []store.Result{resultOf(j, "0", span(0, 9)...)}
		}, "0"},
		{"a root that settles another chunk's task", func(j store.Job) []store.Result {
			return []store.Result{resultOf(j, "0", span(0, 11)...)}
		}, "0"},
		{"a child that settles its brother's task", func(j store.Job) []store.Result {
			r := resultOf(j, "0", span(0, 8)...)
			r.Children = []store.Child{{Identity: "0.1", Indices: []int{8}, Attempt: 2}, {Identity: "0.2", Indices: []int{9}, Attempt: 2}}
			return []store.Result{r, resultOf(j, "0.1", 8, 9)}
		}, "0.1"},
		{"a retry of a task that had succeeded", func(j store.Job) []store.Result {
			r := resultOf(j, "0", span(0, 9)...)
			r.Settled = append(r.Settled, failedTask(9))
			return []store.Result{r, resultOf(j, "0.r1", 8)}
		}, "0.r1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := store.New(newMemTable(10), "t")
			j := newJob(t, 20)
			for _, r := range tc.items(j) {
				put(t, s, j, r)
			}
			_, err := s.Recount(t.Context(), j)
			_, err2 := collect(s.Results(t.Context(), j, store.ReadOptions{}))
			for _, err := range []error{err, err2} {
				wrong, ok := errors.AsType[*store.InconsistentError](err)
				if !ok || wrong.Identity != tc.at {
					t.Errorf("err = %v, want an InconsistentError at %q", err, tc.at)
				}
			}
		})
	}
}

// A job id may be used again when the first job has expired; DynamoDB deletes
// the old items within days only.
func TestItemsOfAnExpiredJobOfTheSameIDDoNotCount(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	old := newJob(t, 20)
	old.Created, old.Expires = created.Add(-48*3600e9), created.Add(-24*3600e9)
	if err := s.CreateJob(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	put(t, s, old, resultOf(old, "0", span(0, 10)...))
	put(t, s, old, resultOf(old, "10", span(10, 10)...))
	if _, err := s.AddStart(t.Context(), old, "0", "w1"); err != nil {
		t.Fatal(err)
	}

	j := newJob(t, 20)
	j.ID = old.ID
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if have, err := s.HasResults(t.Context(), j, []codec.Identity{"0"}); err != nil || len(have) != 0 {
		t.Errorf("HasResults = %v, %v; want none", have, err)
	}
	if n, err := s.AddStart(t.Context(), j, "0", "w2"); err != nil || len(n) != 1 {
		t.Errorf("starts = %v, %v; want 1", n, err)
	}
	put(t, s, j, resultOf(j, "0", span(0, 10)...))
	c, err := s.Recount(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(store.Count{OK: 10, Missing: []store.Range{{From: 10, To: 20}}}, c); d != "" {
		t.Errorf("recount (-want +got):\n%s", d)
	}
}
