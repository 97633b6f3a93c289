package browsertest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// world is a stack on this machine.
type world struct {
	t       *testing.T
	clients *stack.Clients
	stack   stack.Stack
	store   *store.Store
	bills   bill.Config
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	srv := localawstest.Start(t)
	w := &world{t: t, now: time.Now().Truncate(time.Second)}
	var err error
	if w.clients, err = stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()}); err != nil {
		t.Fatal(err)
	}
	if w.stack, err = stack.Create(t.Context(), w.clients, stack.Stack{Endpoint: srv.URL()}, stack.Options{}); err != nil {
		t.Fatal(err)
	}
	w.store = w.stack.Store(w.clients)
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	w.bills = bill.Config{Book: book, Network: cost.NetworkPublic}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// shape is a job to seed.
type shape struct {
	id, handler, label string
	tasks, chunk       int
	age                time.Duration // since its creation
	workers            int
	done, failed       int // tasks that are settled, failures among them
	over               bool
	cap                cost.PicoUSD
	lost, slow         int // workers that ended without a word, and whose task takes long
	fleet              string
}

// at is a time of the job: its age when the tests began is the end.
func (w *world) at(s shape, part float64) time.Time {
	return w.now.Add(-s.age).Add(time.Duration(part * float64(s.age)))
}

// seed writes a job as workers and autoscaler would have left it: results (a message each), ledgers, decisions, an estimate.
func (w *world) seed(s shape) store.Job {
	w.t.Helper()
	ctx := w.t.Context()
	j := store.Job{ID: s.id, Handler: s.handler, Fleet: s.fleet, Label: s.label, N: s.tasks, Plan: store.Plan{Chunk: s.chunk}, Shards: 4, MaxAttempts: 3, Timeout: time.Hour,
		MaxCostPico: int64(s.cap), Created: w.at(s, 0), Expires: w.now.Add(24 * time.Hour), State: store.Open}
	w.must(w.store.CreateJob(ctx, j))
	w.must(w.store.SetConfirmed(ctx, j.ID, j.N))
	w.must(w.store.Seal(ctx, j.ID))
	w.results(j, s)
	w.ledgers(s)
	w.decisions(s)
	shapeOf := cost.JobShape{Tasks: s.tasks, Messages: (s.tasks + s.chunk - 1) / s.chunk, TaskTime: bill.Around(900 * time.Millisecond)}
	estimate, err := cost.EstimateJob(w.bills.Book, shapeOf, cost.Fleet{Max: s.workers})
	w.must(err)
	raw, err := bill.Forecast{Shape: shapeOf, Estimate: estimate}.Encode()
	w.must(err)
	w.must(w.store.PutForecast(ctx, j, raw))
	if s.over {
		w.must(w.store.Finish(ctx, j.ID, store.Done, w.at(s, .95)))
	}
	j, err = w.store.Job(ctx, j.ID)
	w.must(err)
	return j
}

var words = []string{"no price for customer %d", "connection to 10.0.0.%d was reset", "after %ds"}

func (w *world) results(j store.Job, s shape) {
	failed := 0
	for first := 0; first < s.done; first += s.chunk {
		r := store.Result{Job: j.ID, Identity: codec.RootIdentity(first), Handler: j.Handler, Token: fmt.Sprint("t", first), Worker: "w0", Attempt: 1,
			Started: w.at(s, .2), Finished: w.at(s, .3), Expires: j.Expires}
		for i := first; i < min(first+s.chunk, s.done); i++ {
			one := store.Settled{Index: i, Value: []byte{0xc0}}
			if failed < s.failed {
				kind := []store.FailureKind{store.FailError, store.FailError, store.FailTimeout}[failed%3]
				one = store.Settled{Index: i, Failure: &store.Failure{Kind: kind, Message: fmt.Sprintf(words[failed%3], i), Attempts: 3, Argument: []byte{0xc0},
					Stack: "goroutine 7 [running]:\nmain.price(0xc000012345)\n\t/src/price.go:42 +0x1d\n"}}
				failed++
			}
			r.Settled = append(r.Settled, one)
		}
		_, err := w.store.PutResult(w.t.Context(), j, r)
		w.must(err)
	}
}

func (w *world) ledgers(s shape) {
	for i := range s.workers {
		per := func(n int) int64 { return int64(n*(i+1)/s.workers - n*i/s.workers) }
		failed := per(s.failed)
		ok := per(s.done) - failed
		launched := w.at(s, .03+.08*float64(i)/float64(s.workers)) // half with the first decision, half with the second raise
		if i >= s.workers/2 {
			launched = w.at(s, .35+.08*float64(i)/float64(s.workers))
		}
		l := store.Ledger{Fleet: s.fleet, Worker: fmt.Sprintf("%s-%04d", s.id, i), Seq: 1, Started: launched, Updated: w.now, Slots: 1, Busy: 1,
			Jobs: map[string]store.JobCount{s.id: {OK: ok, Failed: failed, RunningMS: 300}},
			Hist: map[int]int64{70: ok / 5, 76: ok - 2*(ok/5), 80: ok / 5, 92: failed},
			Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: launched, Ready: launched.Add(s.age / 20), CPUMS: 500 * ok}}
		switch {
		case s.over:
			l.Final, l.Busy, l.Updated = true, 0, w.at(s, .9+.05*float64(i)/float64(s.workers))
		case i < s.slow:
			c := l.Jobs[s.id]
			c.RunningMS = 30_000
			l.Jobs[s.id] = c
		}
		if i >= s.workers-s.lost {
			l.Final, l.Busy, l.Updated = false, 0, w.at(s, .55)
		}
		c := l.Jobs[s.id]
		c.BusyMS = l.Updated.Sub(l.Cost.Ready).Milliseconds() * int64(6+i%4) / 10
		l.Jobs[s.id] = c
		w.must(w.store.PutLedger(w.t.Context(), l))
	}
}

func (w *world) decisions(s shape) {
	const steps = 60
	half := max(1, s.workers/2)
	for i := range steps {
		part := .02 + .96*float64(i)/steps
		d := store.Decision{Fleet: s.fleet, At: w.at(s, part), Seq: int64(i), Wave: 1, Desired: half, Want: half, Running: min(half, i*half/6), Binding: "wave", Reason: "the first wave is on its way"}
		left := int64(max(0, s.tasks/s.chunk*(steps-i)/steps))
		d.InFlight, d.Visible, d.Delayed = min(left, int64(d.Running)), max(0, left-int64(d.Running)), left/20
		d.Busy, d.Backlog = int(d.InFlight), left*int64(s.chunk)
		switch {
		case i == 0:
			d.Desired, d.Jobs, d.Reason = 0, map[string]int64{s.id: int64(s.tasks)}, fmt.Sprintf("%d tasks wait, 0.9 s each: half of %d workers first", s.tasks, s.workers)
		case i >= 20:
			d.Wave, d.Desired, d.Want, d.Running, d.Binding, d.Reason = 2, s.workers, s.workers, min(s.workers, half+(i-20)*(s.workers-half)/6), "quota", "the quota allows no more"
			if i == 20 {
				d.Desired, d.Jobs, d.Reason = half, map[string]int64{s.id: d.Backlog}, fmt.Sprintf("%d tasks are left; %d of %d wanted, the vCPU quota allows %d", d.Backlog, s.workers, 2*s.workers, s.workers)
			}
		}
		if s.over && i == steps-1 {
			d.Want, d.Reason, d.Binding = 0, "nothing is left", ""
		}
		w.must(w.store.PutDecision(w.t.Context(), d))
	}
}

// logger sends a server's words to the test.
func logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
