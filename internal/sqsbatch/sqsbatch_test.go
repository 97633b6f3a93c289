package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/sqsbatch"
)

func entries(bodies ...string) []sqsbatch.Entry {
	var es []sqsbatch.Entry
	for _, b := range bodies {
		es = append(es, sqsbatch.Entry{Body: b})
	}
	return es
}

func numbered(n int) []string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprint("m", i))
	}
	return s
}

func failures(errs []error) (which []int) {
	for i, err := range errs {
		if err != nil {
			which = append(which, i)
		}
	}
	return which
}

var errNetwork = errors.New("connection reset by peer")

func TestSendAllCalls(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 400<<10)
	for _, test := range []struct {
		name   string // the sentence of the case
		queue  *queue
		bodies []string
		policy sqsbatch.Policy
		calls  []int // entries of each call
		failed []int
	}{
		{name: "no entries, no call"},
		{name: "23 entries go in calls of at most ten", bodies: numbered(23), calls: []int{10, 10, 3}},
		{name: "a call is full at 1 MiB", bodies: []string{big, big, big, "x"}, queue: &queue{limit: 1 << 20}, calls: []int{2, 2}},
		{name: "exactly 1 MiB in all fits", bodies: []string{strings.Repeat("x", 1<<20-1), "y"}, queue: &queue{limit: 1 << 20}, calls: []int{2}},
		{name: "one byte more does not", bodies: []string{strings.Repeat("x", 1<<20-1), "yy"}, queue: &queue{limit: 1 << 20}, calls: []int{1, 1}},
		{name: "a message of exactly 1 MiB is sent alone", bodies: []string{"x", strings.Repeat("y", 1<<20)}, queue: &queue{limit: 1 << 20}, calls: []int{1, 1}},
		{name: "a message of one byte more is not sent at all", bodies: []string{"x", strings.Repeat("y", 1<<20+1)}, calls: []int{1}, failed: []int{1}},
		{name: "an empty body is not sent", bodies: []string{"", "x"}, calls: []int{1}, failed: []int{0}},
		{name: "bytes that are not UTF-8 are not sent", bodies: []string{"\x80", "x"}, calls: []int{1}, failed: []int{0}},
		{name: "characters that SQS forbids are not sent", bodies: []string{"a\x00", "a\uffff", "x"}, calls: []int{1}, failed: []int{0, 1}},
		{name: "other characters are", bodies: []string{"ü\t\r\n\ufffd\U0001f600"}, calls: []int{1}},
		{
			name: "a server with a lower limit gets smaller calls", bodies: []string{big, big}, queue: &queue{limit: 500 << 10},
			calls: []int{2, 1, 1},
		},
		{
			name: "a message above the server's limit fails alone", bodies: []string{"x", big, "y", "z"}, queue: &queue{limit: 1000},
			calls: []int{4, 2, 1, 1, 1, 1}, failed: []int{1},
		},
		{
			name: "only the failed entries are sent again", bodies: numbered(12),
			queue: &queue{fate: func(call int, text string) fate {
				if call == 0 && (text == "m3" || text == "m7") {
					return fault
				}
				return ok
			}},
			calls: []int{10, 4},
		},
		{
			name: "the sender's fault is final", bodies: numbered(3),
			queue: &queue{fate: func(_ int, text string) fate {
				if text == "m1" {
					return lost
				}
				return ok
			}},
			calls: []int{3}, failed: []int{1},
		},
		{
			name: "a failed call is made again", bodies: numbered(3),
			queue: &queue{err: func(call int) error {
				if call < 4 {
					return errNetwork
				}
				return nil
			}},
			calls: []int{3, 3, 3, 3, 3},
		},
		{
			name: "Tries bounds it", bodies: numbered(3), policy: sqsbatch.Policy{Tries: 2},
			queue: &queue{err: func(int) error { return errNetwork }},
			calls: []int{3, 3}, failed: []int{0, 1, 2},
		},
		{
			name: "an error that SQS has no type for and blames on the request fails alone", bodies: numbered(3),
			queue: &queue{err: func(call int) error {
				if call < 3 { // 3, then 1 + …
					return httpError(http.StatusBadRequest)
				}
				return nil
			}},
			calls: []int{3, 1, 1, 1}, failed: []int{0, 1},
		},
		{
			name: "an error of the server is passing", bodies: numbered(3),
			queue: &queue{err: func(call int) error {
				if call < 3 {
					return httpError(http.StatusServiceUnavailable)
				}
				return nil
			}},
			calls: []int{3, 3, 3, 3},
		},
		{
			name: "no such queue ends everything at once", bodies: numbered(30),
			queue: &queue{err: func(int) error { return &types.QueueDoesNotExist{} }},
			calls: []int{10}, failed: seq(30),
		},
		{
			name: "an error that the caller calls final does too", bodies: numbered(30), policy: sqsbatch.Policy{Final: awserr.IsAccess},
			queue: &queue{err: func(int) error { return &smithy.GenericAPIError{Code: "AccessDenied"} }},
			calls: []int{10}, failed: seq(30),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := orNew(test.queue)
				errs := test.policy.SendAll(t.Context(), q, "q", entries(test.bodies...))
				var calls []int
				for _, c := range q.calls {
					calls = append(calls, len(c))
				}
				if d := cmp.Diff(test.calls, calls); d != "" {
					t.Errorf("entries a call (-want +got):\n%s", d)
				}
				if d := cmp.Diff(test.failed, failures(errs)); d != "" {
					t.Errorf("failed entries (-want +got):\n%s", d)
				}
			})
		})
	}
}

func seq(n int) (s []int) {
	for i := range n {
		s = append(s, i)
	}
	return s
}

func TestErrorsAreRecognisable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		body   string
		fate   fate
		target error
	}{
		{"an entry that SQS never mentions", "x", hidden, sqsbatch.ErrUnaccounted},
		{"a body that SQS cannot take", "\x00", ok, sqsbatch.ErrBody},
		{"a body that is too large", strings.Repeat("x", 1<<20+1), ok, sqsbatch.ErrTooLarge},
		{"a handle that no longer holds the message", "x", lost, sqsbatch.ErrLeaseLost},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := &queue{fate: func(int, string) fate { return test.fate }}
			err := sqsbatch.Policy{Tries: 1}.SendAll(t.Context(), q, "q", entries(test.body))[0]
			if !errors.Is(err, test.target) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLeaseLostByCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  sqsbatch.EntryError
		lost bool
	}{
		{sqsbatch.EntryError{Code: "ReceiptHandleIsInvalid"}, true},
		{sqsbatch.EntryError{Code: "AWS.SimpleQueueService.MessageNotInflight"}, true},
		{sqsbatch.EntryError{Code: "InvalidParameterValue", Message: "Value AQ== for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."}, true},
		{sqsbatch.EntryError{Code: "InvalidParameterValue", Message: "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"}, false},
		{sqsbatch.EntryError{Code: "InternalError"}, false},
	} {
		if got := errors.Is(fmt.Errorf("wrapped: %w", &test.err), sqsbatch.ErrLeaseLost); got != test.lost {
			t.Errorf("%v: lease lost = %v", &test.err, got)
		}
	}
}

func httpError(status int) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: "SomethingNew"},
	}
}

func TestACallThatIsNeverAnsweredIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &deaf{calls: 2}
		start := time.Now()
		errs := sqsbatch.SendAll(t.Context(), q, "q", entries("x"))
		if errs[0] != nil || len(q.done) != 1 {
			t.Errorf("sent %v with %v", q.done, errs)
		}
		if took := time.Since(start); took < 2*time.Minute || took > 2*time.Minute+time.Second {
			t.Errorf("took %v; two calls of a minute were expected", took)
		}
	})
}

// deaf is a queue that does not answer its first calls.
type deaf struct {
	queue
	calls int
}

func (d *deaf) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if d.calls--; d.calls >= 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return d.queue.SendMessageBatch(ctx, in, o...)
}

func TestDelayAndGroup(t *testing.T) {
	t.Parallel()
	q := &queue{}
	sqsbatch.SendAll(t.Context(), q, "q", []sqsbatch.Entry{
		{Body: "a"}, {Body: "b", Delay: 1}, {Body: "c", Delay: 1500 * time.Millisecond}, {Body: "d", Delay: time.Hour}, {Body: "e", Delay: -1},
	})
	if d := cmp.Diff([]int32{0, 1, 2, 900, 0}, q.waits); d != "" {
		t.Errorf("DelaySeconds (-want +got):\n%s", d)
	}
}

func TestTheSameHandleTwiceInOneCall(t *testing.T) {
	t.Parallel()
	q := &queue{}
	errs := sqsbatch.DeleteAll(t.Context(), q, "q", []string{"h1", "h1", "h2"})
	if failures(errs) != nil || !slices.Equal(q.done, []string{"h1", "h1", "h2"}) {
		t.Errorf("deleted %v with %v", q.done, errs)
	}
}

func TestChangeVisibilityAll(t *testing.T) {
	t.Parallel()
	q := &queue{fate: func(_ int, text string) fate {
		if text == "gone" {
			return lost
		}
		return ok
	}}
	errs := sqsbatch.ChangeVisibilityAll(t.Context(), q, "q", []sqsbatch.Visibility{
		{"now", 0}, {"gone", time.Minute}, {"later", 1500 * time.Millisecond}, {"much later", 100 * time.Hour},
	})
	if d := cmp.Diff([]int{1}, failures(errs)); d != "" || !errors.Is(errs[1], sqsbatch.ErrLeaseLost) {
		t.Errorf("failed: %v", errs)
	}
	if d := cmp.Diff([]int32{0, 2, 43200}, q.waits); d != "" {
		t.Errorf("VisibilityTimeout (-want +got):\n%s", d)
	}
}

func TestTheEndOfTheContextEndsTheRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{fate: func(_ int, text string) fate {
			if text == "m1" {
				return fault
			}
			return ok
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		errs := sqsbatch.SendAll(ctx, q, "q", entries(numbered(3)...))
		if d := cmp.Diff([]int{1}, failures(errs)); d != "" {
			t.Errorf("failed entries (-want +got):\n%s", d)
		}
		var refusal *sqsbatch.EntryError
		if !errors.Is(errs[1], context.DeadlineExceeded) || !errors.As(errs[1], &refusal) {
			t.Errorf("want both the end of the context and the last failure in %q", errs[1])
		}
		// Full jitter up to 5 s means 2.5 s a try in the long run.
		if n := len(q.calls); n < 15 || n > 60 {
			t.Errorf("%d calls in a minute", n)
		}
	})
}

func TestBackOffIsFullJitterAndCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bounds []time.Duration
		p := sqsbatch.Policy{
			Base: 100 * time.Millisecond, Cap: time.Second, Tries: 7,
			Rand: func(n int64) int64 { bounds = append(bounds, time.Duration(n-1)); return n - 1 },
		}
		start := time.Now()
		p.SendAll(t.Context(), &queue{err: func(int) error { return errNetwork }}, "q", entries("x"))
		want := []time.Duration{100e6, 200e6, 400e6, 800e6, 1e9, 1e9}
		if d := cmp.Diff(want, bounds); d != "" {
			t.Errorf("bounds of the random waits (-want +got):\n%s", d)
		}
		if took := time.Since(start); took != 3500*time.Millisecond {
			t.Errorf("waited %v in all", took)
		}
	})
}

func TestACallWithoutAnyProgressHoldsBackTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{err: func(int) error { return errNetwork }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		errs := sqsbatch.SendAll(ctx, q, "q", entries(numbered(1000)...))
		if n := len(q.calls); n > 60 {
			t.Errorf("%d calls in a minute to a dead queue", n)
		}
		if len(failures(errs)) != 1000 {
			t.Errorf("%d of 1000 entries reported", len(failures(errs)))
		}
	})
}

func orNew(q *queue) *queue {
	if q == nil {
		return &queue{}
	}
	return q
}
