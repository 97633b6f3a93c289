package producer

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Failures is the part of the table that a retry uses; *store.Store has it.
type Failures interface {
	// FailedItems yields the items that hold failed tasks, with the failures.
	FailedItems(ctx context.Context, job store.Job) iter.Seq2[store.FailedItem, error]
	// HasResults tells which of the messages have an item.
	HasResults(ctx context.Context, job store.Job, ids []codec.Identity) (map[codec.Identity]bool, error)
	// Reopen records that failed tasks are about to be sent again. It may be repeated.
	Reopen(ctx context.Context, job string, at time.Time) error
}

var _ Failures = (*store.Store)(nil)

// RetryReport is what RetryFailed did.
type RetryReport struct {
	// Tasks sent again.
	Tasks int
	// Messages they travel in. When all of them and their children have items, the retry is over.
	Messages []codec.Identity
	// Lost counts failed tasks that cannot be run again: whoever recorded them left the argument out.
	Lost int
}

// Covers reports whether the message is one of the retry's, or descends from one.
func (r RetryReport) Covers(id codec.Identity) bool {
	for !slices.Contains(r.Messages, id) {
		i := strings.LastIndexByte(string(id), '.')
		if i < 0 {
			return false
		}
		id = id[:i]
	}
	return true
}

// RetryFailed sends the job's failed tasks again, with the arguments that their
// failures carry, as children ".r1", ".r2", … of the items that hold them. Items
// never change: a reader lets the later success win. The job is reopened before
// the first message is sent, and not at all when nothing has failed.
//
// A message's name and content follow from what is recorded, so that calling it
// again while a retry is under way, or was cut off, sends the same messages, and each
// is recorded once. An error after the reopening leaves some of them unsent.
func (p *Producer) RetryFailed(ctx context.Context, job store.Job, f Failures) (RetryReport, error) {
	var r RetryReport
	out, err := p.newRetrySender(job)
	if err != nil {
		return r, err
	}
	for item, err := range f.FailedItems(ctx, job) {
		if err != nil {
			return r, err
		}
		messages, lost, err := retriesOf(ctx, job, item, f)
		if err != nil {
			return r, err
		}
		r.Lost += lost
		if len(r.Messages) == 0 && len(messages) > 0 {
			if err := f.Reopen(ctx, job.ID, p.cfg.Now()); err != nil {
				return r, err
			}
		}
		for _, m := range messages {
			if err := out.send(ctx, m); err != nil {
				return r, err
			}
			r.Tasks += len(m.Args)
			r.Messages = append(r.Messages, m.Identity)
		}
	}
	return r, out.flushRetries(ctx)
}

// retriesOf returns the messages that run an item's failed tasks again, and how
// many of these tasks have no argument.
func retriesOf(ctx context.Context, job store.Job, item store.FailedItem, f Failures) (messages []codec.Message, lost int, err error) {
	plan := planRetry(item)
	ids := make([]codec.Identity, len(plan.groups))
	for i := range ids {
		ids[i] = retryIdentity(item.Identity, i+1)
	}
	have, err := f.HasResults(ctx, job, ids)
	if err != nil {
		return nil, 0, err
	}
	next := len(ids) + 1
	for i, g := range plan.groups {
		id, tasks := ids[i], g.all
		if len(g.open) == 0 {
			continue
		}
		if have[id] {
			// The item does not speak of tasks that it should: another version has cut
			// the failures differently. A number above all groups is free for them.
			tasks = g.open
			if id, next, err = freeRetry(ctx, job, item.Identity, next, f); err != nil {
				return nil, 0, err
			}
		}
		messages = append(messages, plan.message(job, id, tasks, 1))
	}
	for _, c := range plan.pending {
		messages = append(messages, plan.message(job, c.Identity, c.Indices, c.Attempt))
	}
	return messages, plan.lost, nil
}

func retryIdentity(parent codec.Identity, n int) codec.Identity {
	return parent + codec.Identity(".r"+strconv.Itoa(n))
}

// retryPlan says how an item's failures are run again.
type retryPlan struct {
	// groups cut all failures that the item ever had into messages, the n-th of them ".r<n>".
	groups []retryGroup
	// pending are messages of a retry under way, to be sent again as they are.
	pending []store.Child
	args    map[int][]byte
	lost    int
}

type retryGroup struct {
	// all tasks of the group, and those that count as failed and are not pending.
	all, open []int
}

// planRetry cuts what the item itself recorded, which never changes, and not what
// is left of it: a group keeps its number whatever has become of the others.
func planRetry(item store.FailedItem) retryPlan {
	p := retryPlan{args: make(map[int][]byte, len(item.All))}
	failed := make(map[int]bool, len(item.Failed))
	for _, s := range item.Failed {
		failed[s.Index] = true
		if len(s.Failure.Argument) == 0 {
			p.lost++
		}
	}
	for _, s := range item.All {
		if len(s.Failure.Argument) > 0 {
			p.args[s.Index] = s.Failure.Argument
		}
	}
	for _, c := range item.Pending {
		wanted := func(i int) bool { return failed[i] }
		known := func(i int) bool { return p.args[i] != nil }
		if slices.ContainsFunc(c.Indices, wanted) && !slices.ContainsFunc(c.Indices, func(i int) bool { return !known(i) }) {
			p.pending = append(p.pending, c)
			for _, i := range c.Indices {
				delete(failed, i)
			}
		}
	}
	size := 0
	for _, s := range item.All {
		arg := p.args[s.Index]
		if arg == nil {
			continue
		}
		last := len(p.groups) - 1
		if last < 0 || size+len(arg) > chunkBytes || len(p.groups[last].all) == maxChunk {
			p.groups = append(p.groups, retryGroup{})
			last, size = last+1, 0
		}
		g := &p.groups[last]
		g.all = append(g.all, s.Index)
		if failed[s.Index] {
			g.open = append(g.open, s.Index)
		}
		size += len(arg)
	}
	return p
}

// message makes the message that runs the tasks.
func (p retryPlan) message(job store.Job, id codec.Identity, tasks []int, attempt int) codec.Message {
	m := codec.Message{Handler: job.Handler, Job: job.ID, Identity: id, First: tasks[0], Indices: tasks, Attempt: attempt}
	for _, i := range tasks {
		m.Args = append(m.Args, p.args[i])
	}
	return m
}

// freeRetry returns the first identity from number n on that has no item, and
// the number after it.
func freeRetry(ctx context.Context, job store.Job, parent codec.Identity, n int, f Failures) (codec.Identity, int, error) {
	const ahead = 10
	for ; ; n += ahead {
		ids := make([]codec.Identity, ahead)
		for i := range ids {
			ids[i] = retryIdentity(parent, n+i)
		}
		have, err := f.HasResults(ctx, job, ids)
		if err != nil {
			return "", n, err
		}
		if i := slices.IndexFunc(ids, func(id codec.Identity) bool { return !have[id] }); i >= 0 {
			return ids[i], n + i + 1, nil
		}
	}
}

// retrySender sends retry messages, batch after batch: failures are few.
type retrySender struct {
	sending
	b *batch
}

func (p *Producer) newRetrySender(job store.Job) (*retrySender, error) {
	spec := Spec{Job: job.ID, Handler: job.Handler}.withDefaults(p.cfg)
	frame, err := frameOf(spec.envelope())
	if err != nil {
		return nil, err
	}
	return &retrySender{sending: sending{
		Producer: p, spec: spec, frame: frame, inFlight: semaphore.NewWeighted(maxInFlightBytes), report: Report{Job: job},
	}}, nil
}

func (s *retrySender) send(ctx context.Context, m codec.Message) error {
	e, err := s.encode(m)
	if err != nil {
		return fmt.Errorf("retry message %s: %w", m.Identity, err)
	}
	e.tasks = len(m.Args)
	if s.b != nil && (s.b.full() || !s.b.fits(e, s.cfg.MaxBody)) {
		if err := s.flushRetries(ctx); err != nil {
			return err
		}
	}
	if s.b == nil {
		s.b = &batch{}
	}
	s.b.add(e)
	return nil
}

func (s *retrySender) flushRetries(ctx context.Context) error {
	if s.b == nil {
		return nil
	}
	b := s.b
	s.b = nil
	b.weight = min(b.weight, maxInFlightBytes)
	if err := s.inFlight.Acquire(ctx, b.weight); err != nil {
		return context.Cause(ctx)
	}
	if err := s.deliver(ctx, b); err != nil {
		return fmt.Errorf("send the retry (calling it again completes it): %w", err)
	}
	return nil
}
