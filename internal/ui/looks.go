package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// Store is the part of the table that the page reads; *store.Store has it.
type Store interface {
	view.Store
	dlq.Records
}

// look is one look at a job.
type look struct {
	State     view.State
	Series    view.Series
	Decisions []store.Decision
}

// looks holds what is known of each job that somebody watches.
type looks struct {
	store Store
	bills bill.Config
	home  *home

	mu   sync.Mutex
	jobs map[string]*shared[look]
}

// Bounds of what is kept of jobs that nobody watches any more.
const (
	maxWatched  = 200
	forgetAfter = 10 * time.Minute
)

// of returns the job's shared look.
func (l *looks) of(id string) *shared[look] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, has := l.jobs[id]; has {
		return s
	}
	l.tidy()
	looker := &view.Looker{Store: l.store, Job: id, Bills: l.bills}
	s := &shared[look]{home: l.home, used: l.home.now(), read: func(ctx context.Context, now time.Time) (look, error) {
		state, err := looker.Look(ctx, now)
		if err != nil {
			return look{}, err
		}
		in := looker.Input()
		return look{State: state, Series: view.SeriesOf(in, state), Decisions: in.Decisions}, nil
	}}
	l.jobs[id] = s
	return s
}

// tidy forgets jobs that nobody watches. When too many are watched, all that rest are forgotten: they are read anew.
func (l *looks) tidy() {
	long := forgetAfter
	if len(l.jobs) >= maxWatched {
		long = 0
	}
	now := l.home.now()
	for id, s := range l.jobs {
		if s.idle(now, long) {
			delete(l.jobs, id)
		}
	}
}

// notFound reports whether it is known that there is no such job.
func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
