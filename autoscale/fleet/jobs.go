package fleet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/store"
)

// Jobs is the part of the store that knows jobs; *store.Store has it.
type Jobs interface {
	Job(ctx context.Context, id string) (store.Job, error)
	Jobs(ctx context.Context, since time.Time) iter.Seq2[store.Job, error]
}

const (
	// horizon is how far back the first search looks: beyond it no message lives
	// (SQS keeps a message at most 14 days).
	horizon = 14 * 24 * time.Hour
	// overlap makes up for clocks that differ between us and the producers.
	overlap = 5 * time.Minute
	// rereadEvery is how often a sealed job is read again: only its state can change.
	rereadEvery = 10 * time.Second
	// dormantEvery is how often an ended job is read again, and dormantMost how many
	// are; of what is taken up again unnoticed, the messages count as those of strangers.
	dormantEvery = 30 * time.Second
	dormantMost  = 50
)

// roster is the list of the fleet's unfinished jobs.
type roster struct {
	// every is how often the job index is searched for jobs that nobody told us about.
	// Their messages count meanwhile, as those of strangers, and their caps are not held.
	every time.Duration
	store Jobs
	fleet string
	log   *slog.Logger

	refreshing sync.Mutex        // serialises refresh, which asks the store; protects jobs and discovered
	jobs       []entry           // in the order they became known
	discovered time.Time         // when the index was last searched
	finished   map[string]string // the handlers of jobs that have ended, by id

	mu    sync.Mutex // protects asked; never held while the store is asked
	asked []string   // jobs to watch that refresh has not taken over yet
}

// entry is a job as last read; zero read means that only its id is known. A dormant
// one has ended and may be taken up again: resumed with another cap, or its failed tasks retried.
type entry struct {
	id      string
	job     store.Job
	read    time.Time
	dormant bool
}

// watch adds a job that has not been read yet.
func (r *roster) watch(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, id)
}

// takeOver makes entries of the jobs that somebody asked to watch.
func (r *roster) takeOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.asked {
		if r.find(id) < 0 {
			r.jobs = append(r.jobs, entry{id: id})
		}
	}
	r.asked = nil
}

func (r *roster) find(id string) int {
	return slices.IndexFunc(r.jobs, func(e entry) bool { return e.id == id })
}

// refresh brings the roster up to date with one call to the store at most, and returns the unfinished jobs.
func (r *roster) refresh(ctx context.Context, now time.Time) ([]store.Job, error) {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	r.takeOver()
	due := r.due(now)
	var err error
	switch {
	// A job that somebody asked to watch is about to run; the search can wait a tick.
	case due != nil && due.read.IsZero():
		err = r.reread(ctx, due, now)
	case now.Sub(r.discovered) >= r.every:
		err = r.discover(ctx, now)
	case due != nil:
		err = r.reread(ctx, due, now)
	}
	if err != nil {
		return nil, err
	}
	var jobs []store.Job
	for _, e := range r.jobs {
		if !e.read.IsZero() && !e.dormant {
			jobs = append(jobs, e.job)
		}
	}
	return jobs, nil
}

// due returns the job that has waited longest to be read again, if any has waited long enough. The number
// of confirmed tasks of an open job changes all the time.
func (r *roster) due(now time.Time) *entry {
	var oldest *entry
	for i := range r.jobs {
		e := &r.jobs[i]
		age := now.Sub(e.read)
		if e.dormant && age < dormantEvery || e.job.State == store.Sealed && age < rereadEvery {
			continue
		}
		if oldest == nil || e.read.Before(oldest.read) {
			oldest = e
		}
	}
	return oldest
}

func (r *roster) reread(ctx context.Context, e *entry, now time.Time) error {
	j, err := r.store.Job(ctx, e.id)
	switch {
	case err == nil && (unfinished(j) || r.mayWake(e, j)):
		e.job, e.read, e.dormant = j, now, !unfinished(j)
		if e.dormant {
			r.remember(j)
		}
		return nil
	case unreadable(err):
		r.log.Warn("a job cannot be read; its messages are counted like those of strangers", "job", e.id, "error", err)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("read job %s: %w", e.id, err)
	}
	i := r.find(e.id)
	r.jobs = slices.Delete(r.jobs, i, i+1)
	return nil
}

// mayWake reports whether an ended job is kept to be looked at again.
func (r *roster) mayWake(e *entry, j store.Job) bool {
	if j.State != store.Done && j.Why == "" {
		return false // a person's cancel is for good
	}
	dormant := 0
	for i := range r.jobs {
		if r.jobs[i].dormant {
			dormant++
		}
	}
	return e.dormant || dormant < dormantMost
}

// discover adds the fleet's unfinished jobs that were created since the last search.
func (r *roster) discover(ctx context.Context, now time.Time) error {
	since := now.Add(-horizon)
	if !r.discovered.IsZero() {
		since = r.discovered.Add(-overlap)
	}
	var found []entry
	for j, err := range r.store.Jobs(ctx, since) {
		if unreadable(err) {
			r.log.Warn("the job index holds a job that cannot be read; older ones are not searched", "error", err)
			break
		}
		if err != nil {
			return fmt.Errorf("search the job index: %w", err)
		}
		switch {
		case j.Fleet != r.fleet:
		case unfinished(j):
			found = append(found, entry{id: j.ID, job: j, read: now})
		default:
			r.remember(j)
		}
	}
	for _, f := range found {
		if i := r.find(f.id); i >= 0 {
			r.jobs[i] = f
		} else {
			r.jobs = append(r.jobs, f)
		}
	}
	r.discovered = now
	return nil
}

// maxFinished bounds the ended jobs that are remembered; the newest come first in a search.
const maxFinished = 500

// remember keeps the handler of a job that has ended: how long its tasks took is what is known of the next one's.
func (r *roster) remember(j store.Job) {
	if r.finished == nil {
		r.finished = map[string]string{}
	}
	if _, known := r.finished[j.ID]; known || len(r.finished) < maxFinished {
		r.finished[j.ID] = j.Handler
	}
}

// handlers returns the handlers of jobs that have ended.
func (r *roster) handlers() map[string]string {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	return maps.Clone(r.finished)
}

// unreadable reports an item that will never be readable. One such job must not stop the whole fleet.
func unreadable(err error) bool {
	var corrupt *store.CorruptError
	return errors.As(err, &corrupt)
}

func unfinished(j store.Job) bool { return j.State == store.Open || j.State == store.Sealed }
