package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/codec"
)

// tree is what is known of one root message: its span of indices and the
// records of it and its descendants, sorted by identity (the root first).
type tree struct {
	span Range
	recs []*record
}

// cell is the outcome of one index: the record that has it, or nil.
type cell struct {
	rec    *record
	failed bool
}

// walked is the outcome of a walk from the root to the leaves.
type walked struct {
	// sole is the root's record when it settles the whole span by itself, the usual case; cells is nil then.
	sole *record
	// cells holds the outcome of each index of the span.
	cells []cell
	// ok, failed and missing count the span's indices.
	ok, failed, missing int
	// pending are the messages that are known and have no item yet.
	pending []Child
	// strays counts records that the walk did not meet.
	strays int
}

// walk settles which record speaks for which index. Its error is an *InconsistentError.
//
// Children partition what their parent did not settle, so each index is met
// once. The exception are the children that `retry --failed` made: they are
// not named by their parent, whose item never changes, but found by their
// ".rN", and settle indices again that the parent settled as failed.
func walk(job string, t tree) (walked, error) {
	if len(t.recs) == 1 && t.recs[0].spans(t.span) {
		r := t.recs[0]
		failed := lenOf(r.failed)
		return walked{sole: r, ok: t.span.Len() - failed, failed: failed}, nil
	}
	w := walker{job: job, tree: t, out: walked{cells: make([]cell, t.span.Len())}}
	root := codec.RootIdentity(t.span.From)
	if err := w.visit(root, []Range{t.span}, 1, nil); err != nil {
		return walked{}, err
	}
	for _, c := range w.out.cells {
		switch {
		case c.rec == nil:
			w.out.missing++
		case c.failed:
			w.out.failed++
		default:
			w.out.ok++
		}
	}
	w.out.strays = len(t.recs) - w.met
	return w.out, nil
}

// spans reports whether the record settles exactly the indices of span by itself and is its root.
func (r *record) spans(span Range) bool {
	if len(r.children) > 0 || r.id != codec.RootIdentity(span.From) {
		return false
	}
	if len(r.failed) == 0 {
		return len(r.ok) == 1 && r.ok[0] == span
	}
	all, ok := union(r.ok, r.failed)
	return ok && len(all) == 1 && all[0] == span
}

type walker struct {
	job string
	tree
	out walked
	met int // records visited
}

func (w *walker) wrong(id codec.Identity, format string, args ...any) error {
	return &InconsistentError{Job: w.job, Identity: id, Detail: fmt.Sprintf(format, args...)}
}

// find returns the record with the identity, or nil.
func (w *walker) find(id codec.Identity) *record {
	if i, ok := slices.BinarySearchFunc(w.recs, id, byIdentity); ok {
		return w.recs[i]
	}
	return nil
}

func byIdentity(r *record, id codec.Identity) int { return strings.Compare(string(r.id), string(id)) }

// visit walks the message id, which was given the indices of set. again is the
// record whose failures the message runs again, or nil.
func (w *walker) visit(id codec.Identity, set []Range, attempt int, again *record) error {
	r := w.find(id)
	if r == nil {
		w.out.pending = append(w.out.pending, Child{Identity: id, Indices: indicesOf(set), Attempt: attempt})
		return nil
	}
	w.met++
	sets := [][]Range{r.ok, r.failed}
	for _, c := range r.children {
		sets = append(sets, c.set)
	}
	all, ok := union(sets...)
	if !ok {
		return w.wrong(id, "an index is settled or handed to a child more than once")
	}
	if !slices.Equal(all, set) {
		return w.wrong(id, "it accounts for tasks %v but was given %v", all, set)
	}
	for i, won := range mergeSets(r.ok, r.failed) {
		if err := w.settle(r, i, !won, again != nil); err != nil {
			return err
		}
	}
	for _, c := range r.children {
		if err := w.visit(id.Child(c.n), c.set, c.attempt, again); err != nil {
			return err
		}
	}
	return w.visitRetries(r)
}

// settle gives index i to r. Of two outcomes of one index, which only a retry
// may bring, a success wins over a failure, the first success over a later one, the last failure over an earlier one.
func (w *walker) settle(r *record, i int, failed, again bool) error {
	c := &w.out.cells[i-w.span.From]
	switch {
	case c.rec == nil && again:
		return w.wrong(r.id, "task %d is retried but had not failed", i)
	case c.rec != nil && !again:
		return w.wrong(r.id, "task %d is settled by message %q already", i, c.rec.id)
	case c.rec == nil || c.failed:
		*c = cell{r, failed}
	}
	return nil
}

// visitRetries walks the ".r1", ".r2", … below r in their order. Each has any part of what r settled as failed.
func (w *walker) visitRetries(r *record) error {
	if len(r.failed) == 0 {
		return nil
	}
	type retry struct {
		n   int
		rec *record
	}
	var retries []retry
	prefix := r.id + ".r"
	from, _ := slices.BinarySearchFunc(w.recs, prefix, byIdentity)
	for _, c := range w.recs[from:] {
		rest, ok := strings.CutPrefix(string(c.id), string(prefix))
		if !ok {
			break
		}
		if n, err := strconv.Atoi(rest); err == nil { // not a retry's own child
			retries = append(retries, retry{n, c})
		}
	}
	slices.SortFunc(retries, func(a, b retry) int { return a.n - b.n })
	for _, again := range retries {
		sets := [][]Range{again.rec.ok, again.rec.failed}
		for _, c := range again.rec.children {
			sets = append(sets, c.set)
		}
		all, ok := union(sets...)
		if !ok {
			return w.wrong(again.rec.id, "an index is settled or handed to a child more than once")
		}
		if !within(all, r.failed) {
			return w.wrong(again.rec.id, "it retries tasks %v, of which message %q had failed only %v", all, r.id, r.failed)
		}
		if err := w.visit(again.rec.id, all, 1, r); err != nil {
			return err
		}
	}
	return nil
}

// within reports whether every index of a is in b.
func within(a, b []Range) bool {
	for _, r := range a {
		for len(b) > 0 && b[0].To <= r.From {
			b = b[1:]
		}
		if len(b) == 0 || r.From < b[0].From || r.To > b[0].To {
			return false
		}
	}
	return true
}
