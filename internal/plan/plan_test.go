package plan_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/plan"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/producer"
)

func numbers(n int) producer.Source {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return producer.Slice(all)
}

func TestInputsAreCountedAndIdentified(t *testing.T) {
	t.Parallel()
	measure := func(s producer.Source) plan.Input {
		t.Helper()
		in, err := plan.Measure(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := measure(numbers(100))
	if in.Tasks != 100 || in.Bytes != 100 || len(in.SHA) != 64 || in != measure(numbers(100)) {
		t.Errorf("%+v", in)
	}
	if other := measure(producer.Slice([]int{1, 2})); other.SHA == measure(producer.Slice([]int{2, 1})).SHA {
		t.Error("the order makes no difference")
	}
	if _, err := plan.Measure(t.Context(), numbers(0)); !errors.Is(err, plan.ErrEmpty) {
		t.Errorf("%v", err)
	}
	if _, err := plan.Measure(t.Context(), broken{}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := plan.Measure(ctx, numbers(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) { yield(nil, errBroken) }
}

func TestPicksAreSpreadOverTheInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tasks, n int
		want     []int
	}{{100, 4, []int{12, 37, 62, 87}}, {3, 5, []int{0, 1, 2}}, {5, 5, []int{0, 1, 2, 3, 4}}, {1, 1, []int{0}}, {10, 1, []int{5}}} {
		p, err := plan.Pick(t.Context(), numbers(c.tasks), c.tasks, c.n)
		var got []int
		for _, raw := range p {
			var v int
			if err := codec.Unmarshal(raw, &v); err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%d of %d: %v (-want +got):\n%s", c.n, c.tasks, err, diff)
		}
	}
	if _, err := plan.Pick(t.Context(), numbers(3), 10, 5); err == nil {
		t.Error("an input that has shrunk gives as many picks")
	}
	rapid.Check(t, func(t *rapid.T) {
		tasks, n := rapid.IntRange(1, 300).Draw(t, "tasks"), rapid.IntRange(1, 300).Draw(t, "n")
		p, err := plan.Pick(context.Background(), numbers(tasks), tasks, n)
		if err != nil || len(p) != min(n, tasks) {
			t.Fatalf("%d picks, %v", len(p), err)
		}
	})
}

// saved is a plan with all its facts, and the facts as they are now.
func saved(t *testing.T) (*plan.Saved, plan.Now) {
	t.Helper()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	s := &plan.Saved{
		Handler: "price", Input: plan.Input{Tasks: 10, Bytes: 20, SHA: "ab"}, Besides: []cost.EstimatedLine{{ID: "sqs.request"}, {ID: "dynamodb.wru"}},
		Quota: &quota.Quota{Kind: quota.OnDemand, Limit: quota.Figure{VCPU: 100, Known: true}, Used: quota.Figure{VCPU: 20, Known: true}},
		Plan:  &simulate.Plan{Tasks: 10, Lines: []simulate.Line{{Mode: "balanced"}}, Waves: []simulate.PlannedWave{}, Remedies: []simulate.Remedy{}},
	}
	if s.Prices, err = plan.PricesOf(book, cost.Fargate, cost.X86, cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}, s.Names()); err != nil {
		t.Fatal(err)
	}
	in, q, p := s.Input, *s.Quota, s.Prices
	p.Lines = map[string]cost.PicoUSD{"sqs.request": p.Lines["sqs.request"], "dynamodb.wru": p.Lines["dynamodb.wru"]}
	return s, plan.Now{Handler: "price", Input: &in, Quota: &q, Prices: &p}
}

func TestWhatNoLongerHoldsIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		edit    func(*plan.Now)
		says    []string
	}{
		{"nothing has moved", func(*plan.Now) {}, nil},
		{"a tenth is no move", func(n *plan.Now) { n.Quota.Used.VCPU = 28; n.Prices.WorkerHour += n.Prices.WorkerHour / 11 }, nil},
		{"others use the quota now", func(n *plan.Now) { n.Quota.Used.VCPU = 90 }, []string{"the quota: 80 of 100 vCPUs were free, 10 of 100 are now"}},
		{"the limit was raised", func(n *plan.Now) { n.Quota.Limit.VCPU = 1000 }, []string{"980 of 1000 are now"}},
		{"nobody tells the quota any more", func(n *plan.Now) { n.Quota.Used = quota.Figure{Why: "refused"} }, []string{"the quota: what is used is not known: refused"}},
		{"other tasks", func(n *plan.Now) { n.Input.SHA = "cd" }, []string{"the input: as many tasks, but others"}},
		{"more tasks", func(n *plan.Now) { n.Input.Tasks, n.Input.SHA = 12, "cd" }, []string{"the input: 10 tasks were planned, there are 12 now"}},
		{"dearer workers", func(n *plan.Now) { n.Prices.WorkerHour *= 2 }, []string{"the prices: a worker cost"}},
		{"cheaper requests", func(n *plan.Now) { n.Prices.Lines["sqs.request"] /= 2 }, []string{"the prices: a million of sqs.request"}},
		{"another Region", func(n *plan.Now) { n.Prices.Region = "eu-west-1" }, []string{"the prices: the plan is for us-east-1"}},
		{"another handler", func(n *plan.Now) { n.Handler = "risk" }, []string{"the handler: the plan is for price"}},
		{"everything at once", func(n *plan.Now) { n.Input.Tasks, n.Quota.Used.VCPU, n.Prices.WorkerHour = 1, 0, 1 }, []string{"the input", "the quota", "the prices"}},
		{"what nobody looked at holds", func(n *plan.Now) { *n = plan.Now{} }, nil},
	} {
		s, now := saved(t)
		c.edit(&now)
		got := s.Changes(now)
		ok := len(got) == len(c.says)
		for i := range got {
			ok = ok && strings.Contains(got[i], c.says[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q", c.because, got, c.says)
		}
	}
}

func TestPlansAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	s, _ := saved(t)
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := plan.Read(path)
	if diff := cmp.Diff(s, got, cmpopts.IgnoreUnexported(simulate.Plan{})); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := s.Write(filepath.Join(t.TempDir(), "no", "plan.json")); err == nil {
		t.Error("written into a directory that is not there")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

// Whatever the file holds, it is read or refused, and what is read can be compared.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"schema":1,"input":{"tasks":3},"prices":{"worker_hour_pico":1},"plan":{"lines":[{}]}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := plan.Read(path)
		if err != nil {
			return
		}
		in := s.Input
		if changes := s.Changes(plan.Now{Input: &in, Prices: &s.Prices}); len(changes) != 0 {
			t.Errorf("a plan differs from itself: %q", changes)
		}
	})
}
