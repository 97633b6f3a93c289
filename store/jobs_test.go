package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

func TestJobReadsBackAsCreated(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := newJob(t, 95)
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	got, err := s.Job(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(j, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
}

func TestCreateJobFillsInDefaults(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := newJob(t, 5000)
	j.Plan, j.Shards, j.MaxAttempts, j.State = store.Plan{Chunk: 1}, 0, 0, ""
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	got, err := s.Job(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	j.Shards, j.MaxAttempts, j.State = 8, 1, store.Open
	if d := cmp.Diff(j, got); d != "" {
		t.Errorf("job (-want +got):\n%s", d)
	}
}

func TestJobThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	if _, err := s.Job(t.Context(), "nope"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "nope") {
		t.Errorf("err = %v, want ErrNotFound that names the job", err)
	}
	if err := s.SetConfirmed(t.Context(), "nope", 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SetConfirmed: %v, want ErrNotFound", err)
	}
	if err := s.Seal(t.Context(), "nope"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Seal: %v, want ErrNotFound", err)
	}
}

func TestTableThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := store.New(client(t), "no-such-table")
	if _, err := s.Job(t.Context(), "j"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "init --create") {
		t.Errorf("err = %v, want ErrNotFound and what to do", err)
	}
}

func TestJobIDIsTakenOnce(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := newJob(t, 10)
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	other := j
	other.InputSHA, other.Created = [32]byte{9}, j.Created.Add(time.Second)
	exists, ok := errors.AsType[*store.JobExistsError](s.CreateJob(t.Context(), other))
	if !ok {
		t.Fatal("a taken id was not refused")
	}
	if d := cmp.Diff(j, exists.Existing); d != "" {
		t.Errorf("existing job (-want +got):\n%s", d)
	}
}

// Of many that create the same job at once, one wins and all others learn of
// it; a creation whose answer is lost recognises itself.
func TestRacingCreations(t *testing.T) {
	t.Parallel()
	s, c := setup(t)
	j := newJob(t, 10)
	results := make(chan error, 10)
	for range cap(results) {
		go func() { results <- s.CreateJob(t.Context(), j) }()
	}
	won := 0
	for range cap(results) {
		err := <-results
		if _, exists := errors.AsType[*store.JobExistsError](err); err == nil {
			won++
		} else if !exists {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d creations won, want 1", won)
	}
	lost := &faulty{Client: c, after: true, errs: faults(errServer, errServer)} // the index entry's answer, and META's
	j.ID += "-lost"
	if err := store.New(lost, s.Table(), store.WithRand(func() float64 { return 0 })).CreateJob(t.Context(), j); err != nil {
		t.Errorf("creation whose answer was lost: %v", err)
	}
	if len(lost.errs) != 0 {
		t.Error("the faults were not met")
	}
}

func TestInvalidJobsAreRefused(t *testing.T) {
	t.Parallel()
	s := store.New(newMemTable(1), "t")
	for _, tc := range []struct {
		name  string
		spoil func(j *store.Job)
		want  string
	}{
		{"no tasks", func(j *store.Job) { j.N = 0 }, "0 tasks"},
		{"more tasks than indices", func(j *store.Job) { j.N = 1<<31 + 1 }, "tasks"},
		{"no id", func(j *store.Job) { j.ID = "" }, "empty"},
		{"an id that would meet tasks without a job", func(j *store.Job) { j.ID = "~x" }, "~"},
		{"an id too long", func(j *store.Job) { j.ID = strings.Repeat("x", 129) }, "129 bytes"},
		{"an id that is no text", func(j *store.Job) { j.ID = "a\xff" }, "UTF-8"},
		{"no handler", func(j *store.Job) { j.Handler = "" }, "handler"},
		{"no fleet", func(j *store.Job) { j.Fleet = "" }, "fleet"},
		{"no plan", func(j *store.Job) { j.Plan = store.Plan{} }, "chunk"},
		{"a plan for fewer tasks", func(j *store.Job) { j.Plan = store.Plan{Sizes: []int{3, 6}} }, "9 tasks"},
		{"a message without tasks", func(j *store.Job) { j.Plan = store.Plan{Sizes: []int{10, 0}} }, "message 1"},
		{"too many shards", func(j *store.Job) { j.Shards = 65 }, "65 shards"},
		{"no time of creation", func(j *store.Job) { j.Created = time.Time{} }, "creation"},
	} {
		j := newJob(t, 10)
		tc.spoil(&j)
		if err := s.CreateJob(t.Context(), j); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: err = %v, want it to say %q", tc.name, err, tc.want)
		}
	}
}

func TestJobStates(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	end := created.Add(time.Minute)
	seal := func(id string) error { return s.Seal(t.Context(), id) }
	finish := func(state store.State) func(string) error {
		return func(id string) error { return s.Finish(t.Context(), id, state, end) }
	}
	confirm := func(n int) func(string) error {
		return func(id string) error { return s.SetConfirmed(t.Context(), id, n) }
	}
	for _, tc := range []struct {
		name      string
		steps     []func(id string) error
		state     store.State
		confirmed int
		refused   bool // the last step
	}{
		{"confirmed counts rise only", []func(string) error{confirm(4), confirm(7), confirm(5)}, store.Open, 7, false},
		{"not more are confirmed than there are", []func(string) error{confirm(10), confirm(11)}, store.Open, 10, false},
		{"sealing twice is sealing", []func(string) error{seal, seal}, store.Sealed, 0, false},
		{"a sealed job is done", []func(string) error{seal, finish(store.Done), finish(store.Done), seal}, store.Done, 0, false},
		{"a job may be done before its producer seals it", []func(string) error{finish(store.Done), seal}, store.Done, 0, false},
		{"a cancelled job cannot be sealed", []func(string) error{finish(store.Cancelled), seal}, store.Cancelled, 0, true},
		{"a cancelled job is not done", []func(string) error{seal, finish(store.Cancelled), finish(store.Done)}, store.Cancelled, 0, true},
		{"open is no end", []func(string) error{finish(store.Open)}, store.Open, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := storeJob(t, s, 10, 1, 1)
			for i, step := range tc.steps {
				err := step(j.ID)
				if wantErr := tc.refused && i == len(tc.steps)-1; (err != nil) != wantErr {
					t.Errorf("step %d: %v", i, err)
				}
			}
			got, err := s.Job(t.Context(), j.ID)
			if err != nil {
				t.Fatal(err)
			}
			j.State, j.Confirmed = tc.state, tc.confirmed
			if tc.state == store.Done || tc.state == store.Cancelled {
				j.Finished = end
			}
			if d := cmp.Diff(j, got); d != "" {
				t.Errorf("job (-want +got):\n%s", d)
			}
		})
	}
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	var want []string
	for i := range 7 { // over several months, one a fortnight
		j := newJob(t, 10)
		j.ID = fmt.Sprintf("job-%d", i)
		j.Created, j.Expires = created.Add(-time.Duration(i)*14*24*time.Hour), created.Add(time.Hour)
		if err := s.CreateJob(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		want = append(want, j.ID)
	}
	expired := newJob(t, 10)
	expired.Created, expired.Expires = created.Add(-48*time.Hour), created.Add(-time.Hour)
	if err := s.CreateJob(t.Context(), expired); err != nil {
		t.Fatal(err)
	}
	list := func(since time.Time, most int) (ids []string) {
		for j, err := range s.Jobs(t.Context(), since) {
			if err != nil {
				t.Fatal(err)
			}
			if ids = append(ids, j.ID); len(ids) == most {
				break
			}
		}
		return ids
	}
	if d := cmp.Diff(want, list(time.Time{}, -1)); d != "" {
		t.Errorf("all jobs (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[:3], list(created.Add(-28*24*time.Hour), -1)); d != "" {
		t.Errorf("jobs of four weeks (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[:2], list(time.Time{}, 2)); d != "" {
		t.Errorf("the last two (-want +got):\n%s", d)
	}
}

func TestExtendJobMovesEveryItem(t *testing.T) {
	t.Parallel()
	s, c := setup(t)
	j := storeJob(t, s, 30, 10, 4)
	for i := 0; i < 30; i += 10 {
		put(t, s, j, resultOf(j, idOf(i), span(i, 10)...))
	}
	later := j.Expires.Add(time.Hour)
	for _, exp := range []time.Time{later, j.Expires} { // the second is earlier and changes nothing
		if err := s.ExtendJob(t.Context(), j.ID, exp); err != nil {
			t.Fatal(err)
		}
	}
	now := store.WithClock(func() time.Time { return later.Add(-time.Second) })
	got, err := store.New(c, s.Table(), now).Job(t.Context(), j.ID)
	if err != nil || !got.Expires.Equal(later) {
		t.Fatalf("job expires %v, %v; want %v", got.Expires, err, later)
	}
	r, ok, err := s.Result(t.Context(), got, "20")
	if err != nil || !ok || !r.Expires.Equal(later) {
		t.Errorf("result expires %v, %v, %v; want %v", r.Expires, ok, err, later)
	}
}

// refusing fails every call, as a table that cannot be reached.
type refusing struct{ store.API }

func (refusing) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return nil, errServer
}

func TestReadingGivesUpAfterItsPatience(t *testing.T) {
	t.Parallel()
	s := store.New(refusing{}, "t", store.WithPatience(50*time.Millisecond))
	if _, err := s.Job(t.Context(), "j"); err == nil || !strings.Contains(err.Error(), `read job "j"`) {
		t.Errorf("err = %v, want the failure with what was tried", err)
	}
}
