package view

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// shown is a job under way, with everything that there is to show.
func shown() State {
	return State{
		At: at(100), Job: "j", Handler: "pri\x1bce", Label: "tasks\n.jsonl", Fleet: "f", State: store.Sealed, Created: noon,
		Tasks:   Tasks{Total: 2000, Enqueued: 1500, OK: 900, Failed: 20, Left: 1080, Retrying: 4},
		Pace:    Pace{PerSecond: 10.5, Over: time.Minute, ETA: &ETA{Low: 90 * time.Second, Likely: 103 * time.Second, High: 3700 * time.Second}},
		Workers: Workers{Desired: 4, Starting: 2, Busy: 1, Idle: 1, Gone: 3, Silent: 1},
		Queue:   Queue{At: at(98), Visible: 90, InFlight: 2, Delayed: 1},
		Waves:   []Wave{{At: at(1)}, {At: at(2)}, {At: at(3)}, {At: at(4)}, {At: at(80), From: 2, To: 4, Asked: 2, Came: 1, Tasks: 8, Cost: 5 * cost.Cent}},
		Failures: Failures{Seen: 20, Groups: []Failure{{Kind: "error", Count: 17, Message: "no price\nfor 3", Index: 3}, {Kind: "a", Count: 1}, {Kind: "b", Count: 1},
			{Kind: "c", Count: 1}, {Kind: "d", Count: 1}}},
		Money: Money{Known: true, Spent: 12 * cost.Cent, Estimate: &cost.Range{Low: 20 * cost.Cent, Likely: 30 * cost.Cent, High: 40 * cost.Cent}, Cap: cost.USD, Expected: 26 * cost.Cent},
		Tails: Tails{Count: 920, Mean: 950 * time.Millisecond, P50: 4 * time.Millisecond, P95: 2 * time.Second, P99: 200 * time.Second},
	}
}

func TestTheScreen(t *testing.T) {
	t.Parallel()
	s := shown()
	for i := range s.Waves {
		s.Waves[i].At = s.Waves[i].At.In(time.Local)
	}
	clock := func(sec int) string { return at(sec).Local().Format("15:04:05") }
	want := []string{
		fmt.Sprintf("%-60s  j  1:40", "price  tasks .jsonl"),
		"         ━━━━━━━━━━━━━─────────────────  46 %  920 of 2,000",
		"sent     1,500 of 2,000",
		"left     1:43 (1:30 to 1:01:40), at 10/s in the last 60 s",
		"workers  1 busy, 1 idle, 2 starting, 4 wanted, 3 gone (1 without a word)",
		"money    $0.12, estimated $0.30 ($0.20 to $0.40), about $0.26 at the end, cap $1.00",
		"failed   20, 4 of them are being run again",
		"         17 × error: no price for 3 (task 3)",
		"         1 × a:  (task 0)", "         1 × b:  (task 0)", "         1 × c:  (task 0)",
		"         and 1 more",
		"a task   mean 950 ms, half below 4 ms, 95 % below 2.0 s, 99 % below 3 min",
		"queue    90 waiting, 2 in flight, 1 delayed, 2.0 s ago",
		"waves    0→0 at " + clock(2) + ": 0 of 0 came, 0 tasks, $0.00  (and 1 before)",
		"         0→0 at " + clock(3) + ": 0 of 0 came, 0 tasks, $0.00",
		"         0→0 at " + clock(4) + ": 0 of 0 came, 0 tasks, $0.00",
		"         2→4 at " + clock(80) + ": 1 of 2 came, 8 tasks, $0.05",
	}
	if diff := cmp.Diff(want, Screen(s, 120)); diff != "" {
		t.Errorf("screen (-want +got):\n%s", diff)
	}
	line := "price: 46 %  920/2,000  20 failed  10/s  ETA 1:43 (1:30 to 1:01:40)  workers 1 busy, 1 idle, 2 starting  $0.12, estimated $0.30 ($0.20 to $0.40), about $0.26 at the end, cap $1.00"
	if diff := cmp.Diff(line, Line(s)); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestWatching(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stop := errors.New("Ctrl-C")
	over := State{Job: "j", State: store.Done, Ended: noon}
	for _, c := range []struct {
		because string
		looks   func(n int) (State, error)
		shown   int
		err     error
		after   time.Duration
	}{
		{"it ends with the job", func(n int) (State, error) {
			if n == 3 {
				return over, nil
			}
			return State{Job: "j"}, nil
		}, 4, nil, 6 * time.Second},
		{"a look may fail", func(n int) (State, error) {
			switch {
			case n == 6:
				return over, nil
			case n > 0 && n < 5:
				return State{}, broken
			}
			return State{Job: "j"}, nil
		}, 3, nil, 12 * time.Second},
		{"five in a row may not", func(n int) (State, error) {
			if n > 0 {
				return State{}, broken
			}
			return State{Job: "j"}, nil
		}, 1, broken, 10 * time.Second},
		{"nor the first one", func(int) (State, error) { return State{}, broken }, 0, broken, 0},
		{"Ctrl-C ends it", func(int) (State, error) { return State{Job: "j"}, nil }, 11, stop, 21 * time.Second},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(21*time.Second, func() { cancel(stop) })
				defer cancel(nil)
				begin, n, shown := time.Now(), 0, 0
				_, err := Watch(ctx, func(context.Context, time.Time) (State, error) {
					n++
					return c.looks(n - 1)
				}, 2*time.Second, func(State) error {
					shown++
					return nil
				})
				if !errors.Is(err, c.err) || shown != c.shown || time.Since(begin) != c.after {
					t.Errorf("%v after %v with %d shown; want %v after %v with %d", err, time.Since(begin), shown, c.err, c.after, c.shown)
				}
			})
		})
	}
}
