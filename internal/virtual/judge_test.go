package virtual_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/store"
)

// judge checks what a run has left behind.
func (w *world) judge(ctx context.Context, job store.Job) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	dead := w.queue.Dead() // SQS's second copies among them
	slices.Sort(dead)
	dead = slices.Compact(dead)
	for _, body := range dead {
		if !slices.Contains(w.garbage, body) {
			complain("a good message is in the dead-letter queue: %s", body)
		}
	}
	s := check.State{Job: job, Queue: check.Depth{Visible: w.queue.Len()}, DLQ: check.Depth{Visible: len(dead)}}
	var err error
	if s.Items, err = w.items(ctx, job); err != nil {
		complain("%v", err)
	}
	s.Count, s.CountErr = w.store.Recount(ctx, job)
	if s.Ledgers, err = w.store.JobLedgers(ctx, job.ID); err != nil {
		complain("%v", err)
	}
	if w.submits > 0 && job.Confirmed != job.N {
		complain("the producer was done, and %d of %d tasks are confirmed", job.Confirmed, job.N)
	}
	cancelled := w.cancelAt > 0
	for _, v := range check.Table(s, check.Want{Failed: -1, DLQ: len(w.garbage)}) {
		if cancelled && (v.Rule == check.FewResults || v.Rule == check.Complete && s.CountErr == nil) {
			continue // see below
		}
		complain("%v", v)
	}
	var effects check.History
	for i := range job.N {
		o := check.Acknowledged
		if cancelled {
			o = check.Unknown
		}
		effects.Enqueued = append(effects.Enqueued, check.Enqueue{Element: strconv.Itoa(i), Outcome: o})
	}
	done := map[int]store.Settled{}
	for _, item := range s.Items {
		for _, o := range item.Settled {
			effects.Dequeued = append(effects.Dequeued, strconv.Itoa(o.Index))
			done[o.Index] = o
		}
	}
	if r := check.TotalQueue(effects); r.Err() != nil || r.Duplicated > 0 {
		complain("%v: %v", r, r.Err())
	}
	if missing := job.N - len(done); cancelled && s.Count.OK+s.Count.Failed+missing != job.N {
		complain("the recount says %+v; %d of %d tasks have an outcome", s.Count, len(done), job.N)
	}
	for i := w.n; i < len(w.tasks); i++ {
		o, err := w.loose(ctx, fmt.Sprint("loose", i))
		if err != nil {
			complain("task %d, which has no job: %v", i, err)
			continue
		}
		done[i] = o
	}
	for i, o := range done {
		if why := w.unexpected(i, o); why != "" {
			complain("task %d (%s): %s; it ran %d times and died in %d of them", i, w.tasks[i].kind, why, w.runs[i], w.deaths[i])
		}
	}
	slices.Sort(wrong)
	return wrong
}

// items reads the job's result items, found by their raw keys.
func (w *world) items(ctx context.Context, job store.Job) (all []store.Result, err error) {
	for shard := range job.Shards {
		for _, sk := range w.table.Keys(fmt.Sprintf("R#%s#%d", job.ID, shard)) {
			root, rest, child := strings.Cut(sk, ".")
			first, err := strconv.Atoi(root)
			if err != nil {
				return nil, err
			}
			id := strconv.Itoa(first)
			if child {
				id += "." + rest
			}
			r, found, err := w.store.Result(ctx, job, codec.Identity(id))
			if err != nil || !found {
				return nil, fmt.Errorf("read item %s (found: %v): %w", sk, found, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// loose follows the items of a task without a job to the one that settles it.
func (w *world) loose(ctx context.Context, id string) (store.Settled, error) {
	var all []store.Settled
	for _, sk := range w.table.Keys("R#~" + id) {
		r, found, err := w.store.LooseResult(ctx, id, codec.Identity(sk))
		if err != nil || !found {
			return store.Settled{}, fmt.Errorf("read item %s (found: %v): %w", sk, found, err)
		}
		all = append(all, r.Settled...)
	}
	if len(all) != 1 {
		return store.Settled{}, fmt.Errorf("it is settled %d times", len(all))
	}
	return all[0], nil
}

// unexpected says what is wrong about an outcome.
func (w *world) unexpected(i int, o store.Settled) string {
	attempts := w.attempts
	if i >= w.n {
		attempts = 3 // consumer.DefaultMaxAttempts
	}
	f := o.Failure
	if f == nil {
		var got string
		if err := codec.Unmarshal(o.Value, &got); err != nil || got != resultOf(i) {
			return fmt.Sprintf("its result is %q (%v)", got, err)
		}
	} else if string(f.Argument) == "" {
		return "the argument is missing"
	}
	if f != nil && f.Kind == store.FailDied && w.killed+w.together[i] >= 3 {
		return "" // an innocent task may be taken for the cause of deaths, and a run of a second copy for a death
	}
	switch w.tasks[i].kind {
	case good:
		if f != nil {
			return fmt.Sprintf("it failed: %+v", *f)
		}
	case flaky:
		if (f != nil) != (attempts == 1) {
			return fmt.Sprintf("with %d attempts: %+v", attempts, f)
		}
	case fails, panics, goexits:
		if f == nil || f.Attempts != attempts || f.Kind == store.FailPanic != (w.tasks[i].kind == panics) {
			return fmt.Sprintf("with %d attempts: %+v", attempts, f)
		}
	case refuses:
		if f == nil || f.Attempts != 1 {
			return fmt.Sprintf("%+v", f)
		}
	case poison:
		if f == nil || f.Kind != store.FailDied {
			return fmt.Sprintf("%+v", f)
		}
	case late, hangs:
		if f == nil || f.Kind != store.FailTimeout || f.Attempts != attempts {
			return fmt.Sprintf("with %d attempts: %+v", attempts, f)
		}
	}
	return ""
}
