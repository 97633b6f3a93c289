package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// A job of five messages: one whole, one with a failure, one that handed a task on to a child which is missing, one
// whose failure was sent again, one that nobody has run.
func jobOfTasks(t *testing.T, s *store.Store) (store.Job, []store.Task) {
	t.Helper()
	j := storeJob(t, s, 10, 2, 4)
	run := func(id codec.Identity, tasks int) *store.Run {
		return &store.Run{Message: id, Worker: "w1", Started: created.Add(time.Second), Finished: created.Add(2 * time.Second), Tasks: tasks}
	}
	put(t, s, j, resultOf(j, "0", 0, 1))
	failing := resultOf(j, "2", 2)
	failing.Settled = append(failing.Settled, failedTask(3))
	put(t, s, j, failing)
	split := resultOf(j, "4", 4)
	split.Children = []store.Child{{Identity: "4.1", Indices: []int{5}, Attempt: 2}}
	put(t, s, j, split)
	again := resultOf(j, "6")
	again.Settled = []store.Settled{failedTask(6), failedTask(7)}
	put(t, s, j, again)
	second := resultOf(j, "6.r1", 6)
	second.Finished = created.Add(time.Hour)
	put(t, s, j, second)

	ok := func(i int, r *store.Run) store.Task {
		return store.Task{Settled: store.Settled{Index: i, Value: value(i)}, State: store.TaskOK, Run: r, Attempt: 1}
	}
	missing := func(i, attempt int) store.Task {
		return store.Task{Settled: store.Settled{Index: i}, State: store.TaskMissing, Attempt: attempt}
	}
	retried := run("6.r1", 1)
	retried.Finished = second.Finished
	return j, []store.Task{
		ok(0, run("0", 2)), ok(1, run("0", 2)),
		ok(2, run("2", 2)), {Settled: failedTask(3), State: store.TaskFailed, Run: run("2", 2), Attempt: 3},
		ok(4, run("4", 1)), missing(5, 2),
		ok(6, retried), {Settled: failedTask(7), State: store.TaskFailed, Run: run("6", 2), Attempt: 3},
		missing(8, 1), missing(9, 1),
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j, want := jobOfTasks(t, s)
	list := func(from int) (all []store.Task) {
		t.Helper()
		for task, err := range s.Tasks(t.Context(), j, from) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, task)
		}
		return all
	}
	if diff := cmp.Diff(want, utc(list(0))); diff != "" {
		t.Errorf("all tasks (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want[3:], utc(list(3))); diff != "" {
		t.Errorf("from the middle of a message on (-want +got)\n%s", diff)
	}
	for i, w := range want {
		got, err := s.Task(t.Context(), j, i)
		if diff := cmp.Diff(w, utc([]store.Task{got})[0]); err != nil || diff != "" {
			t.Errorf("task %d: %v (-want +got)\n%s", i, err, diff)
		}
	}
	for _, i := range []int{-1, 10} {
		if _, err := s.Task(t.Context(), j, i); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("task %d: %v, want ErrNotFound", i, err)
		}
	}
	j.Retried = created.Add(time.Minute)
	states := []store.TaskState{}
	for _, task := range list(6) {
		states = append(states, task.State)
	}
	if diff := cmp.Diff([]store.TaskState{store.TaskOK, store.TaskRetrying, store.TaskMissing, store.TaskMissing}, states); diff != "" {
		t.Errorf("states after the failed ones were sent again (-want +got)\n%s", diff)
	}
}

func utc(all []store.Task) []store.Task {
	for i := range all {
		if r := all[i].Run; r != nil {
			r.Started, r.Finished = r.Started.UTC(), r.Finished.UTC()
		}
	}
	return all
}

// Results that are objects are read for tasks, too.
func TestTaskWithAnObject(t *testing.T) {
	t.Parallel()
	s, _ := setup(t, store.WithBlobs(newMemBlobs()))
	j := storeJob(t, s, 1, 1, 1)
	r := resultOf(j, "0")
	large := noise(200 << 10)
	r.Settled = []store.Settled{{Index: 0, Value: large}}
	put(t, s, j, r)
	one, err := s.Task(t.Context(), j, 0)
	if err != nil || !cmp.Equal(large, one.Value) {
		t.Errorf("Task: %d bytes, %v; want %d", len(one.Value), err, len(large))
	}
	for task, err := range s.Tasks(t.Context(), j, 0) {
		if err != nil || !cmp.Equal(large, task.Value) {
			t.Errorf("Tasks: %d bytes, %v; want %d", len(task.Value), err, len(large))
		}
	}
}
