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
		o.pace.begin(job.N - o.from)
		for first, size := range job.Plan.from(o.from, job.N) {
			o.pace.done = max(0, first-o.from)
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
	now := time.Now()
	asked := []*lane{ln}
	for _, other := range l.all {
		dry := len(other.recs) == 0 && other.until == everything && now.Sub(other.polled) >= p.wait()
		if other != ln && p.first() && dry {
			asked = append(asked, other)
		}
	}
	p.polled()
	ask := func(ctx context.Context, ln *lane) error {
		ln.polled = now
		fresh, err := l.poll(ctx, ln, span)
		ln.narrow = !fresh
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, other := range asked[1:] {
		g.Go(func() error { return ask(gctx, other) })
	}
	err := ask(ctx, ln) // most rounds ask one lane, and need no goroutine
	if others := g.Wait(); err == nil {
		err = others
	}
	return err
}

// pace spaces the polls of a follower. At one root the waits grow by a quarter
// from a floor to max, so that a reader is late by at most a quarter of the
// time it has waited. The floor itself is a fiftieth of the time followed so
// far (at most floorMax), or a twenty-fifth of the time that the rest will take at the pace so far (at most aheadFloorMax): a job of a second
// is read with milliseconds of delay, while a long one's steady progress does not keep a processor busy with polls that bring one
// item each, and polls are dense only near the end, where somebody waits for them.
type pace struct {
	min, max time.Duration
	started  time.Time
	total    int           // tasks to read
	done     int           // tasks of the roots before the present one
	grown    time.Duration // the wait at the present root
	polls    int           // at the present root
}

const (
	floorMax      = 100 * time.Millisecond
	aheadFloorMax = 250 * time.Millisecond
)

func (p *pace) begin(total int) {
	p.min = cmp.Or(p.min, DefaultMinPoll)
	p.max = max(cmp.Or(p.max, DefaultMaxPoll), p.min)
	p.started, p.total = time.Now(), total
}

// reset is called when the reader has moved on to the next root.
func (p *pace) reset() {
	p.grown, p.polls = 0, 0
}

func (p *pace) wait() time.Duration {
	followed := time.Since(p.started)
	floor := max(min(followed/50, floorMax), min(p.left(followed)/25, aheadFloorMax), p.min)
	return min(max(p.grown, floor), p.max)
}

// left is how long the rest will take at the pace so far; 0 before anything is known of it.
func (p *pace) left(followed time.Duration) time.Duration {
	if p.done == 0 {
		return 0
	}
	return time.Duration(float64(followed) * float64(p.total-p.done) / float64(p.done))
}

func (p *pace) first() bool { return p.polls == 0 }

func (p *pace) polled() {
	p.grown = min(p.wait()*5/4, p.max)
	p.polls++
}
