package burst

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// TestMain is also the endpoint and the worker of the sessions under test.
func TestMain(m *testing.M) {
	handled, err := role.Run(context.Background(), consumer.Registry{
		"double": func(_ context.Context, t consumer.Task) ([]byte, error) {
			var i int
			if err := codec.Unmarshal(t.Arg, &i); err != nil {
				return nil, consumer.BadArgument("double", err)
			}
			return codec.Marshal(2 * i)
		},
		"timed": timed,
	})
	if handled {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testmain.Run(m))
}

func open(t *testing.T, c Config) *Session {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Endpoint = []string{self}
	if c.Command == nil {
		c.Command, c.Env = []string{self}, []string{role.Env + "=" + role.Worker}
	}
	c.Workers, c.Slots, c.Handlers = max(2, c.Workers), 1, append(c.Handlers, "double")
	if c.State == "" {
		c.State = strings.ReplaceAll(t.Name(), "/", "-")
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestEachDecisionIsStoredWithItsReason(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Range{From: 1, To: 2000, Step: 1}, Chunk: 10})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range s.Follow(t.Context(), job) {
		if err != nil || r.Failure != nil {
			t.Fatalf("result %d: %v %+v", n, err, r.Failure)
		}
		n++
	}
	if n != 2000 {
		t.Errorf("%d results, want 2000", n)
	}
	if done, err := s.Store().Job(t.Context(), job.ID); err != nil || done.State != store.Done {
		t.Errorf("the job is %v, %v; want done", done.State, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.loop.Drain(ctx, "test", nil); err != nil {
		t.Fatal(err)
	}
	highest, last := 0, store.Decision{}
	for d, err := range s.Store().Decisions(t.Context(), "default", time.Now().Add(-time.Hour), time.Now().Add(time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Reason == "" {
			t.Errorf("decision %d has no reason", d.Seq)
		}
		highest, last = max(highest, d.Want), d
	}
	if highest < 1 || highest > 2 || last.Want != 0 {
		t.Errorf("the fleet was sized up to %d and last to %d; want 1 or 2, then 0", highest, last.Want)
	}
}

func TestWorkersThatDoNotStayUpEndTheWait(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Command: []string{"/bin/sh", "-c", "echo no such thing >&2; exit 3"}})
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Words([]string{"a"})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, err = range s.Follow(ctx, job) {
		break
	}
	if exit.CodeOf(err) != exit.Failed || !strings.Contains(err.Error(), "do not stay up") {
		t.Errorf("the wait ended with %v, want that the workers do not stay up", err)
	}
}

func TestStatesInUseAreNumbered(t *testing.T) {
	t.Parallel()
	first := open(t, Config{State: "numbered"})
	second := open(t, Config{State: "numbered"})
	if first.State() != "numbered" || second.State() != "numbered-2" {
		t.Errorf("states %q and %q, want numbered and numbered-2", first.State(), second.State())
	}
}

func TestSubmitErrorsHaveExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want exit.Code
	}{
		{producer.ErrEmptyJob, exit.Usage},
		{&producer.InputError{Source: "f", Err: errors.New("x")}, exit.Usage},
		{&producer.SpecError{Field: "Chunk", Rule: "is odd"}, exit.Usage},
		{&producer.JobConflictError{Differs: "input"}, exit.Usage},
		{&producer.ArgumentTooLargeError{}, exit.Usage},
		{&producer.PartlyEnqueuedError{Err: errors.New("x")}, exit.Partly},
		{errors.New("other"), exit.Failed},
	} {
		if got := exit.CodeOf(submitError(c.err)); got != c.want {
			t.Errorf("%T: exit code %d, want %d", c.err, got, c.want)
		}
	}
}
