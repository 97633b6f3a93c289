package producer_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// submitted returns a world in which job "x" of n tasks in chunks of four was
// sent, and forgets what is on the queue.
func submitted(t *testing.T, n int, state store.State) *world {
	t.Helper()
	w := newWorld()
	if _, err := w.producer(t).Submit(t.Context(), spec(n)); err != nil {
		t.Fatal(err)
	}
	j := w.jobs["x"]
	if j.State = state; state == store.Open {
		j.Confirmed = 0
	}
	w.jobs["x"] = j
	w.bodies, w.groups, w.confirms, w.calls = nil, nil, nil, 0
	return w
}

func spec(n int) producer.Spec {
	return producer.Spec{Job: "x", Handler: "h", Source: producer.Slice(ints(n)), Chunk: 4}
}

func root(first, size int) store.Child {
	c := store.Child{Identity: codec.RootIdentity(first), Attempt: 1}
	for i := range size {
		c.Indices = append(c.Indices, first+i)
	}
	return c
}

// sent renders the messages on the queue: identity, attempt and tasks.
func (w *world) sent(t *testing.T) (out []string) {
	t.Helper()
	for _, m := range w.decoded(t) {
		var tasks []string
		for k, arg := range m.Args {
			text, err := codec.MsgpackToJSON(arg)
			if err != nil {
				t.Fatal(err)
			}
			tasks = append(tasks, fmt.Sprintf("%d=%s", m.Index(k), text))
		}
		out = append(out, fmt.Sprintf("%s a%d: %s", m.Identity, m.Attempt, strings.Join(tasks, " ")))
	}
	return out
}

func TestResume(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		state   store.State
		pending []store.Child
		sent    []string
		report  producer.Report
		end     string
	}{
		{
			name: "nothing is missing, but the job was not sealed", state: store.Open,
			report: producer.Report{Skipped: 10}, end: "sealed 10/10",
		},
		{
			name: "nothing was sent", state: store.Open, pending: []store.Child{root(0, 4), root(4, 4), root(8, 2)},
			sent:   []string{"0 a1: 0=0 1=1 2=2 3=3", "4 a1: 4=4 5=5 6=6 7=7", "8 a1: 8=8 9=9"},
			report: producer.Report{Sent: 10, Messages: 3}, end: "sealed 10/10",
		},
		{
			name: "a message is missing", state: store.Sealed, pending: []store.Child{root(4, 4)},
			sent:   []string{"4 a1: 4=4 5=5 6=6 7=7"},
			report: producer.Report{Sent: 4, Skipped: 6, Messages: 1}, end: "sealed 10/10",
		},
		{
			name: "children are missing: they take their arguments from their root", state: store.Sealed,
			pending: []store.Child{
				{Identity: "0.1", Indices: []int{1, 3}, Attempt: 2},
				{Identity: "0.2.1", Indices: []int{2}, Attempt: 3},
				{Identity: "8.1", Indices: []int{8, 9}, Attempt: 1},
			},
			sent:   []string{"0.1 a2: 1=1 3=3", "0.2.1 a3: 2=2", "8.1 a1: 8=8 9=9"},
			report: producer.Report{Sent: 5, Skipped: 5, Messages: 3}, end: "sealed 10/10",
		},
		{
			name: "tasks that several retries share count once", state: store.Sealed,
			pending: []store.Child{
				{Identity: "0.r1.1", Indices: []int{1, 2}, Attempt: 2},
				{Identity: "0.r2.1", Indices: []int{1}, Attempt: 2},
			},
			sent:   []string{"0.r1.1 a2: 1=1 2=2", "0.r2.1 a2: 1=1"},
			report: producer.Report{Sent: 2, Skipped: 8, Messages: 2}, end: "sealed 10/10",
		},
		{
			name: "the job is done", state: store.Done, pending: []store.Child{root(0, 4)},
			report: producer.Report{Skipped: 10}, end: "done 10/10",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := submitted(t, 10, test.state)
			w.pending = test.pending
			report, err := w.producer(t).Submit(t.Context(), spec(10))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.sent, w.sent(t)); d != "" {
				t.Errorf("sent (-want +got):\n%s", d)
			}
			test.report.Resumed = true
			test.report.Job = w.jobs["x"]
			if d := cmp.Diff(test.report, report); d != "" {
				t.Errorf("report (-want +got):\n%s", d)
			}
			if got := w.state("x"); got != test.end {
				t.Errorf("the job is %s, want %s", got, test.end)
			}
		})
	}
}

func TestResumeKeepsThePlanOfTheFirstTime(t *testing.T) {
	t.Parallel()
	w := submitted(t, 10, store.Open)
	w.pending = []store.Child{root(0, 4), root(8, 2)}
	again := spec(10)
	again.Chunk = 1
	again.MaxAttempts = 99
	if _, err := w.producer(t).Submit(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0 a1: 0=0 1=1 2=2 3=3", "8 a1: 8=8 9=9"}, w.sent(t)); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	if w.jobs["x"].MaxAttempts != 3 {
		t.Error("the job's limits changed")
	}
}

func TestResumeOfAnOffloadedTask(t *testing.T) {
	t.Parallel()
	w := newWorld()
	big := producer.Spec{Job: "x", Handler: "h", Source: producer.Words([]string{"a", incompressible(1, 1<<20), "b"})}
	if _, err := w.producer(t).Submit(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	w.bodies = nil
	w.pending = []store.Child{{Identity: "1.1", Indices: []int{1}, Attempt: 2}}
	if _, err := w.producer(t).Submit(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	if got := w.tasks(t); len(got) != 1 || got[1] != strconv.Quote(incompressible(1, 1<<20)) || len(w.blobs) != 1 {
		t.Errorf("%d tasks and %d objects", len(got), len(w.blobs))
	}
}

func TestMessagesThatAreNotOfThePlanStopAResume(t *testing.T) {
	t.Parallel()
	for _, pending := range [][]store.Child{
		{root(3, 2)},
		{{Identity: "4.1", Indices: []int{9}, Attempt: 2}},
		{{Identity: "x", Indices: []int{9}, Attempt: 2}},
	} {
		w := submitted(t, 10, store.Open)
		w.pending = pending
		_, err := w.producer(t).Submit(t.Context(), spec(10))
		if _, ok := errors.AsType[*producer.PartlyEnqueuedError](err); !ok {
			t.Errorf("pending %v: %v", pending, err)
		}
		if got := w.state("x"); strings.HasPrefix(got, "sealed") {
			t.Errorf("the job is %s", got)
		}
	}
}
