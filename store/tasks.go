package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/codec"
)

// TaskState is what has become of a task.
type TaskState string

// The states of a task.
const (
	TaskOK     TaskState = "ok"
	TaskFailed TaskState = "failed"
	// TaskRetrying tasks had failed and were sent again, and no later outcome is known.
	TaskRetrying TaskState = "retrying"
	// TaskMissing tasks have no outcome: they wait, run, or no message carries them any more.
	TaskMissing TaskState = "missing"
)

// TaskStates are all of them.
var TaskStates = []TaskState{TaskOK, TaskFailed, TaskRetrying, TaskMissing}

// Task is one task of a job, with all that the table has of it.
type Task struct {
	Settled // Index is always set, the outcome when there is one

	State TaskState
	// Run is who settled it; nil for a task without an outcome.
	Run *Run
	// Attempt of the message that settled it or, for a task without an outcome, of the one that is to; 1-based.
	Attempt int
}

// Run is how a worker dealt with the message that settled a task.
type Run struct {
	Message codec.Identity
	Worker  string
	// Started and Finished are the message's: of Tasks tasks together.
	Started, Finished time.Time
	// Tasks is how many the message settled.
	Tasks int
}

// origin is what a record says of its run; readers of results do not ask for it.
type origin struct {
	worker  string
	started time.Time
	attempt int
}

// taskAttrs are what Tasks asks for.
var taskAttrs = append(slices.Clone(outcomeAttrs), "t0", "t1", "w", "a")

// Tasks yields all of the job's tasks from the index on, in their order, those without an outcome included. Like
// Results it streams, and ends at the first error, which is the last thing yielded.
func (s *Store) Tasks(ctx context.Context, job Job, from int) iter.Seq2[Task, error] {
	return func(yield func(Task, error) bool) {
		var strays int
		objects := s.newAhead(ctx, job)
		defer objects.stop()
		for r, err := range s.roots(ctx, job, rootsOptions{from: from, attrs: taskAttrs}, &strays) {
			if err == nil {
				objects.look(r.lanes, r.tree)
			}
			var tasks []Task
			if err == nil {
				tasks, err = r.tasks(job, objects.settled)
			}
			if err != nil {
				yield(Task{}, err)
				return
			}
			for _, t := range tasks {
				if t.Index >= from && !yield(t, nil) {
					return
				}
			}
		}
	}
}

// Task returns one task; the error wraps ErrNotFound when the job has none of that index. It reads the items of
// its root message only.
func (s *Store) Task(ctx context.Context, job Job, index int) (Task, error) {
	if err := job.check(); err != nil {
		return Task{}, fmt.Errorf("read a task: %w", err)
	}
	first, size, ok := job.Plan.Find(index, job.N)
	if !ok {
		return Task{}, fmt.Errorf("task %d of job %q, which has the tasks 0 to %d: %w", index, job.ID, job.N-1, ErrNotFound)
	}
	tasks, err := s.tasksOfRoot(ctx, job, Range{first, first + size})
	if err != nil {
		return Task{}, fmt.Errorf("read task %d of job %q: %w", index, job.ID, err)
	}
	return tasks[index-first], nil
}

func (s *Store) tasksOfRoot(ctx context.Context, job Job, span Range) ([]Task, error) {
	// A lane of one root, filled by a query of that root alone.
	l := &lanes{s: s, job: job}
	ln := &lane{pk: resultPK(job.ID, ShardOf(span.From, job.Shards))}
	for it, err := range s.items(ctx, query{pk: ln.pk, prefix: rootSK(span.From), attrs: taskAttrs, consistent: true}) {
		if err != nil {
			return nil, err
		}
		if err := l.merge(ln, []item{it}); err != nil {
			return nil, err
		}
	}
	t := l.tree(ln, span)
	w, err := walk(job.ID, t)
	if err != nil {
		return nil, err
	}
	return root{span: t.span, tree: t, lanes: l, walked: w}.tasks(job, func(r *record) ([]Settled, error) {
		packed, err := s.packedOf(ctx, job, "", r)
		if err != nil {
			return nil, err
		}
		return s.outcomes(r, packed)
	})
}

// tasks are those of the root, in order and without a gap.
func (r root) tasks(job Job, decode func(*record) ([]Settled, error)) ([]Task, error) {
	settled, err := settledOf(r, decode)
	if err != nil {
		return nil, err
	}
	all := make([]Task, r.span.Len())
	for i := range all {
		all[i] = Task{Settled: Settled{Index: r.span.From + i}, State: TaskMissing, Attempt: 1}
	}
	for _, c := range r.pending {
		for _, i := range c.Indices {
			all[i-r.span.From].Attempt = max(1, c.Attempt)
		}
	}
	runs := map[*record]*Run{}
	for _, o := range settled {
		rec := r.sole
		if rec == nil {
			rec = r.cells[o.Index-r.span.From].rec
		}
		if runs[rec] == nil {
			runs[rec] = rec.run()
		}
		t := &all[o.Index-r.span.From]
		t.Settled, t.Run, t.Attempt, t.State = o, runs[rec], max(1, rec.from.attempt), TaskOK
		if f := o.Failure; f != nil {
			t.Attempt, t.State = max(1, f.Attempts), TaskFailed
			if !job.Retried.IsZero() && !rec.finished.After(job.Retried) {
				t.State = TaskRetrying
			}
		}
	}
	return all, nil
}

func (r *record) run() *Run {
	return &Run{Message: r.id, Worker: r.from.worker, Started: r.from.started, Finished: r.finished, Tasks: lenOf(r.ok) + lenOf(r.failed)}
}
