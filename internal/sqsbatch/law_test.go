package sqsbatch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// TestEveryEntryIsSentOrReported is the package's law. Whatever subset of
// entries fails, is hidden or is listed twice, and whatever calls fail as a whole:
// an entry without an error took effect; an entry with one was the sender's fault,
// or ran out of tries. What SQS confirmed is not sent again.
func TestEveryEntryIsSentOrReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 20, 64}).Draw(t, "server's byte limit")
		policy := sqsbatch.Policy{
			Rand:     func(int64) int64 { return 0 }, // no waiting
			Tries:    rapid.SampledFrom([]int{0, 3}).Draw(t, "tries"),
			MaxBytes: rapid.SampledFrom([]int{0, 1, 20, 64, 65}).Draw(t, "client's byte limit"),
		}
		bodies := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			// Few letters, so that equal bodies are common.
			return strings.Repeat(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "letter"), rapid.IntRange(1, 20).Draw(t, "length"))
		}), 0, 45).Draw(t, "bodies")
		fates := rapid.SliceOfN(rapid.SampledFrom([]fate{ok, ok, ok, fault, hidden, hiddenDone, both, lost}), 1, 50).Draw(t, "fates")
		errs := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, true}), 1, 10).Draw(t, "failed calls")
		if !slices.Contains(errs, false) || !slices.ContainsFunc(fates, func(f fate) bool { return f == ok || f == both || f == lost }) {
			policy.Tries = 3 // nothing would ever end
		}
		step, confirmed := 0, map[string]int{}
		q := &queue{limit: limit, err: func(call int) error {
			if errs[call%len(errs)] {
				return errNetwork
			}
			return nil
		}, fate: func(_ int, text string) fate {
			f := fates[step%len(fates)]
			if step++; f == ok || f == both {
				confirmed[text]++
			}
			return f
		}}

		got := policy.SendAll(t.Context(), q, "q", entries(bodies...))

		sent := map[string]int{}
		for _, body := range q.done {
			sent[body]++
		}
		for i, err := range got {
			if err == nil {
				if confirmed[bodies[i]]--; confirmed[bodies[i]] < 0 {
					t.Errorf("entry %d has no error, but SQS did not confirm it", i)
				}
				sent[bodies[i]]--
				continue
			}
			if !errors.Is(err, sqsbatch.ErrLeaseLost) && policy.Tries == 0 {
				t.Errorf("entry %d gave up with %v", i, err)
			}
		}
		for body, n := range confirmed {
			if n != 0 {
				t.Errorf("%q: SQS confirmed %d more than the caller was told", body, n)
			}
		}
		for body, n := range sent {
			if n < 0 {
				t.Errorf("%q: %d were said to be sent and are not", body, -n)
			}
		}
	})
}

// TestNoCallIsAboveTheLimits holds sizes at the boundary, one byte less and one more.
func TestNoCallIsAboveTheLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(30, 200).Draw(t, "limit")
		near := rapid.Custom(func(t *rapid.T) string {
			part := rapid.IntRange(1, 5).Draw(t, "share")
			return strings.Repeat("x", max(1, limit/part+rapid.IntRange(-1, 1).Draw(t, "off by")))
		})
		bodies := rapid.SliceOfN(near, 1, 40).Draw(t, "bodies")
		bodies = slices.DeleteFunc(bodies, func(b string) bool { return len(b) > limit })
		q := &queue{limit: limit}
		for i, err := range (sqsbatch.Policy{MaxBytes: limit}).SendAll(t.Context(), q, "q", entries(bodies...)) {
			if err != nil {
				t.Errorf("entry %d: %v", i, err)
			}
		}
		total := 0
		for n, c := range q.calls {
			bytes := len(strings.Join(c, ""))
			total += len(c)
			if bytes > limit || len(c) > sqsbatch.MaxEntries {
				t.Errorf("a call of %d entries and %d bytes", len(c), bytes)
			}
			if n+1 < len(q.calls) && len(c) < sqsbatch.MaxEntries && bytes+len(q.calls[n+1][0]) <= limit {
				t.Errorf("call %d had room for the next entry", n)
			}
		}
		if total != len(bodies) {
			t.Errorf("%d sent, %d wanted", total, len(bodies))
		}
	})
}
