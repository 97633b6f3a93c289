package consumer

import (
	"context"
	"sync"
)

// running knows the messages whose handlers are running, by job, so that a
// cancelled job's can be ended. The zero value is ready to use.
type running struct {
	mu   sync.Mutex // protects the fields below
	next int
	runs map[int]jobRun
}

type jobRun struct {
	job    string
	cancel context.CancelCauseFunc
}

// add registers a run; the returned function removes it.
func (r *running) add(job string, cancel context.CancelCauseFunc) (remove func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs == nil {
		r.runs = map[int]jobRun{}
	}
	id := r.next
	r.next++
	r.runs[id] = jobRun{job, cancel}
	return func() {
		r.mu.Lock()
		delete(r.runs, id)
		r.mu.Unlock()
	}
}

// cancel ends the runs of cancelled jobs with ErrCancelled.
func (r *running) cancel(cancelled func(job string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.runs {
		if cancelled(run.job) {
			run.cancel(ErrCancelled)
		}
	}
}
