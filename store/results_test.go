package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

func TestResultReadsBackAsWritten(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 100, 10, 4)
	r := resultOf(j, "20", 20, 21, 24)
	r.Settled[1].Value = []byte{0xc0}
	r.Settled = append(r.Settled, failedTask(25))
	r.Children = []store.Child{
		{Identity: "20.1", Indices: []int{22, 23, 26}, Attempt: 2},
		{Identity: "20.2", Indices: []int{27, 28, 29}, Attempt: 1},
	}
	put(t, s, j, r)
	got, ok, err := s.Result(t.Context(), j, "20")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d := cmp.Diff(r, got); d != "" {
		t.Errorf("result (-want +got):\n%s", d)
	}
	if _, ok, err := s.Result(t.Context(), j, "20.1"); ok || err != nil {
		t.Errorf("the child's item: %v, %v; want none", ok, err)
	}
	have, err := s.HasResults(t.Context(), j, []codec.Identity{"20", "20.1", "30", "20"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[codec.Identity]bool{"20": true}, have); d != "" {
		t.Errorf("HasResults (-want +got):\n%s", d)
	}
}

func TestHasResultsOfMoreThanABatch(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 250, 1, 8)
	var ids []codec.Identity
	want := map[codec.Identity]bool{}
	for i := range 250 {
		ids = append(ids, codec.RootIdentity(i))
		if i%3 == 0 {
			put(t, s, j, resultOf(j, ids[i], i))
			want[ids[i]] = true
		}
	}
	have, err := s.HasResults(t.Context(), j, ids)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("HasResults (-want +got):\n%s", d)
	}
}

func TestEmptyAndNilValuesStay(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 5, 5, 1)
	r := resultOf(j, "0", 0, 1, 2, 3, 4)
	for i, v := range [][]byte{nil, {0xc0}, {0x00}, {0xa0}, {0x90}} { // nothing, nil, 0, "", []
		r.Settled[i].Value = v
	}
	put(t, s, j, r)
	got, err := collect(s.Results(t.Context(), j, store.ReadOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	r.Settled[0].Value = []byte{0xc0} // no value is the value nil
	if d := cmp.Diff(r.Settled, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

func TestTaskWithoutJob(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := resultOf(store.Job{}, "0", 0)
	r.ID, r.Expires = "3f0c#7", created.Add(time.Hour)
	put(t, s, store.Job{}, r)
	if out, err := s.PutResult(t.Context(), store.Job{}, withToken(r, "other")); out != store.Refused || err != nil {
		t.Errorf("another's result: %v, %v; want refused", out, err)
	}
	got, ok, err := s.LooseResult(t.Context(), r.ID, "0")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d := cmp.Diff(r, got); d != "" {
		t.Errorf("result (-want +got):\n%s", d)
	}
}

func withToken(r store.Result, token string) store.Result {
	r.Token = token
	return r
}

// faulty makes calls fail. A failing call with after set does its work first, as when an answer is lost.
type faulty struct {
	*dynamodb.Client
	after bool
	errs  chan error // one a call; none left means no fault
}

func (f *faulty) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	select {
	case fault := <-f.errs:
		if f.after {
			if _, err := f.Client.PutItem(ctx, in, o...); err != nil {
				return nil, err
			}
		}
		return nil, fault
	default:
		return f.Client.PutItem(ctx, in, o...)
	}
}

func faults(errs ...error) chan error {
	c := make(chan error, len(errs))
	for _, e := range errs {
		c <- e
	}
	return c
}

var (
	errThrottled = &types.ProvisionedThroughputExceededException{}
	errServer    = &types.InternalServerError{}
)

func TestPutResultOutcomes(t *testing.T) {
	t.Parallel()
	s, c := setup(t)
	j := storeJob(t, s, 100, 10, 4)
	noWait := store.WithRand(func() float64 { return 0 })
	for _, tc := range []struct {
		name  string
		prior string // token of an item that is there before
		fault *faulty
		want  store.PutOutcome
	}{
		{name: "the first writer writes", want: store.Written},
		{name: "a zombie that comes late is refused", prior: "another", want: store.Refused},
		{name: "our own earlier attempt landed", prior: "me", want: store.Mine},
		{name: "throttling is waited out", fault: &faulty{errs: faults(errThrottled, errThrottled, errThrottled)}, want: store.Written},
		{name: "server errors are waited out", fault: &faulty{errs: faults(errServer, errServer)}, want: store.Written},
		{name: "an answer that was lost is found out by the token", fault: &faulty{after: true, errs: faults(errServer)}, want: store.Mine},
		{name: "a lost answer does not make another's item ours", prior: "another", fault: &faulty{after: true, errs: faults(errServer)}, want: store.Refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := j
			j.ID += tc.name // items of their own
			if tc.prior != "" {
				put(t, s, j, withToken(resultOf(j, "0", span(0, 10)...), tc.prior))
			}
			s := s
			if tc.fault != nil {
				tc.fault.Client = c
				s = store.New(tc.fault, s.Table(), noWait)
			}
			got, err := s.PutResult(t.Context(), j, withToken(resultOf(j, "0", span(0, 10)...), "me"))
			if err != nil || got != tc.want {
				t.Errorf("PutResult = %v, %v; want %v", got, err, tc.want)
			}
			wantToken := "me"
			if tc.prior != "" {
				wantToken = tc.prior
			}
			have, ok, err := s.Result(t.Context(), j, "0")
			if err != nil || !ok || have.Token != wantToken {
				t.Errorf("the item's token is %q, %v, %v; want %q", have.Token, ok, err, wantToken)
			}
		})
	}
}

func TestPutResultGivesUpWithItsContextOnly(t *testing.T) {
	t.Parallel()
	s, c := setup(t)
	j := storeJob(t, s, 10, 10, 1)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	down := putFunc{c, func() error {
		if calls++; calls == 50 { // more attempts than any retryer of the SDK makes
			cancel()
		}
		return errThrottled
	}}
	_, err := store.New(down, s.Table(), store.WithRand(func() float64 { return .0001 })).
		PutResult(ctx, j, resultOf(j, "0", span(0, 10)...))
	if calls != 50 || !errors.As(err, new(*types.ProvisionedThroughputExceededException)) {
		t.Errorf("after %d calls err = %v; want the throttling after 50", calls, err)
	}
}

// putFunc answers PutItem by a function.
type putFunc struct {
	*dynamodb.Client
	put func() error
}

func (p putFunc) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return nil, p.put()
}

func TestInvalidResultsAreNotWritten(t *testing.T) {
	t.Parallel()
	s := store.New(newMemTable(10), "t") // nothing must reach it
	j := newJob(t, 100)
	for _, tc := range []struct {
		name  string
		spoil func(r *store.Result)
		index int
	}{
		{"a value is cut off", func(r *store.Result) { r.Settled[1].Value = []byte{0xda, 0, 9, 'x'} }, 1},
		{"a value declares 2 GiB of elements", func(r *store.Result) { r.Settled[1].Value = []byte{0xdd, 0x7f, 0xff, 0xff, 0xff} }, 1},
		{"two values in one", func(r *store.Result) { r.Settled[0].Value = []byte{1, 2} }, 0},
		{"an argument is not msgpack", func(r *store.Result) { r.Settled[0] = failedTask(0); r.Settled[0].Failure.Argument = []byte{0xc1} }, 0},
		{"indices decrease", func(r *store.Result) { r.Settled[0].Index = 5 }, 1},
		{"an index is settled and handed on", func(r *store.Result) { r.Children = []store.Child{{Identity: "0.1", Indices: []int{1}, Attempt: 2}} }, -1},
		{"two children share an index", func(r *store.Result) {
			r.Children = []store.Child{{Identity: "0.1", Indices: []int{3, 4}}, {Identity: "0.2", Indices: []int{4}}}
		}, -1},
		{"a child of another message", func(r *store.Result) { r.Children = []store.Child{{Identity: "10.1", Indices: []int{3}}} }, -1},
		{"a child without tasks", func(r *store.Result) { r.Children = []store.Child{{Identity: "0.1"}} }, -1},
		{"nothing at all", func(r *store.Result) { r.Settled = nil }, -1},
		{"no token", func(r *store.Result) { r.Token = "" }, -1},
		{"an identity with a leading zero", func(r *store.Result) { r.Identity = "00" }, -1},
		{"another job's", func(r *store.Result) { r.Job = "x" }, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := resultOf(j, "0", 0, 1)
			tc.spoil(&r)
			_, err := s.PutResult(t.Context(), j, r)
			invalid, ok := errors.AsType[*store.InvalidResultError](err)
			if !ok || invalid.Index != tc.index {
				t.Errorf("err = %v, want an InvalidResultError of index %d", err, tc.index)
			}
		})
	}
}

func TestLongFailureTextsAreCut(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 1, 1, 1)
	r := resultOf(j, "0")
	f := failedTask(0)
	f.Failure.Message = strings.Repeat("é", store.MaxStack)          // two bytes each
	f.Failure.Stack = "x" + strings.Repeat("é", store.MaxStack) + "" // the limit falls into a character
	f.Failure.Argument = nil
	r.Settled = []store.Settled{f}
	put(t, s, j, r)
	got, _, err := s.Result(t.Context(), j, "0")
	if err != nil {
		t.Fatal(err)
	}
	want := *f.Failure
	want.Message, want.Stack = strings.Repeat("é", store.MaxStack/2), "x"+strings.Repeat("é", store.MaxStack/2-1)
	if d := cmp.Diff(&want, got.Settled[0].Failure); d != "" {
		t.Errorf("failure (-want +got):\n%s", d)
	}
}

func TestOutcomesOfTasksWithoutAJob(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	if _, _, err := s.LooseOutcomes(t.Context(), "mine"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before anything is recorded: %v, want ErrNotFound", err)
	}
	write := func(id codec.Identity, children []store.Child, indices ...int) {
		t.Helper()
		r := resultOf(store.Job{}, id, indices...)
		r.ID, r.Expires, r.Children = "mine", created.Add(time.Hour), children
		put(t, s, store.Job{}, r)
	}
	want := func(pending int, indices ...int) {
		t.Helper()
		settled, left, err := s.LooseOutcomes(t.Context(), "mine")
		var got []int
		for _, o := range settled {
			got = append(got, o.Index)
		}
		if err != nil || left != pending || !slices.Equal(got, indices) {
			t.Errorf("settled %v, %d pending, %v; want %v and %d", got, left, err, indices, pending)
		}
	}
	write("0", []store.Child{{Identity: "0.1", Indices: []int{1, 3}, Attempt: 2}, {Identity: "0.2", Indices: []int{4}, Attempt: 1}}, 0, 2)
	want(3, 0, 2)
	write("0.2", nil, 4)
	want(2, 0, 2, 4)
	write("0.1", []store.Child{{Identity: "0.1.1", Indices: []int{3}, Attempt: 3}}, 1)
	want(1, 0, 1, 2, 4)
	write("0.1.1", nil, 3)
	want(0, 0, 1, 2, 3, 4)
	write("5", nil, 5, 6) // a second message under the same id
	want(0, 0, 1, 2, 3, 4, 5, 6)
}
