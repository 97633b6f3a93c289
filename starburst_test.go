package starburst_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/internal/exit"
)

// session opens a laptop session with a state of its own.
func session(t *testing.T, c starburst.Config) *starburst.Session {
	t.Helper()
	if c.State == "" {
		c.State = fmt.Sprintf("t%d", time.Now().UnixNano())
	}
	c.Progress = io.Discard
	s, err := starburst.New(c, handlers...)
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

func TestMapIsTypedAndInOrder(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	in := make([]point, 500)
	for i := range in {
		in[i] = point{X: float64(i), Y: -1.5, Name: fmt.Sprint("p", i), Tags: []string{"a", ""}, Extra: map[string]int{"n": i}}
	}
	out, err := starburst.Map(t.Context(), s, mirror, in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		in[i].X, in[i].Y = in[i].Y, in[i].X
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if got, err := starburst.Map(t.Context(), s, mirror, nil); err != nil || got == nil || len(got) != 0 {
		t.Errorf("mapping nothing: %v, %v; want an empty slice", got, err)
	}
}

func TestNilAndZeroResultsStayInTheirPlaces(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	out, err := starburst.Map(t.Context(), s, half, []int{0, 1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	zero, one := 0, 1
	if diff := cmp.Diff([]*int{&zero, nil, &one, nil}, out); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestFailedTasksLeaveTheOthersResults(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	out, err := starburst.Map(t.Context(), s, picky, []int{0, 1, 2, 3, 4, 5}, starburst.WithMaxAttempts(2))
	if diff := cmp.Diff([]string{"0 0 1", "1 1 1", "2 2 1", "", "4 4 1", ""}, out); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	var failed *starburst.TaskErrors
	if !errors.As(err, &failed) || exit.CodeOf(err) != exit.TasksFail {
		t.Fatalf("error %v with exit code %d, want *TaskErrors with 3", err, exit.CodeOf(err))
	}
	type short struct {
		Index, Attempts int
		Kind, Message   string
	}
	var got []short
	for _, f := range failed.Failed {
		got = append(got, short{f.Index, f.Attempts, f.Kind, f.Message})
	}
	want := []short{{3, 1, "error", "three is not allowed"}, {5, 2, "panic", "panic: five!"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestAJobOutlivesItsSession(t *testing.T) {
	t.Parallel()
	state := fmt.Sprintf("outlive%d", time.Now().UnixNano())
	first := session(t, starburst.Config{State: state})
	in := make([]int, 1000)
	for i := range in {
		in[i] = i
	}
	job, err := starburst.Submit(t.Context(), first, slow, in, starburst.WithID("kept"), starburst.WithChunk(10))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := session(t, starburst.Config{State: state})
	again, err := starburst.Attach[int](t.Context(), second, job.ID())
	if err != nil {
		t.Fatal(err)
	}
	out, err := again.Wait(t.Context())
	if err != nil || len(out) != len(in) {
		t.Fatalf("%d results, %v", len(out), err)
	}
	for i, v := range out {
		if v != i*i {
			t.Fatalf("result %d is %d", i, v)
		}
	}
	// The same id again with the same arguments runs nothing; with others it is refused.
	if again, err := starburst.Map(t.Context(), second, slow, in, starburst.WithID("kept")); err != nil || len(again) != len(in) {
		t.Errorf("mapping the same job again: %d results, %v", len(again), err)
	}
	if _, err := starburst.Map(t.Context(), second, slow, in[:10], starburst.WithID("kept")); exit.CodeOf(err) != exit.Usage {
		t.Errorf("other arguments under the same id: %v, want exit code 2", err)
	}
	if _, err := starburst.Attach[int](t.Context(), second, "nosuch"); exit.CodeOf(err) != exit.NotFound {
		t.Errorf("attach to nothing: %v, want exit code 5", err)
	}
}

func TestAHandlerThatMainDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	_, err := starburst.Map(t.Context(), s, unregistered, []int{1})
	if exit.CodeOf(err) != exit.Usage || exit.HintOf(err) == "" {
		t.Errorf("error %v, code %d, hint %q; want code 2 with a hint", err, exit.CodeOf(err), exit.HintOf(err))
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	job, err := starburst.Submit(ctx, s, slow, make([]int, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range job.Results(ctx) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the wait ended with %v, want context.Canceled", err)
			}
			return
		}
		if n++; n == 10 {
			cancel()
		}
	}
	t.Error("the sequence ended without an error")
}

func TestAJobWritesItsReport(t *testing.T) {
	t.Parallel()
	s := session(t, starburst.Config{})
	file := filepath.Join(t.TempDir(), "report.html")
	for _, wrong := range []string{"report.pdf", filepath.Join(t.TempDir(), "none", "report.html")} {
		if _, err := starburst.Map(t.Context(), s, half, []int{1}, starburst.WithReport(wrong)); exit.CodeOf(err) != exit.Usage {
			t.Errorf("a report %q: %v", wrong, err)
		}
	}
	j, err := starburst.Submit(t.Context(), s, half, []int{0, 2, 4}, starburst.WithReport(file))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var md strings.Builder
	if err := j.Report(t.Context(), &md, starburst.ReportMarkdown); err != nil || !strings.Contains(md.String(), "**tasks**: 3: 3 ok") || !strings.Contains(md.String(), "The bill") {
		t.Errorf("%v: %s", err, md.String())
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page, err := os.ReadFile(file); err != nil || !strings.Contains(string(page), j.ID()) || !strings.Contains(string(page), "as if on Fargate") {
		t.Errorf("%v: %d bytes", err, len(page))
	}
}
