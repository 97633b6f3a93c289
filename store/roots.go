package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"
)

// rootsOptions say how roots walks a job.
type rootsOptions struct {
	from   int      // first task index of interest
	attrs  []string // of the items
	follow bool     // wait at incomplete roots
	pace   pace
}

// root is one root message with all that is known of it.
type root struct {
	span  Range
	tree  tree
	lanes *lanes // that it was read from; they may hold the next roots already
	walked
}

// roots yields the job's root messages in order, from the one that holds
// o.from. With o.follow each is yielded when all its tasks are settled; else as it is.
//
// It is the one place where result items are read back: results, counts and
// the list of missing messages differ in what they make of a root.
func (s *Store) roots(ctx context.Context, job Job, o rootsOptions, strays *int) iter.Seq2[root, error] {
	return func(yield func(root, error) bool) {
		if err := job.check(); err != nil {
			yield(root{}, fmt.Errorf("read results: %w", err))
			return
		}
		begin, _, ok := job.Plan.Find(o.from, job.N)
		if !ok {
			return
		}
		l := s.newLanes(job, begin, o.attrs, !o.follow)
		o.pace.begin()
		for first, size := range job.Plan.from(o.from, job.N) {
			r, err := l.root(ctx, Range{first, first + size}, o.follow, &o.pace)
			if err != nil {
				yield(root{}, fmt.Errorf("read results of job %q: %w", job.ID, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		for _, ln := range l.all {
			l.strays += len(ln.recs)
		}
		*strays = l.strays
	}
}

// root reads one root: at once what is there, or with follow when it is complete.
func (l *lanes) root(ctx context.Context, span Range, follow bool, p *pace) (root, error) {
	ln := l.of(span.From)
	for p.reset(); ; {
		if ln.until <= span.From {
			if err := l.fill(ctx, ln); err != nil {
				return root{}, err
			}
			continue
		}
		t := l.tree(ln, span)
		w, err := walk(l.job.ID, t)
		if err != nil {
			return root{}, err
		}
		if w.missing == 0 || !follow {
			ln.take(t)
			ln.narrow = false
			l.strays += w.strays
			return root{span, t, l, w}, nil
		}
		if !sleep(ctx, time.Until(ln.polled.Add(p.wait()))) {
			return root{}, fmt.Errorf("waiting for task %d: %w", span.From, context.Cause(ctx))
		}
		if err := l.pollRound(ctx, ln, span, p); err != nil {
			return root{}, err
		}
	}
}

// readers is how many shards are asked at the same time.
const readers = 16

// fill reads the next page of ln, and of every other lane that has run dry: a
// reader of a finished job needs them all next.
func (l *lanes) fill(ctx context.Context, ln *lane) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, other := range l.all {
		if other == ln || len(other.recs) == 0 && other.until != everything {
			g.Go(func() error {
				other.polled = time.Now()
				return l.advance(ctx, other)
			})
		}
	}
	return g.Wait()
}

// pollRound asks again for the incomplete root of span in ln. On its first
// round at a root it also asks the lanes that have run dry: the reader
// has moved on since, so they probably have something new, and the answers are wanted next.
func (l *lanes) pollRound(ctx context.Context, ln *lane, span Range, p *pace) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	now := time.Now()
	for _, other := range l.all {
		dry := len(other.recs) == 0 && other.until == everything && now.Sub(other.polled) >= p.wait()
		if other == ln || p.first() && dry {
			g.Go(func() error {
				other.polled = now
				fresh, err := l.poll(ctx, other, span)
				other.narrow = !fresh
				return err
			})
		}
	}
	p.polled()
	return g.Wait()
}

// pace spaces the polls of a follower. At one root the waits grow by a quarter
// from a floor to max, so that a reader is late by at most a quarter of the
// time it has waited. The floor itself is a fiftieth of the time followed so
// far, between min and floorMax: a job of a second is read with milliseconds
// of delay, while a long one's steady progress does not keep a processor busy with polls that bring one item each.
type pace struct {
	min, max time.Duration
	started  time.Time
	grown    time.Duration // the wait at the present root
	polls    int           // at the present root
}

const floorMax = 100 * time.Millisecond

func (p *pace) begin() {
	p.min = cmp.Or(p.min, DefaultMinPoll)
	p.max = max(cmp.Or(p.max, DefaultMaxPoll), p.min)
	p.started = time.Now()
}

// reset is called when the reader has moved on to the next root.
func (p *pace) reset() {
	p.grown, p.polls = 0, 0
}

func (p *pace) wait() time.Duration {
	floor := min(max(time.Since(p.started)/50, p.min), max(floorMax, p.min))
	return min(max(p.grown, floor), p.max)
}

func (p *pace) first() bool { return p.polls == 0 }

func (p *pace) polled() {
	p.grown = min(p.wait()*5/4, p.max)
	p.polls++
}
