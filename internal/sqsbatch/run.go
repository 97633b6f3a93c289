package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// operation is one of SQS's batch calls over entries that are known by their position.
type operation struct {
	// name is what is done to an entry, for error texts.
	name string
	// size is how many bytes an entry counts toward the limit of a call; nil when there is none.
	size func(entry int) int
	// call makes one request. The k-th entry of batch goes under the id idOf(k).
	call func(ctx context.Context, batch []int) (answer, error)
}

// answer is SQS's account of one call, by entry id.
type answer struct {
	succeeded []*string
	failed    []types.BatchResultErrorEntry
}

// ids are the entry ids of a call. SQS wants ids distinct inside a call and no
// more; positions are, whereas handles and message ids need not be.
var ids = [MaxEntries]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

func idOf(k int) *string { return &ids[k] }

// run is one execution of an operation. It belongs to one goroutine.
type run struct {
	operation
	policy Policy
	// errs is each entry's last failure, nil once it succeeded; tries counts its calls.
	errs  []error
	tries []int
	// queue holds the entries still to be done; failed ones go to its end.
	queue []int
	// perCall is the most entries in one call; it halves when a call as a whole
	// is refused because of one of its entries.
	perCall int
	// streak counts the calls since the last one that achieved something.
	streak int
}

// do carries out the operation on the entries of queue and returns errs completed.
func (op operation) do(ctx context.Context, p Policy, queue []int, errs []error) []error {
	r := &run{operation: op, policy: p.withDefaults(), errs: errs, tries: make([]int, len(errs)), queue: queue, perCall: MaxEntries}
	for len(r.queue) > 0 {
		batch := r.next()
		if wait := max(r.streak, r.tries[batch[0]]); wait > 0 {
			if err := r.policy.pause(ctx, wait); err != nil {
				r.abandon(batch, err)
				break
			}
		}
		if ctx.Err() != nil {
			r.abandon(batch, context.Cause(ctx))
			break
		}
		got, err := r.timed(ctx, batch)
		if err != nil {
			r.refused(batch, err)
			continue
		}
		r.settle(batch, got)
	}
	return r.errs
}

func (r *run) timed(ctx context.Context, batch []int) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.policy.CallTimeout, fmt.Errorf("no answer within %v", r.policy.CallTimeout))
	defer cancel()
	return r.call(ctx, batch)
}

// next takes a batch off the queue: as many entries as fit into one call. An
// entry that alone exceeds the limit goes alone and lets SQS decide, because
// the limit may be the caller's guess.
func (r *run) next() []int {
	n, bytes := 0, 0
	for n < len(r.queue) && n < r.perCall {
		if r.size != nil {
			if bytes += r.size(r.queue[n]); n > 0 && bytes > r.policy.MaxBytes {
				break
			}
		}
		n++
	}
	batch := r.queue[:n:n]
	r.queue = r.queue[n:]
	return batch
}

// settle files the outcome of each entry of a call that was answered.
func (r *run) settle(batch []int, got answer) {
	const unknown, failed, succeeded = 0, 1, 2
	var state [MaxEntries]int
	var why [MaxEntries]error
	for _, f := range got.failed {
		if k, ok := position(f.Id, len(batch)); ok {
			state[k], why[k] = failed, entryError(f)
		}
	}
	// After the failures: when an id is in both lists the call did take effect,
	// and for messages a second one would be the greater evil.
	for _, id := range got.succeeded {
		if k, ok := position(id, len(batch)); ok {
			state[k] = succeeded
		}
	}
	progress := false
	for k, entry := range batch {
		switch state[k] {
		case succeeded:
			r.errs[entry] = nil
			progress = true
		case unknown:
			r.failed(entry, ErrUnaccounted)
		case failed:
			if e, ok := errors.AsType[*EntryError](why[k]); ok && (e.SenderFault || e.Is(ErrLeaseLost)) {
				r.errs[entry] = fmt.Errorf("%s: %w", r.name, e)
				progress = true
				continue
			}
			r.failed(entry, why[k])
		}
	}
	r.count(progress)
}

// refused files the error of a call as a whole.
func (r *run) refused(batch []int, err error) {
	v := judge(err)
	if r.policy.Final != nil && r.policy.Final(err) {
		v = giveUp
	}
	switch {
	case v == halve && len(batch) > 1:
		r.perCall = max(1, len(batch)/2)
		r.queue = append(batch, r.queue...)
	case v == halve:
		if leaseLost(err) {
			err = fmt.Errorf("%w: %w", ErrLeaseLost, err)
		}
		r.errs[batch[0]] = fmt.Errorf("%s: %w", r.name, err)
	case v == giveUp:
		for _, entry := range append(batch, r.queue...) {
			r.errs[entry] = fmt.Errorf("%s: %w", r.name, err)
		}
		r.queue = nil
	default:
		for _, entry := range batch {
			r.failed(entry, err)
		}
		r.count(false)
	}
}

// failed puts the entry back into the queue unless it has had its tries.
func (r *run) failed(entry int, err error) {
	r.tries[entry]++
	r.errs[entry] = err
	if r.policy.Tries > 0 && r.tries[entry] >= r.policy.Tries {
		r.errs[entry] = fmt.Errorf("%s: %w (tries: %d)", r.name, err, r.tries[entry])
		return
	}
	r.queue = append(r.queue, entry)
}

func (r *run) count(progress bool) {
	if r.streak++; progress {
		r.streak = 0
	}
}

// abandon reports the entries that are left when the context ends.
func (r *run) abandon(batch []int, cause error) {
	for _, entry := range append(batch, r.queue...) {
		if last := r.errs[entry]; last != nil {
			r.errs[entry] = fmt.Errorf("%s: %w (last failure: %w)", r.name, cause, last)
			continue
		}
		r.errs[entry] = fmt.Errorf("%s: %w", r.name, cause)
	}
	r.queue = nil
}

// position reads an entry id as the position it was made from.
func position(id *string, n int) (int, bool) {
	k, err := strconv.Atoi(aws.ToString(id))
	return k, err == nil && 0 <= k && k < n
}

// positions is the queue of all of n entries.
func positions(n int) []int {
	queue := make([]int, n)
	for i := range queue {
		queue[i] = i
	}
	return queue
}
