package worklog

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// Query says which lines to read.
type Query struct {
	// Workers whose lines; nil means all.
	Workers []string
	// Anyone adds the lines of other workers that name Job: who works for a job is known a little later than it works.
	Anyone bool
	// From and To bound the lines' times: From ≤ t < To. A zero To means no end.
	From, To time.Time
	// Job leaves out what is said of other jobs, when it is set; Task, too, what is said of other tasks of it. Lines that
	// name neither stay: a worker does not always know.
	Job  string
	Task *int
}

// wants reports whether the line is one of those asked for.
func (q Query) wants(l Line) bool {
	switch {
	case q.Workers != nil && !slices.Contains(q.Workers, l.Worker) && !(q.Anyone && l.Job != "" && l.Job == q.Job):
		return false
	case l.At.Before(q.From), !q.To.IsZero() && !l.At.Before(q.To):
		return false
	case q.Job != "" && l.Job != "" && l.Job != q.Job:
		return false
	case q.Task != nil && l.Task != nil && *l.Task != *q.Task:
		return false
	}
	return true
}

// names are the only workers whose lines are to be read; nil means all.
func (q Query) names() []string {
	if q.Anyone {
		return nil
	}
	return q.Workers
}

// Source has workers' lines.
type Source interface {
	// Lines yields the lines asked for, by time. The first error ends it.
	Lines(ctx context.Context, q Query) iter.Seq2[Line, error]
	// Late is for how long after it was written a line may still turn up.
	Late() time.Duration
}

// maxSeen bounds how many lines Follow remembers to tell what it has yielded; with more within Late, some come twice.
const maxSeen = 200_000

// Follow yields what there is, and then every so often what has come since, until query says that there is no more to
// come (ok is false: one last look is made after it) or ctx ends, which is no error. query is called before each look: which
// workers there are changes.
func Follow(ctx context.Context, src Source, every time.Duration, query func(ctx context.Context) (q Query, ok bool, err error)) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		f := follower{src: src, seen: map[string]time.Time{}}
		for {
			q, ok, err := query(ctx)
			wanted := true
			if err == nil {
				wanted, err = f.look(ctx, q, yield)
			}
			switch {
			case !wanted, ctx.Err() != nil:
				return
			case err != nil:
				yield(Line{}, err)
				return
			case !ok:
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
		}
	}
}

// follower remembers what it has yielded.
type follower struct {
	src    Source
	seen   map[string]time.Time // by id, of those that may be read again
	newest time.Time
}

// look yields what is new, and reports whether more is wanted.
func (f *follower) look(ctx context.Context, q Query, yield func(Line, error) bool) (bool, error) {
	if from := f.newest.Add(-f.src.Late()); !f.newest.IsZero() && from.After(q.From) {
		q.From = from
	}
	for l, err := range f.src.Lines(ctx, q) {
		if err != nil {
			return true, err
		}
		if _, was := f.seen[l.ID]; was {
			continue
		}
		f.seen[l.ID] = l.At
		if l.At.After(f.newest) {
			f.newest = l.At
		}
		if !yield(l, nil) {
			return false, nil
		}
	}
	forget(f.seen, f.newest.Add(-f.src.Late()))
	return true, nil
}

// forget drops what cannot be read again, and everything when it is too much.
func forget(seen map[string]time.Time, before time.Time) {
	if len(seen) > maxSeen {
		clear(seen)
	}
	for id, at := range seen {
		if at.Before(before) {
			delete(seen, id)
		}
	}
}

// Short is the beginning of a worker's name, as people tell workers apart by it.
func Short(worker string) string {
	if len(worker) > 8 && !strings.HasPrefix(worker, "w-") {
		return worker[:8]
	}
	return worker
}
