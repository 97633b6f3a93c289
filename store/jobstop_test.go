package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/starburst-go/starburst/store"
)

func TestAStoppedJobSaysWhyAndCanBeResumed(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 10, 1, 1)
	have := func(state store.State, why string, capPico int64) {
		t.Helper()
		got, err := s.Job(t.Context(), j.ID)
		if err != nil || got.State != state || got.Why != why || got.MaxCostPico != capPico || got.Finished.IsZero() != (state != store.Cancelled) {
			t.Errorf("%s because of %q, cap %d, finished %v, %v; want %s because of %q, cap %d", got.State, got.Why, got.MaxCostPico, got.Finished, err, state, why, capPico)
		}
	}
	var state *store.StateError
	if err := s.ResumeJob(t.Context(), j.ID, j.MaxCostPico+1); !errors.As(err, &state) || state.Have != store.Open {
		t.Errorf("resuming an open job: %v", err)
	}
	stop := func(why string, capPico int64, want bool) {
		t.Helper()
		if cancelled, err := s.StopJob(t.Context(), j.ID, why, capPico, created.Add(time.Hour)); err != nil || cancelled != want {
			t.Errorf("StopJob: %v, %v; want %v", cancelled, err, want)
		}
	}
	stop("an old cap", j.MaxCostPico-1, false)
	stop("$5 spent", j.MaxCostPico, true)
	have(store.Cancelled, "$5 spent", j.MaxCostPico)
	stop("again", j.MaxCostPico, true)
	have(store.Cancelled, "$5 spent", j.MaxCostPico)
	if err := s.ResumeJob(t.Context(), j.ID, 9); err != nil {
		t.Fatal(err)
	}
	if err := s.ResumeJob(t.Context(), j.ID, 9); err != nil {
		t.Errorf("resuming it again: %v", err)
	}
	have(store.Open, "", 9)
	stop("whoever has not read of the new cap", j.MaxCostPico, false)
	have(store.Open, "", 9)
	if err := s.Finish(t.Context(), j.ID, store.Cancelled, created.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.ResumeJob(t.Context(), j.ID, 9); !errors.As(err, &state) || state.Have != store.Cancelled {
		t.Errorf("resuming what a person cancelled: %v", err)
	}
	if _, err := s.StopJob(t.Context(), "nosuch", "x", 9, created); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stopping no job: %v", err)
	}
}
