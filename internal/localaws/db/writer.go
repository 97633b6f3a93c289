package db

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// maxGroup and maxGroupTime bound a transaction: the first member waits for
	// all that joined it, and the WAL holds all that they wrote.
	maxGroup     = 1024
	maxGroupTime = 20 * time.Millisecond
)

// member is one function of a group.
type member struct {
	write func(tx *Tx) error
	done  chan error // capacity 1; nil when nobody waits
}

// writer runs members in transactions on its own goroutine.
type writer struct {
	tx      Tx
	onError func(error)
	wake    chan struct{} // capacity 1: pending has something to do now
	ended   chan struct{} // closed when the goroutine has returned

	mu      sync.Mutex // protects the fields below
	pending []member
	urgent  bool // pending holds a member that somebody waits for
	timer   bool // a wake-up for lazy members is scheduled
	stopped bool
	reports sync.Pool
}

func startWriter(c *Conn, onError func(error)) *writer {
	w := &writer{
		tx:      Tx{Conn: c},
		onError: onError,
		wake:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	w.reports.New = func() any { return make(chan error, 1) }
	go w.run()
	return w
}

func (w *writer) update(ctx context.Context, write func(tx *Tx) error) error {
	done := w.reports.Get().(chan error) //nolint:forcetypeassert // the pool holds nothing else
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return ErrClosed
	}
	w.pending = append(w.pending, member{write, done})
	w.urgent = true
	w.mu.Unlock()
	w.signal()
	select {
	case err := <-done:
		w.reports.Put(done)
		return err
	case <-ctx.Done():
		return ctx.Err() // done is not reused: the writer still answers into it
	}
}

func (w *writer) queue(write func(tx *Tx) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	w.pending = append(w.pending, member{write, nil})
	if !w.timer && !w.urgent {
		w.timer = true
		time.AfterFunc(LazyDelay, w.signal)
	}
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	defer close(w.ended)
	var group []member // swapped with pending, so that neither is allocated anew
	for range w.wake {
		for {
			w.gather()
			w.mu.Lock()
			waiting, stopped := len(w.pending), w.stopped
			if waiting > 0 {
				group, w.pending = w.pending, group[:0]
			}
			w.urgent, w.timer = false, false
			w.mu.Unlock()
			if waiting == 0 && stopped {
				return
			}
			if waiting == 0 {
				break
			}
			for rest := group; len(rest) > 0; {
				rest = rest[w.commit(rest):]
			}
			clear(group)
		}
	}
}

// gather lets goroutines that are ready to run do so while that brings new
// members: on a busy machine they are about to call update, and each commit less
// saves more than all of them wait. On an idle machine it costs nothing.
func (w *writer) gather() {
	const turns = 4
	before := w.count()
	for range turns {
		runtime.Gosched()
		n := w.count()
		if n == before {
			return
		}
		before = n
	}
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending)
}

// commit runs members from the front of all in one transaction, answers them
// and returns how many it took.
func (w *writer) commit(all []member) (taken int) {
	if _, err := w.tx.exec(`BEGIN IMMEDIATE`); err != nil {
		return w.answer(all[:1], nil, fmt.Errorf("begin: %w", err))
	}
	started := time.Now()
	errs := make([]error, 0, min(len(all), maxGroup))
	for _, m := range all {
		err := w.call(m.write)
		errs = append(errs, err)
		if err != nil && w.tx.wrote > 0 {
			_, rollback := w.tx.exec(`ROLLBACK`)
			return w.answer(all[:len(errs)], errs,
				errors.Join(fmt.Errorf("rolled back because a write of the same group failed half way: %w", err), rollback))
		}
		if len(errs) == maxGroup || time.Since(started) > maxGroupTime {
			break
		}
	}
	if _, err := w.tx.exec(`COMMIT`); err != nil {
		// SQLite has usually ended the transaction itself (full disk, I/O
		// error); then this fails and says so, which is of no interest.
		_, _ = w.tx.exec(`ROLLBACK`)
		return w.answer(all[:len(errs)], errs, fmt.Errorf("commit: %w", err))
	}
	return w.answer(all[:len(errs)], errs, nil)
}

// call runs one member; a panic becomes its error, as net/http does for the
// request that it belongs to.
func (w *writer) call(write func(tx *Tx) error) (err error) {
	w.tx.wrote = 0
	defer func() {
		if p := recover(); p != nil {
			w.tx.wrote++ // unknown: assume that it wrote
			err = fmt.Errorf("panic in a database write: %v\n%s", p, debug.Stack())
		}
	}()
	return write(&w.tx)
}

// answer gives every member its own error, or the group's.
func (w *writer) answer(members []member, errs []error, group error) int {
	if group != nil {
		w.onError(group)
	}
	for i, m := range members {
		err := group
		if i < len(errs) && errs[i] != nil {
			err = errs[i]
		}
		switch {
		case m.done != nil:
			m.done <- err
		case err != nil && group == nil:
			w.onError(fmt.Errorf("queued write: %w", err))
		}
	}
	return len(members)
}

// stop runs what is pending, then ends the goroutine and closes the connection.
func (w *writer) stop() error {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.signal()
	<-w.ended
	return w.tx.close()
}
