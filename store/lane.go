package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A lane reads one shard's result items in order, roots with their descendants
// behind them. Pages are asked for as the reader gets there; what has been read
// and not yet been taken is buffered, about a page (1 MB).
//
// While a job runs, items appear behind the place that was read before. A lane
// therefore knows its horizon, below which every root has been asked for at
// least once, and poll asks again from an incomplete root on. What lies behind
// that root and has been read already is read again only up to rereadMax bytes,
// so that following a job costs no more than a constant a poll beyond the items that are new.
type lane struct {
	pk    string
	recs  []*laneRecord // unread by the reader, in sort key order
	until int           // the horizon: all roots below have been asked for
	next  item          // where the next page begins; nil before the first page and after the last
	// polled is when the lane was last asked; narrow is set when that brought nothing for the reader's root.
	polled time.Time
	narrow bool
}

// laneRecord is a buffered record with its place.
type laneRecord struct {
	*record
	sk    string
	first int // the root's first index
}

// rereadMax is how many bytes behind an incomplete root one poll may read again:
// 8 read units, against the request that each further incomplete root would cost.
const rereadMax = 64 << 10

const everything = math.MaxInt

// lanes are the shards of one job, read together.
type lanes struct {
	s     *Store
	job   Job
	all   []*lane
	attrs []string
	// consistent reads cost twice as much; a follower, which asks again anyway, does without.
	consistent bool
	// strays counts items that belong to no root of the plan.
	strays int
}

func (s *Store) newLanes(job Job, from int, attrs []string, consistent bool) *lanes {
	l := &lanes{s: s, job: job, attrs: attrs, consistent: consistent}
	for shard := range job.Shards {
		l.all = append(l.all, &lane{pk: resultPK(job.ID, shard), until: from})
	}
	return l
}

func (l *lanes) of(first int) *lane { return l.all[ShardOf(first, l.job.Shards)] }

// tree returns what the lane has of the root at first, which must be below its
// horizon, and drops records of what lies before.
func (l *lanes) tree(ln *lane, span Range) tree {
	i := 0
	for i < len(ln.recs) && ln.recs[i].first < span.From {
		i++
	}
	l.strays += i
	ln.recs = ln.recs[i:]
	t := tree{span: span}
	for _, r := range ln.of(span.From) {
		t.recs = append(t.recs, r.record)
	}
	return t
}

// of returns the buffered records of the root at first.
func (ln *lane) of(first int) []*laneRecord {
	at := func(first int) int {
		i, _ := slices.BinarySearchFunc(ln.recs, first, func(r *laneRecord, first int) int { return r.first - first })
		return i
	}
	return ln.recs[at(first):at(first+1)]
}

// take removes the root's records from the lane's buffer.
func (ln *lane) take(t tree) { ln.recs = ln.recs[len(t.recs):] }

// advance reads the lane's next page, so that its horizon moves on.
func (l *lanes) advance(ctx context.Context, ln *lane) error {
	q := query{pk: ln.pk, attrs: l.attrs, consistent: l.consistent, start: ln.next}
	// The lower bound stays in the condition of every page, as DynamoDB wants it.
	if ln.until > 0 {
		q.from = rootSK(ln.until)
	}
	return l.read(ctx, ln, q, ln.until)
}

// read runs an open-ended query and merges its page; below is the horizon to keep at least.
func (l *lanes) read(ctx context.Context, ln *lane, q query, below int) error {
	items, next, err := l.s.page(ctx, q)
	if err != nil {
		return err
	}
	if err := l.merge(ln, items); err != nil {
		return err
	}
	ln.next, ln.until = next, everything
	if next != nil {
		id, ok := identityOf(next.key().sk)
		if !ok {
			return &CorruptError{Key: next.key().String(), Detail: "its sort key is not a message identity"}
		}
		// The page may have ended between the items of one root.
		root, err := id.Root()
		if err != nil {
			return err
		}
		ln.until = max(root, below)
	}
	return nil
}

// poll asks again for the root of span, which is incomplete, and for what may
// have appeared behind it. fresh tells whether anything new came.
func (l *lanes) poll(ctx context.Context, ln *lane, span Range) (fresh bool, err error) {
	before := len(ln.recs)
	q := query{pk: ln.pk, attrs: l.attrs, consistent: l.consistent, from: rootSK(span.From)}
	if last, bounded := ln.rereadTo(span); bounded {
		q.to = rootSK(last) + "~" // "~" sorts behind the "." of the descendants
		for it, err := range l.s.items(ctx, q) {
			if err != nil {
				return false, err
			}
			if err := l.merge(ln, []item{it}); err != nil {
				return false, err
			}
		}
		return len(ln.recs) > before, nil
	}
	err = l.read(ctx, ln, q, span.From)
	return len(ln.recs) > before, err
}

// rereadTo returns the last root that a poll for the incomplete root of span
// should include; bounded is false when it should go on to the end.
func (ln *lane) rereadTo(span Range) (last int, bounded bool) {
	size := 0
	for _, r := range ln.recs {
		if r.first <= span.From {
			continue
		}
		// The last poll found nothing: the root is still being worked on, so ask for it alone.
		if ln.narrow {
			return span.From, true
		}
		if size += r.size; size > rereadMax {
			return r.first, true
		}
	}
	return 0, false
}

// merge adds the items that the lane does not have yet.
func (l *lanes) merge(ln *lane, items []item) error {
	for _, it := range items {
		if !current(it, l.job) {
			continue
		}
		k := it.key()
		// New items nearly always belong at the end.
		at, have := len(ln.recs), false
		if at > 0 && k.sk <= ln.recs[at-1].sk {
			at, have = slices.BinarySearchFunc(ln.recs, k.sk, func(r *laneRecord, sk string) int { return strings.Compare(r.sk, sk) })
		}
		if have {
			continue
		}
		id, ok := identityOf(k.sk)
		if !ok {
			return &CorruptError{Key: k.String(), Detail: "its sort key is not a message identity"}
		}
		rec, err := l.s.decodeRecord(it, id)
		if err != nil {
			return err
		}
		first, err := id.Root()
		if err != nil {
			return fmt.Errorf("read results of job %q: %w", l.job.ID, err)
		}
		ln.recs = slices.Insert(ln.recs, at, &laneRecord{record: rec, sk: k.sk, first: first})
	}
	return nil
}
