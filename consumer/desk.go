package consumer

import (
	"sync"
	"time"
)

// desk brings together what a worker's hands work on: messages that wait for a slot, and slots.
//
// A hand is a goroutine that takes one message after the other. It has a slot while the handler runs; then it leaves the
// slot to another hand and records the outcome itself. So a message costs one wake-up of a goroutine, where
// goroutines of their own for slots, handlers and records would hand it on four times, and the hands' stacks are grown once.
// There are more hands than slots, so that slots need not wait for the table.
type desk struct {
	mu      sync.Mutex // protects the fields below
	change  *sync.Cond // of free, hands and patience
	free    int        // slots
	slots   int        // in all
	waiting []*delivery
	idle    []chan *delivery // hands without work, the last that came on top: its memory is warm
	hands   int              // that have not left
	closed  bool
}

func newDesk(slots int) *desk {
	d := &desk{free: slots, slots: slots}
	d.change = sync.NewCond(&d.mu)
	return d
}

// put adds a message, and gives it to a hand if a slot is free.
func (d *desk) put(m *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = append(d.waiting, m)
	d.assign()
}

// assign gives the waiting messages to idle hands while there are free slots. The caller holds mu.
func (d *desk) assign() {
	for !d.closed && d.free > 0 && len(d.waiting) > 0 && len(d.idle) > 0 {
		last := len(d.idle) - 1
		d.idle[last] <- d.take() // there is room for one
		d.idle = d.idle[:last]
	}
}

// take takes a slot and the oldest message. The caller holds mu.
func (d *desk) take() *delivery {
	m := d.waiting[0]
	d.waiting[0] = nil
	d.waiting = d.waiting[1:]
	d.free--
	return m
}

// next returns the next message for a hand, with a slot for it; nil when the hand is to leave. seat is the hand's own, with room for one.
func (d *desk) next(seat chan *delivery) *delivery {
	d.mu.Lock()
	switch {
	case d.closed:
		d.mu.Unlock()
		return nil
	case d.free > 0 && len(d.waiting) > 0:
		defer d.mu.Unlock()
		return d.take()
	}
	d.idle = append(d.idle, seat)
	d.mu.Unlock()
	return <-seat
}

// leave gives a slot back.
func (d *desk) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free++
	d.assign()
	d.change.Broadcast()
}

// count changes the number of hands.
func (d *desk) count(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hands += by
	d.change.Broadcast()
}

// backlog is how many messages wait.
func (d *desk) backlog() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting)
}

// clear takes all messages away that no hand has taken.
func (d *desk) clear() []*delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.waiting
	d.waiting = nil
	return all
}

// close lets no hand begin anything more, and idle ones go.
func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, seat := range d.idle {
		close(seat)
	}
	d.idle = nil
}

// awaitSlots waits until all slots are free, but no longer than patience, and reports whether they are.
func (d *desk) awaitSlots(patience time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	over := false
	defer time.AfterFunc(patience, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		over = true
		d.change.Broadcast()
	}).Stop()
	for d.free < d.slots && !over {
		d.change.Wait()
	}
	return d.free == d.slots
}

// awaitHands waits until all hands have gone, but for as many as have a slot still.
func (d *desk) awaitHands() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.hands > d.slots-d.free {
		d.change.Wait()
	}
}
