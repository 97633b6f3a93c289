package producer_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func wantPartly(t *testing.T, err error, confirmed, n int, cause error) {
	t.Helper()
	var partly *producer.PartlyEnqueuedError
	if !errors.As(err, &partly) {
		t.Fatalf("got %v, want a *PartlyEnqueuedError", err)
	}
	if partly.Confirmed != confirmed || partly.N != n || !errors.Is(err, cause) {
		t.Errorf("got %q with %d of %d, want %d of %d and %v", err, partly.Confirmed, partly.N, confirmed, n, cause)
	}
}

func TestFailedEntriesAreSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.refuse = func(message int) bool { return message%3 == 1 }
		report, err := w.producer(t).Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(100)), Chunk: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.wantTasks(t, 100, strconv.Itoa)
		if len(w.bodies) != 100 || report.Messages != 100 {
			t.Errorf("%d messages on the queue, %d reported", len(w.bodies), report.Messages)
		}
	})
}

func TestALostAnswerMakesDuplicatesButNoLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		lossy := &lossyQueue{world: w}
		c := w.config()
		c.Queue = lossy
		p, err := producer.New(c)
		if err != nil {
			t.Fatal(err)
		}
		report, err := p.Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(100)), Chunk: 1})
		if err != nil || report.Messages != 100 {
			t.Fatalf("%+v, %v", report, err)
		}
		if len(w.bodies) != 110 {
			t.Errorf("%d messages on the queue, want 100 and one batch twice", len(w.bodies))
		}
		w.wantTasks(t, 100, strconv.Itoa) // the same identity with the same content
	})
}

func TestSubmitEndsEarly(t *testing.T) {
	t.Parallel()
	noQueue := &types.QueueDoesNotExist{}
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	for _, test := range []struct {
		name   string
		fail   error
		within time.Duration
		cause  error
	}{
		{"when the queue does not exist, at once", noQueue, 0, noQueue},
		{"when permission is missing, at once", denied, 0, denied},
		{"when the network is dead, after two minutes", errNetwork, 2 * time.Minute, errNetwork},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.before = func(_ context.Context, call int) error {
					if call >= 5 {
						return test.fail
					}
					return nil
				}
				start := time.Now()
				report, err := w.producer(t).Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(1000)), Chunk: 1})
				wantPartly(t, err, 50, 1000, test.cause)
				if took := time.Since(start); took != test.within {
					t.Errorf("took %v, want %v", took, test.within)
				}
				if report.Sent != 50 || w.state("job-1") != "open 50/1000" {
					t.Errorf("report %+v, job %s", report, w.state("job-1"))
				}
				if !strings.Contains(err.Error(), "sends the rest") {
					t.Errorf("%q does not say what next", err)
				}
			})
		})
	}
}

func TestInterruption(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		w.before = func(ctx context.Context, call int) error {
			switch {
			case call == 8: // the first of the third four
				cancel()
			case time.Since(start) > 2*time.Second:
				t.Error("a batch was started after the interruption")
			}
			// Those under way need another second.
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		c := w.config()
		c.InFlight = 4
		p, err := producer.New(c)
		if err != nil {
			t.Fatal(err)
		}
		report, err := p.Submit(ctx, producer.Spec{Handler: "h", Source: producer.Slice(ints(1000)), Chunk: 1})
		wantPartly(t, err, report.Sent, 1000, context.Canceled)
		if report.Sent != len(w.bodies) || report.Sent < 90 || report.Sent > 120 {
			t.Errorf("%d tasks reported, %d on the queue", report.Sent, len(w.bodies))
		}
		if w.jobs["job-1"].Confirmed != report.Sent || w.jobs["job-1"].State != store.Open {
			t.Errorf("the job is %s", w.state("job-1"))
		}
	})
}

func TestInterruptionWithADeadNetworkTakesOnlyTheLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.before = func(ctx context.Context, call int) error {
			if call == 0 {
				cancel()
			}
			<-ctx.Done()
			return ctx.Err()
		}
		start := time.Now()
		_, err := w.producer(t).Submit(ctx, producer.Spec{Handler: "h", Source: producer.Slice(ints(1000)), Chunk: 1})
		wantPartly(t, err, 0, 1000, context.Canceled)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestInterruptionWhileReading(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.producer(t).Submit(ctx, producer.Spec{Handler: "h", Source: producer.Slice(ints(10))})
	if !errors.Is(err, context.Canceled) || isA[*producer.PartlyEnqueuedError](err) || len(w.jobs) > 0 {
		t.Errorf("got %v, jobs %v", err, w.jobs)
	}
}

// changing is a file that is rewritten when the job has been created.
func changing(t *testing.T, then string) (producer.Spec, string) {
	t.Helper()
	f := file(t, "a.jsonl", strings.Repeat("1\n", 100))
	return producer.Spec{Handler: "h", Source: f, Chunk: 1, Created: func(store.Job) {
		if err := os.WriteFile(f.String(), []byte(then), 0o600); err != nil {
			t.Error(err)
		}
	}}, f.String()
}

func TestAFileThatChangesInBetweenIsNoticed(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]string{
		"a value is another": strings.Repeat("1\n", 99) + "2\n",
		"a line is missing":  strings.Repeat("1\n", 99),
		"a line is new":      strings.Repeat("1\n", 101),
		"a line is broken":   strings.Repeat("1\n", 50) + "{\n",
		"nothing is left":    "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			spec, path := changing(t, then)
			_, err := w.producer(t).Submit(t.Context(), spec)
			var changed *producer.ChangedError
			if !errors.As(err, &changed) || changed.Source != path || !strings.Contains(err.Error(), "not sealed") {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "sends the rest") {
				t.Errorf("%q advises to resume", err)
			}
			if w.jobs["job-1"].State != store.Open {
				t.Errorf("the job is %s", w.state("job-1"))
			}
			for _, m := range w.decoded(t) {
				if m.Index(m.Len()-1) >= 100 {
					t.Errorf("a message of %d tasks at %d is on the queue; the job has 100", m.Len(), m.First)
				}
			}
		})
	}
}

func TestTheTableFailsAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*world){
		"sealing":    func(w *world) { w.sealErr = errNetwork },
		"confirming": func(w *world) { w.confirmErr = errNetwork },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			fail(w)
			_, err := w.producer(t).Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(10))})
			wantPartly(t, err, 10, 10, errNetwork)
		})
	}
}

func TestTheConfirmedCountIsKeptWhileSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var busy, most atomic.Int32
		w.before = func(context.Context, int) error {
			most.Store(max(most.Load(), busy.Add(1)))
			time.Sleep(time.Second / 2) // fake time
			busy.Add(-1)
			return nil
		}
		if _, err := w.producer(t).Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(1000)), Chunk: 1}); err != nil {
			t.Fatal(err)
		}
		// 100 batches, 8 at once, half a second each: 6.5 s.
		if n := len(w.confirms); n < 6 || n > 9 {
			t.Errorf("the count was written %d times: %v", n, w.confirms)
		}
		if most.Load() != 8 {
			t.Errorf("%d batches at once", most.Load())
		}
	})
}

// TestEveryTaskIsEnqueuedOrReported is the producer's law: whatever batches and
// entries fail, the report counts no task that is not on the queue, a job is sealed
// exactly when all are, and submitting again until it succeeds puts each task on the
// queue with its own argument.
func TestEveryTaskIsEnqueuedOrReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(rt, "tasks")
		chunk := rapid.IntRange(1, 20).Draw(rt, "chunk")
		calls := rapid.SliceOfN(rapid.SampledFrom([]error{nil, nil, nil, &types.QueueDoesNotExist{}}), 1, 20).Draw(rt, "calls")
		refused := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, false, true}), 1, 30).Draw(rt, "refused entries")
		w := newWorld()
		w.before = func(_ context.Context, call int) error {
			if call < len(calls) {
				return calls[call]
			}
			return nil
		}
		w.refuse = func(message int) bool { return message < len(refused) && refused[message] }
		p := w.producer(t)
		for try := 0; ; try++ {
			w.pending = w.without(rt, n, chunk)
			report, err := p.Submit(t.Context(), producer.Spec{Job: "x", Handler: "h", Source: producer.Slice(ints(n)), Chunk: chunk})
			on := w.tasks(rt)
			if got := report.Sent + report.Skipped; got > len(on) || report.Job.Confirmed > len(on) {
				rt.Fatalf("%d tasks reported, %d on the queue", got, len(on))
			}
			if (err == nil) != (w.jobs["x"].State == store.Sealed) {
				rt.Fatalf("the job is %s with %v", w.state("x"), err)
			}
			if err == nil {
				break
			}
			if try > len(calls) {
				rt.Fatalf("still failing: %v", err)
			}
		}
		w.wantTasks(rt, n, strconv.Itoa)
	})
}

// without returns the roots that are not on the queue, as if all others had been run.
func (w *world) without(t *rapid.T, n, chunk int) (pending []store.Child) {
	on := w.tasks(t)
	chunk = min(chunk, n)
	for first := 0; first < n; first += chunk {
		if _, ok := on[first]; !ok {
			pending = append(pending, root(first, min(chunk, n-first)))
		}
	}
	return pending
}
