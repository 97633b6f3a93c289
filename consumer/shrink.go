package consumer

import (
	"cmp"
	"errors"
	"slices"

	"github.com/starburst-go/starburst/store"
)

// mend changes the outcomes so that an item which the table refused may be
// written after all, and reports whether it changed any. A value that is not valid fails its
// task; of what is too large, the largest values and arguments are given up.
func (r *chunkRun) mend(res store.Result, err error, tries int) bool {
	if invalid, ok := errors.AsType[*store.InvalidResultError](err); ok {
		for k, o := range r.outcomes {
			if o.value != nil && r.d.msg.Index(k) == invalid.Index {
				r.failResult(k, err)
				return true
			}
		}
		return false
	}
	if large, ok := errors.AsType[*store.TooLargeError](err); ok {
		// Sizes are those of packed bytes, so that much may not be enough: after a few tries ask for more each time.
		return r.shrink(res, err, max(1, large.Size-large.Limit)<<min(max(0, tries-patientTries), 20))
	}
	return false
}

// patientTries is how often no more is given up than must be. Each try encodes all outcomes anew.
const patientTries = 4

func (r *chunkRun) failResult(k int, err error) {
	r.outcomes[k] = outcome{ran: true, err: &Error{Kind: store.FailResult, Final: true, Err: err}}
}

// shrink gives up the largest parts of what is settled until they make up the
// excess: a value, which fails its task, or the argument, stack and detail of a failure,
// which `retry --failed` then cannot run again. Whoever sends a message chooses how
// large its arguments are; that they cannot be kept must not keep the tasks from ending.
func (r *chunkRun) shrink(res store.Result, err error, excess int) bool {
	type part struct{ k, size int }
	var parts []part
	settled := res.Settled
	for k := range r.outcomes {
		if len(settled) == 0 || settled[0].Index != r.d.msg.Index(k) {
			continue
		}
		switch s := settled[0]; {
		case s.Failure == nil:
			parts = append(parts, part{k, len(s.Value)})
		case !r.outcomes[k].bare:
			parts = append(parts, part{k, len(s.Failure.Argument) + len(s.Failure.Stack) + len(s.Failure.Detail)})
		}
		settled = settled[1:]
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.size, a.size) })
	changed := false
	for _, p := range parts {
		if excess <= 0 {
			break
		}
		if r.outcomes[p.k].err != nil {
			r.outcomes[p.k].bare = true
		} else {
			r.failResult(p.k, err)
		}
		excess -= p.size
		changed = true
	}
	return changed
}
