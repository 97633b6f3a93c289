package producer

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"golang.org/x/sync/semaphore"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Failures is the part of the table that a retry reads; *store.Store has it.
type Failures interface {
	// FailedItems yields the items that hold failed tasks, with the failures.
	FailedItems(ctx context.Context, job store.Job) iter.Seq2[store.FailedItem, error]
	// HasResults tells which of the messages have an item.
	HasResults(ctx context.Context, job store.Job, ids []codec.Identity) (map[codec.Identity]bool, error)
}

var _ Failures = (*store.Store)(nil)

// RetryReport is what RetryFailed did.
type RetryReport struct {
	// Tasks sent again.
	Tasks int
	// Messages they travel in. When all of them and their children have items, the retry is over.
	Messages []codec.Identity
}

// RetryFailed sends the job's failed tasks again, with the arguments that their
// failures carry, as children ".r1", ".r2", … of the items that hold them. Items
// never change: a reader lets the later success win.
//
// A message's name follows from what has no item yet, so that calling it again
// while a retry is under way sends the same messages, and each is recorded once.
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
		messages, err := retriesOf(ctx, job, item, f)
		if err != nil {
			return r, err
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

// retriesOf cuts an item's failures into messages and names them.
func retriesOf(ctx context.Context, job store.Job, item store.FailedItem, f Failures) ([]codec.Message, error) {
	var messages []codec.Message
	size := 0
	for _, s := range item.Failed {
		last := len(messages) - 1
		if last < 0 || size+len(s.Failure.Argument) > chunkBytes || len(messages[last].Args) == maxChunk {
			messages = append(messages, codec.Message{Handler: job.Handler, Job: job.ID, First: s.Index, Attempt: 1})
			last, size = last+1, 0
		}
		m := &messages[last]
		m.Args = append(m.Args, s.Failure.Argument)
		m.Indices = append(m.Indices, s.Index)
		size += len(s.Failure.Argument)
	}
	next := 1
	for i := range messages {
		var err error
		if messages[i].Identity, next, err = freeRetry(ctx, job, item.Identity, next, f); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// freeRetry returns the first identity from number n on that has no item, and
// the number after it.
func freeRetry(ctx context.Context, job store.Job, parent codec.Identity, n int, f Failures) (codec.Identity, int, error) {
	const ahead = 10
	for ; ; n += ahead {
		ids := make([]codec.Identity, ahead)
		for i := range ids {
			ids[i] = parent + codec.Identity(".r"+strconv.Itoa(n+i))
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
