package burst

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// stored makes a job in the session's table that ended as state at the time.
func stored(t *testing.T, s *Session, id string, state store.State, at time.Time) store.Job {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	j := store.Job{ID: id, Handler: "double", Fleet: "default", N: 1, Plan: store.Plan{Chunk: 1}, Created: now, Expires: now.Add(time.Hour)}
	if err := s.store.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if state == store.Open {
		return j
	}
	if err := s.store.Finish(t.Context(), id, state, at); err != nil {
		t.Fatal(err)
	}
	return j
}

func (s *Session) namedCancelled(t *testing.T) []string {
	t.Helper()
	c, err := s.store.Control(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return c.Cancelled
}

func TestCancelledJobsDropOutOfTheControlItem(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Autoscale: Autoscale{Manual: true}})
	now := time.Now()
	stored(t, s, "old", store.Cancelled, now.Add(-time.Hour))
	stored(t, s, "recent", store.Cancelled, now)
	stored(t, s, "another-of-that-id", store.Open, now)
	job := stored(t, s, "this", store.Cancelled, now)
	set := func(ids ...string) {
		t.Helper()
		if err := s.store.PutControl(t.Context(), "default", store.Control{Cancelled: ids, Released: []string{"w"}}); err != nil {
			t.Fatal(err)
		}
	}
	tell := func() []string {
		t.Helper()
		if err := s.tellCancelled(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		return s.namedCancelled(t)
	}
	set("old", "recent", "another-of-that-id", "expired")
	if diff := cmp.Diff([]string{"recent", "this"}, tell()); diff != "" {
		t.Errorf("named with an empty queue (-want +got):\n%s", diff)
	}
	// A message of a job that nobody runs: the queue is not empty.
	if _, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Words([]string{"x"})}); err != nil {
		t.Fatal(err)
	}
	set("old", "recent")
	if diff := cmp.Diff([]string{"old", "recent", "this"}, tell()); diff != "" {
		t.Errorf("named while there may be messages (-want +got):\n%s", diff)
	}
	// More than may be named: the oldest go.
	var many []string
	for i := range maxCancelled {
		id := fmt.Sprintf("many-%03d", i)
		stored(t, s, id, store.Cancelled, now.Add(time.Duration(i)*time.Second))
		many = append(many, id)
	}
	set(append(many, "old", "recent")...)
	got := tell()
	if len(got) != maxCancelled || slices.Contains(got, "old") || slices.Contains(got, "many-000") || !slices.Contains(got, "many-255") || !slices.Contains(got, "this") {
		t.Errorf("%d jobs are named, from %s to %s; want the %d latest", len(got), got[0], got[len(got)-1], maxCancelled)
	}
}

func TestANewJobIsNotTakenForAnExpiredOneThatWasCancelled(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	if err := s.store.PutControl(t.Context(), "default", store.Control{Cancelled: []string{"again", "other"}}); err != nil {
		t.Fatal(err)
	}
	job, err := s.Submit(t.Context(), producer.Spec{Job: "again", Handler: "double", Source: producer.Range{From: 1, To: 5, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range s.Follow(t.Context(), job) {
		if err != nil || r.Failure != nil {
			t.Fatal(err, r.Failure)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d results, want 5", n)
	}
	if diff := cmp.Diff([]string{"other"}, s.namedCancelled(t)); diff != "" {
		t.Errorf("still named (-want +got):\n%s", diff)
	}
}

func TestCancelWithoutWorkersDoesNotWait(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Autoscale: Autoscale{Manual: true}})
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Range{From: 1, To: 5, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	did, err := s.Cancel(t.Context(), job.ID)
	if err != nil || did.Count.OK+did.Count.Failed != 0 || did.Job.N != 5 || did.Unheard != 0 {
		t.Errorf("cancel: %+v, %v", did, err)
	}
	if took := time.Since(start); took > laptopControlEvery {
		t.Errorf("it took %v although nobody had to be told", took)
	}
	for _, err = range s.Follow(t.Context(), job) {
		break
	}
	var cancelled *CancelledError
	if !errors.As(err, &cancelled) || exit.CodeOf(err) != exit.Failed {
		t.Errorf("following it: %v", err)
	}
}

func TestWorkersAreHeardOf(t *testing.T) {
	t.Parallel()
	now := time.Now()
	read := now.Add(-time.Second)
	for _, c := range []struct {
		name           string
		l              store.Ledger
		alive, unheard int
	}{
		{"busy, and silent since", store.Ledger{Busy: 1, Updated: read.Add(-time.Second)}, 1, 1},
		{"holding messages, and silent since", store.Ledger{Held: 1, Updated: read.Add(-time.Second)}, 1, 1},
		{"busy, and heard of since", store.Ledger{Busy: 1, Updated: now}, 1, 0},
		{"idle", store.Ledger{Updated: read.Add(-time.Second)}, 1, 0},
		{"ended", store.Ledger{Final: true, Busy: 1, Updated: now}, 0, 0},
		{"dead", store.Ledger{Busy: 1, Updated: now.Add(-2 * sample.DefaultAliveFor)}, 0, 0},
	} {
		if alive, unheard := heard([]store.Ledger{c.l}, now, read); alive != c.alive || unheard != c.unheard {
			t.Errorf("%s: %d alive, %d unheard; want %d and %d", c.name, alive, unheard, c.alive, c.unheard)
		}
	}
}
