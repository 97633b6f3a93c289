package consumer

import (
	"io"
	"sync"
)

// Group is what the tasks of one message have in common while a worker runs
// them one after another. A handler that hands tasks to another process uses it
// to send several at once, and to keep a connection from one task to the next.
type Group struct {
	run *chunkRun

	mu     sync.Mutex // protects the fields below
	kept   io.Closer
	closed bool
}

// Next returns up to n tasks that will be run after t, in order; none for a nil Group. They
// are a forecast: the worker may still end the message's run before them.
func (g *Group) Next(t Task, n int) []Task {
	if g == nil {
		return nil
	}
	at := t.position + 1
	n = max(0, min(n, len(g.run.outcomes)-at))
	next := make([]Task, n)
	for k := range next {
		next[k] = g.run.task(at + k)
	}
	return next
}

// Kept returns what Keep was last given; nil before, and for a nil Group.
func (g *Group) Kept() io.Closer {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kept
}

// Keep holds c for the message's further tasks. It is closed when the run ends,
// also while a handler that had to be abandoned still uses it; at once when the run has ended already.
// Keep of a nil Group closes nothing and returns false: c stays the caller's.
func (g *Group) Keep(c io.Closer) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	g.kept = c
	closed := g.closed
	g.mu.Unlock()
	if closed {
		_ = c.Close()
	}
	return true
}

// close ends the group with its run.
func (g *Group) close() {
	g.mu.Lock()
	g.closed = true
	c := g.kept
	g.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}
