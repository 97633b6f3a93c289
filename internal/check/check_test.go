package check_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/store"
)

func Example() {
	r := check.TotalQueue(check.History{
		Enqueued: []check.Enqueue{{Element: "a", Outcome: check.Acknowledged}, {Element: "b", Outcome: check.Acknowledged}, {Element: "c"}},
		Dequeued: []string{"a", "c", "a"},
	})
	fmt.Println(r)
	fmt.Println(r.Lost)
	// Output:
	// 3 enqueued, 2 acknowledged, 2 came out, 1 lost, 0 unexpected, 1 duplicated, 1 recovered
	// [b]
}

func TestHistories(t *testing.T) {
	t.Parallel()
	type enq = check.Enqueue
	for _, c := range []struct {
		name  string
		h     check.History
		want  check.QueueReport
		valid bool
	}{
		{"nothing happened", check.History{}, check.QueueReport{}, true},
		{
			"what went in came out",
			check.History{[]enq{{"a", check.Acknowledged}, {"b", check.Acknowledged}}, []string{"b", "a"}},
			check.QueueReport{Attempts: 2, Acknowledged: 2, OK: 2}, true,
		},
		{
			"an acknowledged element is lost",
			check.History{[]enq{{"a", check.Acknowledged}, {"b", check.Acknowledged}}, []string{"a"}},
			check.QueueReport{Attempts: 2, Acknowledged: 2, OK: 1, Lost: []string{"b"}}, false,
		},
		{
			"an element came from nowhere",
			check.History{[]enq{{"a", check.Acknowledged}}, []string{"a", "x"}},
			check.QueueReport{Attempts: 1, Acknowledged: 1, OK: 1, Unexpected: []string{"x"}}, false,
		},
		{
			"an element came twice: counted, allowed",
			check.History{[]enq{{"a", check.Acknowledged}}, []string{"a", "a", "a"}},
			check.QueueReport{Attempts: 1, Acknowledged: 1, OK: 1, Duplicated: 2}, true,
		},
		{
			"an element of unknown outcome came out: recovered",
			check.History{[]enq{{"a", check.Unknown}}, []string{"a"}},
			check.QueueReport{Attempts: 1, OK: 1, Recovered: 1}, true,
		},
		{
			"an element of unknown outcome did not come out: allowed",
			check.History{[]enq{{"a", check.Unknown}}, nil},
			check.QueueReport{Attempts: 1}, true,
		},
		{
			"a refused element came out",
			check.History{[]enq{{"a", check.Refused}}, []string{"a"}},
			check.QueueReport{Attempts: 1, OK: 1, Revived: 1}, false,
		},
		{
			"the same element enqueued twice and acknowledged twice has to come twice",
			check.History{[]enq{{"a", check.Acknowledged}, {"a", check.Acknowledged}}, []string{"a"}},
			check.QueueReport{Attempts: 2, Acknowledged: 2, OK: 1, Lost: []string{"a"}}, false,
		},
		{
			"a first try broke off, the second was acknowledged, and both arrived",
			check.History{[]enq{{"a", check.Unknown}, {"a", check.Acknowledged}}, []string{"a", "a"}},
			check.QueueReport{Attempts: 2, Acknowledged: 1, OK: 2, Recovered: 1}, true,
		},
	} {
		got := check.TotalQueue(c.h)
		if diff := cmp.Diff(c.want, got); diff != "" || (got.Err() == nil) != c.valid {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, got.Err(), diff)
		}
	}
}

// Whatever is removed from a good history's output is reported as lost, and
// whatever is added and was never tried as unexpected.
func TestEveryLossAndEveryStrangerIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "n")
		var h check.History
		var lost, strange []string
		for i := range n {
			e := fmt.Sprintf("%03d", i)
			h.Enqueued = append(h.Enqueued, check.Enqueue{Element: e, Outcome: check.Acknowledged})
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				h.Dequeued = append(h.Dequeued, e)
			}
			switch rapid.IntRange(0, 5).Draw(t, "fault") {
			case 0:
				h.Dequeued = slices.DeleteFunc(h.Dequeued, func(x string) bool { return x == e })
				lost = append(lost, e)
			case 1:
				strange = append(strange, "x"+e)
				h.Dequeued = append(h.Dequeued, "x"+e)
			}
		}
		r := check.TotalQueue(h)
		if !slices.Equal(r.Lost, lost) || !slices.Equal(r.Unexpected, strange) {
			t.Fatalf("lost %v, unexpected %v; want %v, %v", r.Lost, r.Unexpected, lost, strange)
		}
	})
}

// good is the state of a job of four tasks without any fault: one message was
// settled in two pieces, and one worker's ledger lags behind.
func good() check.State {
	ok := func(indices ...int) (s []store.Settled) {
		for _, i := range indices {
			s = append(s, store.Settled{Index: i, Value: []byte{0xc0}})
		}
		return s
	}
	return check.State{
		Job: store.Job{ID: "j", N: 4, Plan: store.Plan{Chunk: 2}, Shards: 1, Created: time.Unix(1, 0)},
		Items: []store.Result{
			{Identity: "0", Worker: "a", Attempt: 1, Settled: ok(0, 1)},
			{Identity: "2", Worker: "a", Attempt: 1, Settled: ok(2), Children: []store.Child{{Identity: "2.1", Indices: []int{3}, Attempt: 1}}},
			{Identity: "2.1", Worker: "b", Attempt: 1, Settled: []store.Settled{{Index: 3, Failure: &store.Failure{Kind: store.FailError}}}},
		},
		Count: store.Count{OK: 3, Failed: 1},
		Ledgers: []store.Ledger{
			{Worker: "a", Jobs: map[string]store.JobCount{"j": {OK: 2}}},
			{Worker: "b", Jobs: map[string]store.JobCount{"j": {Failed: 1}}},
		},
	}
}

func TestARetriedFailureCountsOnce(t *testing.T) {
	t.Parallel()
	s := good()
	retry := func(id codec.Identity, worker string, failure *store.Failure, count store.JobCount) {
		// In front, since items are read in no order.
		s.Items = append([]store.Result{{Identity: id, Worker: worker, Attempt: 1, Settled: []store.Settled{{Index: 3, Failure: failure}}}}, s.Items...)
		s.Ledgers = append(s.Ledgers, store.Ledger{Worker: worker, Jobs: map[string]store.JobCount{"j": count}})
	}
	retry("2.1.r1", "c", &store.Failure{Kind: store.FailError}, store.JobCount{})
	retry("2.1.r2", "d", nil, store.JobCount{OK: 1, Failed: -1})
	s.Ledgers[0].Jobs["j"] = store.JobCount{OK: 3}
	s.Count = store.Count{OK: 4}
	for _, v := range check.Table(s, check.Want{FirstAttempt: true, Counted: 1}) {
		t.Error(v)
	}
}

func TestEachPlantedViolationIsCaught(t *testing.T) {
	t.Parallel()
	want := check.Want{Failed: 1, Counted: 0.6, FirstAttempt: true}
	for _, c := range []struct {
		name  string
		plant func(*check.State)
		rules []string
	}{
		{"nothing is planted", func(*check.State) {}, nil},
		{
			"a task is settled twice, by two messages",
			func(s *check.State) {
				s.Items[0].Settled = append(s.Items[0].Settled, store.Settled{Index: 2})
			},
			[]string{check.OneResult, check.Complete},
		},
		{
			"a task is settled twice and its neighbour never, so that the sums are right",
			func(s *check.State) { s.Items[0].Settled[1].Index = 2 },
			[]string{check.OneResult, check.FewResults},
		},
		{"a task that the job does not have", func(s *check.State) { s.Items[0].Settled[1].Index = 9 }, []string{check.OneResult, check.FewResults}},
		{"an item is gone", func(s *check.State) { s.Items = s.Items[:2] }, []string{check.FewResults, check.Failures, check.Complete, check.Ledgers, check.Ledgers}},
		{"a ledger counts one too many", func(s *check.State) { s.Ledgers[0].Jobs["j"] = store.JobCount{OK: 4} }, []string{check.Ledgers, check.Ledgers}},
		{
			"a ledger counts what another worker's put settled, within the sum",
			func(s *check.State) {
				s.Ledgers[0].Jobs["j"], s.Ledgers[1].Jobs["j"] = store.JobCount{OK: 1, Failed: 1}, store.JobCount{OK: 1}
			},
			[]string{check.Ledgers, check.Ledgers},
		},
		{"ledgers count a quarter of the tasks", func(s *check.State) { s.Ledgers = s.Ledgers[:1] }, []string{check.Lagging}},
		{"a task that had succeeded was run again", func(s *check.State) {
			s.Items = append(s.Items, store.Result{Identity: "2.r1", Worker: "c", Attempt: 1, Settled: []store.Settled{{Index: 2}}})
		}, []string{check.OneResult, check.Complete}},
		{"a worker has two ledgers", func(s *check.State) {
			s.Ledgers = append(s.Ledgers, store.Ledger{Worker: "b"})
		}, []string{check.Ledgers}},
		{"the recount misses a task", func(s *check.State) {
			s.Count = store.Count{OK: 2, Failed: 1, Missing: []store.Range{{From: 0, To: 1}}}
		}, []string{check.Complete}},
		{"the recount meets strays", func(s *check.State) { s.Count.Strays = 1 }, []string{check.Complete}},
		{"the recount fails", func(s *check.State) { s.CountErr = errors.New("inconsistent") }, []string{check.Complete}},
		{"a message is left visible", func(s *check.State) { s.Queue.Visible = 1 }, []string{check.Drained}},
		{"a message is left in flight", func(s *check.State) { s.Queue.InFlight = 1 }, []string{check.Drained}},
		{"a message is left delayed", func(s *check.State) { s.Queue.Delayed = 1 }, []string{check.Drained}},
		{"a message in the dead-letter queue", func(s *check.State) { s.DLQ.Visible = 1 }, []string{check.DeadLetter}},
		{"an attempt count is raised", func(s *check.State) { s.Items[0].Attempt = 2 }, []string{check.Attempts}},
		{"a task failed that should not have", func(s *check.State) {
			s.Items[0].Settled[0].Failure = &store.Failure{}
			s.Count = store.Count{OK: 2, Failed: 2}
			s.Ledgers[0].Jobs["j"] = store.JobCount{OK: 1, Failed: 1}
		}, []string{check.Failures}},
	} {
		s := good()
		c.plant(&s)
		var got []string
		for _, v := range check.Table(s, want) {
			got = append(got, v.Rule)
		}
		if !slices.Equal(got, c.rules) {
			t.Errorf("%s: %q broken, want %q\n%v", c.name, got, c.rules, check.Table(s, want))
		}
	}
}

func TestIdentitiesOfTheExampleAreLegal(t *testing.T) {
	t.Parallel()
	for _, r := range good().Items {
		if !r.Identity.Valid() {
			t.Error(r.Identity)
		}
	}
}
