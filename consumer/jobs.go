package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/starburst-go/starburst/store"
)

// jobCacheLimit bounds the jobs remembered; a worker rarely meets more at once.
const jobCacheLimit = 256

// How long META is believed. A job that is missing may be made any moment; of one
// that is there only the state changes, and the control item tells of that sooner.
const (
	missingTTL = 5 * time.Second
	metaTTL    = time.Minute
)

// jobs remembers META items. Which jobs are cancelled comes from the control item
// first; META has the last word.
type jobs struct {
	read func(ctx context.Context, id string) (store.Job, error)

	mu        sync.Mutex // protects the maps
	known     map[string]*jobEntry
	cancelled map[string]bool
	paused    bool
	// leaderAt is when the fleet's leader last gave a sign of life; zero before the
	// first. deadMan is how long it may be silent; zero means for ever.
	leaderAt time.Time
	deadMan  time.Duration
	heardAt  time.Time // when the control item was last read
}

type jobEntry struct {
	ready chan struct{} // closed when job and err are set
	job   store.Job
	err   error
	asked time.Time
}

// isReady reports whether job and err are set.
func (e *jobEntry) isReady() bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// isStale reports whether META must be read again.
func (e *jobEntry) isStale(now time.Time) bool {
	switch {
	case !e.isReady():
		return false
	case e.err != nil:
		return now.Sub(e.asked) > missingTTL
	}
	return now.Sub(e.asked) > metaTTL || e.expired(now)
}

// expired reports whether the id may have been given to another job since.
func (e *jobEntry) expired(now time.Time) bool {
	return !e.job.Expires.IsZero() && now.After(e.job.Expires)
}

func newJobs(read func(ctx context.Context, id string) (store.Job, error), deadMan time.Duration) *jobs {
	return &jobs{read: read, deadMan: deadMan, heardAt: time.Now(), known: map[string]*jobEntry{}, cancelled: map[string]bool{}}
}

// get returns the job's META, reading it once however many slots ask. Each waits
// no longer than its own context: the reader's may be about to hang.
func (j *jobs) get(ctx context.Context, id string) (store.Job, error) {
	j.mu.Lock()
	e, before := j.known[id], (*jobEntry)(nil)
	mine := e == nil || e.isStale(time.Now())
	if mine {
		e, before = j.ask(id), e
	}
	j.mu.Unlock()
	if mine {
		j.answer(ctx, id, e, before)
	}
	select {
	case <-e.ready:
		return e.job, e.err
	case <-ctx.Done():
		return store.Job{}, fmt.Errorf("read job %s: %w", id, context.Cause(ctx))
	}
}

// ask makes an entry that its maker must answer. Callers hold mu.
func (j *jobs) ask(id string) *jobEntry {
	if len(j.known) >= jobCacheLimit {
		clear(j.known)
	}
	e := &jobEntry{ready: make(chan struct{}), asked: time.Now()}
	j.known[id] = e
	return e
}

// answer reads META into e. While the table is out of reach, what was known before,
// if anything, stays good.
func (j *jobs) answer(ctx context.Context, id string, e, before *jobEntry) {
	e.job, e.err = j.read(ctx, id)
	if e.err != nil && !errors.Is(e.err, store.ErrNotFound) {
		if before != nil && before.err == nil && !before.expired(time.Now()) {
			e.job, e.err = before.job, nil
		} else {
			j.forget(id, e) // a passing fault: the next message asks again
		}
	}
	close(e.ready)
}

// confirm reads META now and reports whether it says that the job is cancelled.
func (j *jobs) confirm(ctx context.Context, id string) (bool, error) {
	j.mu.Lock()
	e := j.ask(id)
	j.mu.Unlock()
	j.answer(ctx, id, e, nil)
	return e.err == nil && e.job.State == store.Cancelled, e.err
}

func (j *jobs) forget(id string, e *jobEntry) {
	j.mu.Lock()
	if j.known[id] == e {
		delete(j.known, id)
	}
	j.mu.Unlock()
}

// control takes over what the leader says.
func (j *jobs) control(c store.Control) {
	cancelled := make(map[string]bool, len(c.Cancelled))
	for _, id := range c.Cancelled {
		cancelled[id] = true
	}
	j.mu.Lock()
	j.cancelled, j.paused, j.leaderAt = cancelled, c.Paused || c.Draining, c.LeaderAt
	j.heardAt = time.Now()
	j.mu.Unlock()
}

// heard is when the leader's word was last read.
func (j *jobs) heard() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.heardAt
}

// isCancelled tells what the control item says, or what META said when it was read.
func (j *jobs) isCancelled(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id == "" {
		return false
	}
	e := j.known[id]
	return j.cancelled[id] || e != nil && e.isReady() && e.job.State == store.Cancelled
}

// isPaused reports whether no new work is to be taken: the leader says so, or has
// been silent for so long that nobody watches what is spent any more. A control
// item that cannot be read ages like one that is not written.
func (j *jobs) isPaused() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.paused || j.deadMan > 0 && !j.leaderAt.IsZero() && time.Since(j.leaderAt) > j.deadMan
}
