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

// doubtTTL is how long a missing job is remembered as missing, and a cancelled one as
// cancelled: the first may be made, the second resumed.
const doubtTTL = 5 * time.Second

// jobs remembers META items: what a worker needs of them never changes, so one
// read a job is enough. Which jobs are cancelled comes from the control item.
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

// isStale reports whether META must be read again: it was missing or cancelled a
// while ago, or its job has expired and the id may have been given to another since.
func (e *jobEntry) isStale(now time.Time) bool {
	switch {
	case !e.isReady():
		return false
	case e.err != nil, e.job.State == store.Cancelled:
		return now.Sub(e.asked) > doubtTTL
	}
	return !e.job.Expires.IsZero() && now.After(e.job.Expires)
}

func newJobs(read func(ctx context.Context, id string) (store.Job, error), deadMan time.Duration) *jobs {
	return &jobs{read: read, deadMan: deadMan, known: map[string]*jobEntry{}, cancelled: map[string]bool{}}
}

// get returns the job's META, reading it once however many slots ask. Each waits
// no longer than its own context: the reader's may be about to hang.
func (j *jobs) get(ctx context.Context, id string) (store.Job, error) {
	j.mu.Lock()
	e := j.known[id]
	mine := e == nil || e.isStale(time.Now())
	if mine {
		if len(j.known) >= jobCacheLimit {
			clear(j.known)
		}
		e = &jobEntry{ready: make(chan struct{}), asked: time.Now()}
		j.known[id] = e
	}
	j.mu.Unlock()
	if mine {
		e.job, e.err = j.read(ctx, id)
		if e.err != nil && !errors.Is(e.err, store.ErrNotFound) {
			j.forget(id, e) // a passing fault: the next message asks again
		}
		close(e.ready)
	}
	select {
	case <-e.ready:
		return e.job, e.err
	case <-ctx.Done():
		return store.Job{}, fmt.Errorf("read job %s: %w", id, context.Cause(ctx))
	}
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
	j.mu.Unlock()
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
