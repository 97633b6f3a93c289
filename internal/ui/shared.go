package ui

import (
	"context"
	"sync"
	"time"
)

// readTimeout bounds one reading of the table or a queue.
const readTimeout = time.Minute

// shared is something that many want to see and one reads: once at a time, and no more often than somebody wants it newer.
type shared[T any] struct {
	read func(ctx context.Context, now time.Time) (T, error)
	home *home

	mu      sync.Mutex
	last    reading[T]
	running chan struct{} // closed when the reading under way ends; nil when there is none
	used    time.Time
}

// reading is what was read last. Err is that of the last try; the value is then that of an earlier one, or zero when Known is false.
type reading[T any] struct {
	Value T
	Known bool
	Err   error
	At    time.Time
}

// home is where readings live: they go on when who asked first has left, and end with it.
type home struct {
	ctx context.Context //nolint:containedctx // the server's life, which readings share
	wg  sync.WaitGroup
	now func() time.Time
}

// get returns a reading that is no older than that, when one can be had before ctx ends; else what is there.
func (s *shared[T]) get(ctx context.Context, older time.Duration) reading[T] {
	s.mu.Lock()
	now := s.home.now()
	s.used = now
	if !s.last.At.IsZero() && now.Sub(s.last.At) < older {
		defer s.mu.Unlock()
		return s.last
	}
	if s.running == nil && s.home.ctx.Err() == nil {
		s.running = make(chan struct{})
		s.home.wg.Go(s.renew)
	}
	wait := s.running
	s.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// renew reads anew. Only one runs at a time.
func (s *shared[T]) renew() {
	ctx, cancel := context.WithTimeout(s.home.ctx, readTimeout)
	defer cancel()
	value, err := s.read(ctx, s.home.now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.Err, s.last.At = err, s.home.now()
	if err == nil {
		s.last.Value, s.last.Known = value, true
	}
	close(s.running)
	s.running = nil
}

// forget makes the next get read anew.
func (s *shared[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.At = time.Time{}
}

// idle reports whether nobody has wanted it for so long.
func (s *shared[T]) idle(now time.Time, long time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running == nil && now.Sub(s.used) >= long
}
