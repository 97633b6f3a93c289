package sqs

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// queue is one queue: its configuration and the index of its messages.
type queue struct {
	id  int64
	arn string

	// sending is held by a send to a FIFO queue until its commit, so that
	// messages enter the index in the order of their sequence numbers. It is
	// locked before mu.
	sending sync.Mutex

	mu       sync.Mutex // protects everything below; never held during a commit
	settings settings
	tags     map[string]string
	created  int64 // Unix milliseconds, as all times here
	modified int64
	deleted  bool
	// purged is the largest message id at the last purge: a send whose commit
	// was under way then must not enter the index.
	purged int64

	messages map[int64]*message
	ready    readySet
	hidden   hiddenHeap
	delays   int // messages of hidden that are delayed, not in flight
	kept     *keptBytes

	waiters []*waiter
	timer   *time.Timer
	timerAt int64 // when timer fires; 0: it is not set

	dirty      []*message // changed since their rows were written
	flushing   bool       // a write of dirty is queued
	nextExpiry int64      // no message expires before this time

	dedup      map[string]dedupEntry // FIFO: by scope and deduplication id
	dedupOrder []string              // keys of dedup, oldest first
}

// waiter is one long poll. wake has capacity 1.
type waiter struct{ wake chan struct{} }

func newQueue(id int64, arn string, s settings, kept *keptBytes) *queue {
	return &queue{
		id: id, arn: arn, settings: s, kept: kept,
		ready:    readySet{fifo: s.fifo},
		messages: map[int64]*message{},
		dedup:    map[string]dedupEntry{},
	}
}

func now() int64 { return time.Now().UnixMilli() }

// snapshot returns the settings; they are never changed in place.
func (q *queue) snapshot() settings {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings
}

// add puts a committed message into the index. The caller holds mu.
func (q *queue) add(m *message, now int64) {
	if q.deleted || m.id <= q.purged {
		m.state = gone
		return
	}
	q.messages[m.id] = m
	q.kept.add(len(m.body))
	q.nextExpiry = min(q.nextExpiry, m.sent+q.settings.retention)
	switch {
	case m.visibleAt <= now:
		m.state = ready
		q.ready.push(m)
	case m.receives > m.earlier:
		m.state = inFlight // after a restart
		heap.Push(&q.hidden, m)
		q.ready.hold(m)
	default:
		m.state = delayed
		q.delays++
		heap.Push(&q.hidden, m)
	}
}

// remove takes a message out of the index. The caller holds mu.
func (q *queue) remove(m *message) {
	switch m.state {
	case ready:
		q.ready.remove(m)
	case delayed, inFlight:
		q.unhide(m)
	case gone:
		return
	}
	m.state = gone
	delete(q.messages, m.id)
	q.kept.add(-len(m.body))
}

// unhide takes a message out of the heap and undoes what it counted for.
func (q *queue) unhide(m *message) {
	heap.Remove(&q.hidden, m.heapIndex)
	if m.state == delayed {
		q.delays--
	} else {
		q.ready.release(m)
	}
}

// show makes a hidden message available again.
func (q *queue) show(m *message) {
	q.unhide(m)
	m.state = ready
	q.ready.push(m)
}

// advance brings the index to the given time and returns the messages whose
// retention has ended; their rows are the caller's to delete. The caller holds mu.
func (q *queue) advance(now int64) (expired []*message) {
	for len(q.hidden) > 0 && q.hidden[0].visibleAt <= now {
		q.show(q.hidden[0])
	}
	if now < q.nextExpiry {
		return nil
	}
	// A scan of all messages, at most once a second; ordering them by age as
	// well would cost every send and delete.
	next := now + int64(maxRetention/time.Millisecond)
	for _, m := range q.messages {
		ends := m.sent + q.settings.retention
		if ends <= now {
			expired = append(expired, m)
		} else {
			next = min(next, ends)
		}
	}
	q.nextExpiry = max(next, now+1000)
	for _, m := range expired {
		q.remove(m)
	}
	return expired
}

// taken is what a receive takes out of the line.
type taken struct {
	delivered []message  // copies, as the receiver is to see them
	redriven  []*message // out of the index, on their way to the dead-letter queue
	full      bool       // nothing was given because too much is in flight
}

// take receives up to limit messages and hides them for visibility
// milliseconds. The caller holds mu and has called advance.
func (q *queue) take(now int64, limit int, visibility int64, redrive bool) (t taken) {
	var same *group
	for len(t.delivered) < limit && q.ready.inFlight < maxInFlight {
		m := q.ready.pop(same)
		if m == nil {
			break
		}
		if p := q.settings.redrive; redrive && p != nil && m.receives-m.earlier >= p.MaxReceiveCount {
			q.ready.release(m)
			m.state = gone
			delete(q.messages, m.id)
			q.kept.add(-len(m.body))
			// A copy goes: a queued write of this queue may still look at m.
			moved := *m
			moved.dirty = false
			t.redriven = append(t.redriven, &moved)
			continue
		}
		if q.ready.fifo {
			same = m.group
		}
		m.state = inFlight
		m.receives++
		m.received, m.visibleAt = now, now+visibility
		if m.first == 0 {
			m.first = now
		}
		heap.Push(&q.hidden, m)
		t.delivered = append(t.delivered, *m)
		q.mark(m)
	}
	t.full = q.ready.inFlight >= maxInFlight && q.ready.available()
	return t
}

// mark notes that m's row has to be written. The caller holds mu.
func (q *queue) mark(m *message) {
	if !m.dirty {
		q.dirty, m.dirty = append(q.dirty, m), true
	}
}

// hide changes when an in-flight message becomes visible. The caller holds mu.
func (q *queue) hide(m *message, visibleAt, now int64) {
	m.visibleAt = visibleAt
	if visibleAt <= now {
		q.show(m)
	} else {
		heap.Fix(&q.hidden, m.heapIndex)
	}
	q.mark(m)
}

// wake lets the longest waiting poll look again, if there is something for it;
// it wakes the next one when it leaves something. The caller holds mu.
func (q *queue) wake() {
	if len(q.waiters) > 0 && q.ready.available() {
		w := q.waiters[0]
		q.waiters = slices.Delete(q.waiters, 0, 1)
		w.wake <- struct{}{}
	}
}

// wakeAll lets every poll look again: the queue is deleted.
func (q *queue) wakeAll() {
	for _, w := range q.waiters {
		w.wake <- struct{}{}
	}
	q.waiters = nil
}

// enter and leave put a poll among the waiting ones and take it out.
func (q *queue) enter(w *waiter) { q.waiters = append(q.waiters, w) }

func (q *queue) leave(w *waiter) {
	if i := slices.Index(q.waiters, w); i >= 0 {
		q.waiters = slices.Delete(q.waiters, i, i+1)
	}
}

// arm sets the timer for the next hidden message, which only waiting polls need.
// The caller holds mu.
func (q *queue) arm(now int64) {
	if len(q.waiters) == 0 || len(q.hidden) == 0 {
		return
	}
	at := q.hidden[0].visibleAt
	if q.timerAt != 0 && q.timerAt <= at {
		return
	}
	q.timerAt = at
	d := time.Duration(at-now) * time.Millisecond
	if q.timer == nil {
		q.timer = time.AfterFunc(d, q.tick)
	} else {
		q.timer.Reset(d)
	}
}

// tick runs when a hidden message becomes visible while polls wait.
func (q *queue) tick() {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := now()
	q.timerAt = 0
	for len(q.hidden) > 0 && q.hidden[0].visibleAt <= t {
		q.show(q.hidden[0])
	}
	q.wake()
	q.arm(t)
}

// stop ends the queue's timer.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
	}
}

// poll is one receive: it takes what is there, or waits for it. It returns what
// it took, the messages that expired meanwhile, and whether the queue is gone.
type poll struct {
	limit      int
	visibility int64         // milliseconds
	wait       time.Duration // 0: a short poll
	redrive    bool          // the dead-letter queue exists
	hurry      <-chan struct{}
	closing    <-chan struct{}
}

func (q *queue) receive(ctx context.Context, p poll) (t taken, expired []*message, deleted bool) {
	w := &waiter{wake: make(chan struct{}, 1)}
	var end <-chan time.Time // set by the first wait

	q.mu.Lock()
	defer q.mu.Unlock()
	defer func() { // runs before the unlock
		q.leave(w)
		q.wake()
		q.arm(now())
	}()
	for waiting := p.wait > 0; ; {
		at := now()
		expired = append(expired, q.advance(at)...)
		// A client that has gone gets nothing: what it was given would be lost
		// until its visibility timeout.
		if q.deleted || ctx.Err() != nil {
			return t, expired, q.deleted
		}
		more := q.take(at, p.limit, p.visibility, p.redrive)
		if len(more.delivered) > 0 || len(more.redriven) > 0 || !waiting {
			return more, expired, false
		}
		if end == nil {
			timer := time.NewTimer(p.wait)
			defer timer.Stop()
			end = timer.C
		}
		q.leave(w)
		q.enter(w)
		q.arm(at)
		q.mu.Unlock()
		select {
		case <-w.wake:
		case <-end:
			waiting = false
		case <-p.hurry:
			waiting = false
		case <-p.closing:
			waiting = false
		case <-ctx.Done():
		}
		q.mu.Lock()
	}
}

// counts are the Approximate… attributes, exact here. The caller holds mu.
func (q *queue) counts() (visible, notVisible, delayed int) {
	return q.ready.n, q.ready.inFlight, q.delays
}
