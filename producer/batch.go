package producer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// encoded is a message ready to be sent.
type encoded struct {
	id    codec.Identity
	tasks int
	body  string
	// key and blob are the object that has to be there first; blob is nil for none.
	key  string
	blob []byte
}

// batch is the content of one SendMessageBatch call.
type batch struct {
	messages []encoded
	bytes    int   // of the bodies
	weight   int64 // of all that it holds in memory
}

func (b *batch) full() bool { return len(b.messages) == sqsbatch.MaxEntries }

// fits reports whether e may join. A message with an object travels alone: its
// upload would hold up the others.
func (b *batch) fits(e encoded, maxBytes int) bool {
	return b.bytes+len(e.body) <= maxBytes && e.blob == nil && b.messages[0].blob == nil
}

func (b *batch) add(e encoded) {
	b.messages = append(b.messages, e)
	b.bytes += len(e.body)
	b.weight += int64(len(e.body) + len(e.blob))
}

// encode fills in the job's part of m and encodes it, with the arguments in an
// object of their own when they do not fit a body.
func (s *sending) encode(m codec.Message) (encoded, error) {
	full := s.spec.envelope()
	full.First, full.Indices, full.Identity, full.Attempt, full.Args = m.First, m.Indices, m.Identity, m.Attempt, m.Args
	e := encoded{id: full.Self()}
	size := 0
	for _, arg := range m.Args {
		size += len(arg)
	}
	if size > inlineLimit(s.cfg.MaxBody, s.frame) {
		if s.cfg.Blobs == nil {
			return e, &ArgumentTooLargeError{Index: m.First, Size: size, Limit: inlineLimit(s.cfg.MaxBody, s.frame), NoBucket: true}
		}
		e.blob = codec.EncodeArgs(m.Args)
		sum := sha256.Sum256(e.blob)
		e.key = fmt.Sprintf("in/%s/%x", s.spec.Job, sum)
		full.Offload = &codec.Offload{Key: e.key, SHA256: sum, Len: int64(len(e.blob)), Count: len(m.Args)}
		full.Args = nil
	}
	raw, err := codec.AppendMessage(s.raw[:0], &full)
	if err != nil {
		return e, err
	}
	s.raw = raw
	e.body = codec.EncodeBody(raw)
	return e, nil
}

// deliver sends the batch and counts what SQS confirmed. Its error is the first of a message.
func (s *sending) deliver(ctx context.Context, b *batch) error {
	defer s.inFlight.Release(b.weight)
	if s.cfg.GiveUpAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.cfg.GiveUpAfter, fmt.Errorf("not confirmed within %v", s.cfg.GiveUpAfter))
		defer cancel()
	}
	entries := make([]sqsbatch.Entry, len(b.messages))
	for i, e := range b.messages {
		if e.blob != nil {
			if err := s.upload(ctx, e.key, e.blob); err != nil {
				return err
			}
		}
		entries[i].Body, entries[i].Trace = e.body, s.spec.Trace
		if s.spec.FairShare {
			entries[i].GroupID = s.spec.Job
		}
	}
	var failed error
	tasks, messages := 0, 0
	for i, err := range s.policy.SendAll(ctx, s.cfg.Queue, s.cfg.QueueURL, entries) {
		if err == nil {
			tasks += b.messages[i].tasks
			messages++
		} else if failed == nil {
			failed = fmt.Errorf("message %s: %w", b.messages[i].id, err)
		}
	}
	s.count(tasks, messages, 0)
	return failed
}

// upload puts an object, again and again while the failure is a passing one: the
// SDK's own three attempts end within a second or so.
func (s *sending) upload(ctx context.Context, key string, blob []byte) error {
	for limit := sqsbatch.DefaultBase; ; limit = min(2*limit, sqsbatch.DefaultCap) {
		err := s.cfg.Blobs.Put(ctx, key, blob)
		if err == nil {
			return nil
		}
		if !awserr.IsTransient(err) {
			return fmt.Errorf("offload an argument: %w", err)
		}
		timer := time.NewTimer(rand.N(limit))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("offload an argument: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}
