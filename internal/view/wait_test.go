package view

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/store"
)

// Jobs are yielded in the order in which they end, not in that of the list.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		job := func(id string, ends time.Duration, failed int) *Looker {
			j := store.Job{ID: id, Fleet: "f", Handler: "h", N: 4, Confirmed: 4, State: store.Sealed, Created: begun, Plan: store.Plan{Chunk: 1}}
			return &Looker{Store: &ending{table: &table{job: j, count: store.Count{OK: 4 - failed, Failed: failed}}, at: begun.Add(ends)}, Job: id, FailuresEvery: -1}
		}
		never := func(State) bool { return false }
		wait := func(ctx context.Context, enough func(State) bool, between func(context.Context) error, looks ...*Looker) (ids []string, err error) {
			for s, e := range Wait(ctx, looks, 2*time.Second, enough, between) {
				if err = e; err == nil {
					ids = append(ids, s.Job)
				}
			}
			return ids, err
		}
		ids, err := wait(t.Context(), never, nil, job("late", time.Minute, 0), job("soon", 5*time.Second, 1), job("now", 0, 0))
		if !slices.Equal(ids, []string{"now", "soon", "late"}) || err != nil {
			t.Errorf("%v, %v", ids, err)
		}
		if took := time.Since(begun); took < time.Minute || took > time.Minute+2*time.Second {
			t.Errorf("it took %v", took)
		}

		begun = time.Now()
		ids, err = wait(t.Context(), func(s State) bool { return s.Tasks.Total == 4 }, nil, job("a", time.Hour, 0))
		if !slices.Equal(ids, []string{"a"}) || err != nil || time.Since(begun) > 0 {
			t.Errorf("enough at once: %v, %v after %v", ids, err, time.Since(begun))
		}

		ctx, cancel := context.WithTimeoutCause(t.Context(), 7*time.Second, errTooLong)
		defer cancel()
		if ids, err := wait(ctx, never, nil, job("late", time.Hour, 0)); len(ids) > 0 || !errors.Is(err, errTooLong) {
			t.Errorf("the end of the context: %v, %v", ids, err)
		}
		crash := errors.New("the workers die")
		if _, err := wait(t.Context(), never, func(context.Context) error { return crash }, job("late", time.Hour, 0)); !errors.Is(err, crash) {
			t.Errorf("between: %v", err)
		}
		gone := job("a", time.Hour, 0)
		gone.Job = "b"
		if _, err := wait(t.Context(), never, nil, gone); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a job that is not there: %v", err)
		}
	})
}

var errTooLong = errors.New("too long")

// ending is a job that is done from a time on.
type ending struct {
	*table
	at time.Time
}

func (e *ending) Job(ctx context.Context, id string) (store.Job, error) {
	j, err := e.table.Job(ctx, id)
	if !time.Now().Before(e.at) {
		j.State, j.Finished = store.Done, e.at
	}
	return j, err
}

func (e *ending) Recount(ctx context.Context, j store.Job) (store.Count, error) {
	if j.State != store.Done {
		return store.Count{Missing: []store.Range{{From: 0, To: j.N}}}, nil
	}
	return e.table.Recount(ctx, j)
}
