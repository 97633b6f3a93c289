package store

import (
	"context"
	"iter"
	"time"

	"github.com/starburst-go/starburst/codec"
)

// Defaults of ReadOptions.
const (
	DefaultMinPoll = 5 * time.Millisecond
	DefaultMaxPoll = time.Second
)

// ReadOptions say how Results reads a job.
type ReadOptions struct {
	// From is the first task index to read. Default: 0.
	From int
	// Follow waits at tasks that are not settled yet, until all are or the
	// context ends. Without it, unsettled tasks are skipped.
	Follow bool
	// Gap, when set, is told the ranges of tasks that are skipped, in order and between the tasks around them.
	Gap func(Range)
	// MinPoll and MaxPoll bound how often a shard is asked while following.
	// Defaults: 5 ms, 1 s.
	MinPoll, MaxPoll time.Duration
}

// Results yields the outcomes of the job's tasks in task order, each once. It
// streams: at any time about a page (1 MB) a shard is held in memory, and of
// results that are objects the next eight.
//
// A task that failed and was retried successfully (`retry --failed`) is
// yielded with its success. The iteration ends at the first error, which is
// the last thing yielded: *InconsistentError, *CorruptError, the context's
// cause, or one of the requests. Values of one message share memory, so keeping one keeps its neighbours.
func (s *Store) Results(ctx context.Context, job Job, o ReadOptions) iter.Seq2[Settled, error] {
	return func(yield func(Settled, error) bool) {
		var strays int
		ro := rootsOptions{from: o.From, attrs: outcomeAttrs, follow: o.Follow, pace: pace{min: o.MinPoll, max: o.MaxPoll}}
		objects := s.newAhead(ctx, job)
		defer objects.stop()
		gaps := gapReporter{report: o.Gap}
		defer gaps.flush()
		for r, err := range s.roots(ctx, job, ro, &strays) {
			if err != nil {
				yield(Settled{}, err)
				return
			}
			objects.look(r.lanes, r.tree)
			settled, err := settledOf(r, objects.settled)
			if err != nil {
				yield(Settled{}, err)
				return
			}
			next := max(r.span.From, o.From)
			for _, t := range settled {
				if t.Index < o.From {
					continue
				}
				gaps.add(Range{next, t.Index})
				gaps.flush()
				next = t.Index + 1
				if !yield(t, nil) {
					return
				}
			}
			gaps.add(Range{next, r.span.To})
		}
	}
}

// settledOf puts a root's outcomes, which decode returns by record, in index order.
func settledOf(r root, decode func(*record) ([]Settled, error)) ([]Settled, error) {
	if r.sole != nil {
		return decode(r.sole)
	}
	out := make([]Settled, 0, r.ok+r.failed)
	parts := make(map[codec.Identity][]Settled, len(r.tree.recs)) // what is left of each record's outcomes
	for i, c := range r.cells {
		if c.rec == nil {
			continue
		}
		part, ok := parts[c.rec.id]
		if !ok {
			var err error
			if part, err = decode(c.rec); err != nil {
				return nil, err
			}
		}
		for part[0].Index < r.span.From+i { // overruled by a retry
			part = part[1:]
		}
		out = append(out, part[0])
		parts[c.rec.id] = part[1:]
	}
	return out, nil
}

// gapReporter joins neighbouring gaps before it reports them.
type gapReporter struct {
	report func(Range)
	open   Range
}

func (g *gapReporter) add(r Range) {
	switch {
	case g.report == nil || r.Len() <= 0:
	case g.open.To == r.From && g.open.Len() > 0:
		g.open.To = r.To
	default:
		g.flush()
		g.open = r
	}
}

func (g *gapReporter) flush() {
	if g.report != nil && g.open.Len() > 0 {
		g.report(g.open)
	}
	g.open = Range{}
}
