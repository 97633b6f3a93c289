//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// everything is all faults of the proxy at rates that still let work get done.
func everything() *faults.Plan {
	rates := faults.Rates{
		Delay: 0.1, MaxDelay: 300 * time.Millisecond, DropRequest: 0.03, DropResponse: 0.05,
		Throttle: 0.05, ServerError: 0.03, FailEntry: 0.05, OmitEntry: 0.03,
	}
	receive := rates
	receive.DropResponse, receive.Repeat, receive.Corrupt = 0.02, 0.1, 0.05
	return &faults.Plan{
		Rates: rates, Operations: map[string]faults.Rates{"ReceiveMessage": receive},
		Windows: []faults.Window{
			{Kind: faults.Freeze, Service: faults.SQS, From: 3 * time.Second, To: 5 * time.Second},
			{Kind: faults.Freeze, Service: faults.DynamoDB, From: 7 * time.Second, To: 9 * time.Second},
			{Kind: faults.Expire, From: 11 * time.Second, To: 13 * time.Second},
			{Kind: faults.Freeze, From: 15 * time.Second, To: 16 * time.Second},
		},
	}
}

func TestEveryFaultOfTheNetworkAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{plan: everything()})
	f := w.fleet(t, 4, func() workerSpec { return workerSpec{} })
	tasks := sleeps(pick(1500, 10_000), 10)
	for i := range tasks {
		switch w.rand.IntN(50) {
		case 0:
			tasks[i].Kind = failOnce
		case 1:
			tasks[i].MS = w.rand.IntN(500)
		}
	}
	job := w.submit(t, tasks, 5)
	w.follow(t, job, 3*time.Minute)
	w.drained(t, time.Minute)
	f.stop()
	w.judge(t, job, check.Want{Counted: 0.97})
	total := 0
	var lines []string
	for _, p := range w.proxies {
		counts := p.Counts()
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			total += counts[name]
			lines = append(lines, fmt.Sprintf("%s %d", name, counts[name]))
		}
	}
	t.Logf("%d faults: %s", total, strings.Join(lines, ", "))
	if total < 100 {
		t.Errorf("only %d faults were injected", total)
	}
}

// onBoth runs a scenario on the embedded endpoint, and on ElasticMQ with DynamoDB Local when they are there.
func onBoth(t *testing.T, scenario func(t *testing.T, on endpoints)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		scenario(t, embedded)
	})
	t.Run("servers", func(t *testing.T) {
		t.Parallel()
		if servers.sqs == "" || servers.dynamodb == "" {
			t.Skip("AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB are not set: run under scripts/servers/with-servers.sh")
		}
		scenario(t, servers)
	})
}

func TestKilledWorkersLoseNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on endpoints) {
		t.Helper()
		w := newWorld(t, setup{on: on, visibility: 3 * time.Second})
		f := w.fleet(t, 4, func() workerSpec { return workerSpec{} })
		job := w.submit(t, sleeps(pick(6000, 20_000), pick(10, 12)), 10)
		done, stop := context.WithCancel(t.Context())
		var killer sync.WaitGroup
		kills := 0
		killer.Go(func() {
			for {
				select {
				case <-done.Done():
					return
				case <-time.After(time.Second + time.Duration(w.rand.IntN(2000))*time.Millisecond):
				}
				f.member(w.rand.IntN(4)).signal(t, syscall.SIGKILL)
				kills++
			}
		})
		defer killer.Wait()
		defer stop()
		w.follow(t, job, 3*time.Minute)
		stop()
		killer.Wait()
		w.drained(t, time.Minute)
		f.stop()
		s := w.judge(t, job, check.Want{FirstAttempt: true})
		t.Logf("%d kills, %d items", kills, len(s.Items))
	})
}

// TestKilledBeforeTheChildrenAreSent kills workers that have recorded an item
// and are still sending its children, which takes up to two seconds here.
func TestKilledBeforeTheChildrenAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{visibility: 3 * time.Second, plan: &faults.Plan{
		Operations: map[string]faults.Rates{"SendMessageBatch": {Delay: 1, MaxDelay: 2 * time.Second}},
	}})
	tasks := sleeps(pick(300, 1000), 5)
	for i := range tasks {
		if i%5 == 2 {
			tasks[i].Kind = failOnce
		}
	}
	faulty := w.seen
	w.seen = embedded // the producer meets no faults
	job := w.submit(t, tasks, 5)
	w.seen = faulty
	f := w.fleet(t, 4, func() workerSpec { return workerSpec{} })
	for range pick(5, 20) {
		pause(t, time.Duration(500+w.rand.IntN(1000))*time.Millisecond)
		f.member(w.rand.IntN(4)).signal(t, syscall.SIGKILL)
	}
	w.follow(t, job, 2*time.Minute)
	w.drained(t, time.Minute)
	f.stop()
	s := w.judge(t, job, check.Want{})
	parents := 0
	for _, item := range s.Items {
		if len(item.Children) > 0 {
			parents++
		}
	}
	t.Logf("%d items, %d with children", len(s.Items), parents)
}

func TestRollingRestartsRaiseNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on endpoints) {
		t.Helper()
		w := newWorld(t, setup{on: on})
		spec := func() workerSpec { return workerSpec{Slots: 4} }
		members := make([]*process, 4)
		for i := range members {
			members[i] = w.start(t, spec())
		}
		// Load: a new job whenever the queue runs low.
		feed, full := context.WithCancel(t.Context())
		var feeder sync.WaitGroup
		var jobs []store.Job
		p := w.producer(t, nil)
		feeder.Go(func() {
			for feed.Err() == nil {
				if d, err := check.DepthOf(feed, w.clients.SQS, w.QueueURL); err == nil && d.Visible < 300 {
					r, err := p.Submit(t.Context(), producer.Spec{Handler: "work", Source: producer.Slice(sleeps(1500, 10)), Chunk: 2})
					if err != nil {
						t.Errorf("submit: %v", err)
						return
					}
					jobs = append(jobs, r.Job)
				}
				select {
				case <-feed.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
		defer feeder.Wait()
		defer full()
		var afterPoll, afterSignal []time.Duration
		for n := range pick(12, 50) {
			pause(t, time.Duration(100+w.rand.IntN(300))*time.Millisecond)
			i := n % len(members)
			s := members[i].stop(t)
			if s.Polls > 0 {
				t.Errorf("%d polls began after the signal", s.Polls)
			}
			for _, r := range s.Released {
				if members[i].Grace >= time.Second { // else they may be of tasks that were cut short
					afterPoll, afterSignal = append(afterPoll, r.Sub(s.LastPoll)), append(afterSignal, r.Sub(s.Signal))
				}
			}
			next := spec()
			if w.rand.IntN(3) == 0 {
				next.Grace = time.Millisecond
			}
			members[i] = w.start(t, next)
		}
		full()
		feeder.Wait()
		for _, job := range jobs {
			w.follow(t, job, 2*time.Minute)
		}
		w.drained(t, time.Minute)
		for _, m := range members {
			m.stop(t)
		}
		for _, job := range jobs {
			w.judge(t, job, check.Want{FirstAttempt: true})
		}
		p99Poll, p99Signal := p99(afterPoll), p99(afterSignal)
		t.Logf("%d jobs, %d messages released, p99 %v after the last poll, %v after the signal", len(jobs), len(afterPoll), p99Poll, p99Signal)
		if len(afterPoll) == 0 || p99Poll > time.Second || p99Signal > 3*time.Second {
			t.Errorf("of %d released messages, the 99th percentile is %v after the last poll (want 1 s) and %v after the signal (want 3 s)", len(afterPoll), p99Poll, p99Signal)
		}
	})
}

func p99(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[len(d)*99/100]
}

func TestABlindResendUnderLostAnswersChangesNothing(t *testing.T) {
	t.Parallel()
	plan := &faults.Plan{
		Operations: map[string]faults.Rates{
			"SendMessageBatch": {DropResponse: 0.3, FailEntry: 0.1, OmitEntry: 0.1},
			"ReceiveMessage":   {Repeat: 0.3},
			"PutItem":          {DropResponse: 0.2},
			"UpdateItem":       {DropResponse: 0.1},
		},
		Windows: []faults.Window{{Kind: faults.Freeze, Service: faults.SQS, From: 400 * time.Millisecond, To: 4 * time.Second}},
	}
	w := newWorld(t, setup{plan: plan})
	n := pick(2000, 10_000)
	spec := producer.Spec{Job: "blind", Handler: "work", Source: producer.Slice(sleeps(n, 1)), Chunk: 2}
	// The queue freezes while the job is being sent; what was confirmed until then is reported.
	impatient := w.producer(t, func(c *producer.Config) {
		c.GiveUpAfter, c.InFlight = 500*time.Millisecond, 1
		c.Queue = slowly{c.Queue}
	})
	r, err := impatient.Submit(t.Context(), spec)
	var partly *producer.PartlyEnqueuedError
	if !errors.As(err, &partly) || partly.N != n || partly.Confirmed != r.Sent || partly.Confirmed >= n || partly.Job != "blind" {
		t.Fatalf("%+v, %v; want a job that is partly enqueued", r, err)
	}
	depth, err := check.DepthOf(t.Context(), w.clients.SQS, w.QueueURL)
	if err != nil || 2*depth.Total() < partly.Confirmed {
		t.Errorf("%d tasks are said to be enqueued, but the queue holds %+v (%v)", partly.Confirmed, depth, err)
	}
	job, err := w.store.Job(t.Context(), "blind")
	if err != nil || job.State != store.Open || job.Confirmed > partly.Confirmed {
		t.Errorf("job %+v, %v; want open with at most %d confirmed", job, err, partly.Confirmed)
	}
	f := w.fleet(t, 3, func() workerSpec { return workerSpec{} })
	var resends sync.WaitGroup
	for range 2 { // of two impatient people
		p := w.producer(t, nil)
		resends.Go(func() {
			r, err := p.Submit(t.Context(), spec)
			if err != nil || !r.Resumed || r.Sent+r.Skipped != n {
				t.Errorf("resent: %+v, %v", r, err)
			}
		})
	}
	resends.Wait()
	w.follow(t, job, 2*time.Minute)
	w.drained(t, time.Minute)
	if r, err := w.producer(t, nil).Submit(t.Context(), spec); err != nil || r.Sent != 0 || r.Skipped != n {
		t.Errorf("resent when all was done: %+v, %v; want nothing sent", r, err)
	}
	f.stop()
	w.judge(t, job, check.Want{FirstAttempt: true})
}

// slowly takes its time with each batch, so that a job of any size is still being sent when the queue freezes.
type slowly struct{ producer.Queue }

// SendMessageBatch implements producer.Queue.
func (s slowly) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	time.Sleep(20 * time.Millisecond)
	return s.Queue.SendMessageBatch(ctx, in, o...)
}

func TestPoisonHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{visibility: 3 * time.Second, maxReceives: 12})
	bad := []string{"not base64!", "cGFy", "[[[", `{"f":"work"}`, "3X////8=", "z1.AAAA", `{"f":"nobody","t":[1]}`, `{"f":"work","j":"nojob","t":[1]}`, strings.Repeat("[", 10_000)}
	for _, b := range bad {
		if _, err := w.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.QueueURL, MessageBody: &b}); err != nil {
			t.Fatal(err)
		}
	}
	tasks := sleeps(1000, 2)
	poison := map[int]string{17: panics, 203: goexits, 405: refuses, 611: exits, 800: failOnce}
	for i, kind := range poison {
		tasks[i].Kind = kind
	}
	f := w.fleet(t, 3, func() workerSpec { return workerSpec{} })
	job := w.submit(t, tasks, 10)
	w.follow(t, job, 2*time.Minute)
	w.drained(t, 2*time.Minute)
	f.stop()
	s := w.judge(t, job, check.Want{Failed: 4, DLQ: len(bad)})
	want := map[int]store.FailureKind{17: store.FailPanic, 203: store.FailError, 405: store.FailError, 611: store.FailDied}
	for _, item := range s.Items {
		for _, o := range item.Settled {
			if kind := want[o.Index]; (o.Failure == nil) != (kind == "") || o.Failure != nil && o.Failure.Kind != kind {
				t.Errorf("task %d: %+v, want %q", o.Index, o.Failure, kind)
			}
		}
	}
	recorded := 0
	for b, err := range w.store.Bad(t.Context(), time.Now()) {
		if err != nil || b.Reason == "" {
			t.Errorf("bad message %+v, %v", b, err)
		}
		recorded++
	}
	if recorded != len(bad) {
		t.Errorf("%d bad messages recorded, want %d", recorded, len(bad))
	}
}
