package endtoend

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// burst is a world whose workers the real autoscaler sizes.
type burst struct {
	*world
	hall  *hall
	slots int
	cut   atomic.Int64 // handlers whose context ended
	done  atomic.Int64 // tasks that ran to their end
	quota atomic.Int64 // vCPU, which is workers; 0 is no limit
}

// play is a scenario: change is for the workers, work puts tasks on the queue and returns how many are to be run.
type play struct {
	stack   stack.Options
	slots   int
	change  func(b *burst, n int, c *consumer.Config)
	quota   int64
	during  func(t *testing.T, b *burst) // while it runs
	work    func(t *testing.T, b *burst) (done int)
	workers int // at most, as the hall has seen it; 0 is the maximum
}

// most is the maximum of all scenarios.
const most = 4

// The scenarios mostly wait, so that all are played at once, however few cores there are.
func TestTheLoopWithRealConsumers(t *testing.T) {
	t.Parallel()
	var over sync.WaitGroup
	defer over.Wait()
	for name, p := range map[string]play{
		"mixed producers: tasks of a job and tasks of programs that bypass our client": {
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 30)
				b.sendLoose(t, 20)
				return 50
			},
		},
		"only programs that bypass our client": {
			work: func(t *testing.T, b *burst) int { t.Helper(); b.sendLoose(t, 40); return 40 },
		},
		"a remainder in the dead-letter queue": {
			stack: stack.Options{MaxReceives: 2},
			change: func(_ *burst, _ int, c *consumer.Config) {
				c.Unknown, c.BadBackoff = time.Second, time.Second
			},
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "ghost", Chunk: 2}, 6) // nobody has it
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 2}, 40)
				return 40
			},
		},
		"expired messages: the ledger names tasks that the queue does not hold": {
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 10)
				b.expire(t, 4)
				return 6
			},
		},
		"heartbeat loss: every other worker is not heard of": {
			change: func(b *burst, n int, c *consumer.Config) {
				c.OutOfTouch = 2 * time.Second
				if n%2 == 1 {
					c.Results = muteResults{b.store}
				}
			},
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 60)
				return 60
			},
		},
		"a quota that falls while tasks run": {
			quota: 4,
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 80)
				return 80
			},
			during: func(t *testing.T, b *burst) {
				t.Helper()
				await(t, "four workers", 20*time.Second, func() bool { return b.hall.live() == 4 })
				b.quota.Store(2)
			},
		},
		"a deploy while tasks run: the old workers are released as their successors come": {
			workers: 2 * most,
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "sleep", Chunk: 1}, 40)
				return 40
			},
			during: func(t *testing.T, b *burst) {
				t.Helper()
				await(t, "four workers", 20*time.Second, func() bool { return b.hall.live() == most })
				b.hall.deploy()
				await(t, "the old workers have gone", 30*time.Second, func() bool { return b.hall.outdated() == 0 })
				if done := b.done.Load(); done == 40 {
					t.Error("the old workers went only when all was done")
				}
			},
		},
		"a quota of two": {
			quota: 2, workers: 2,
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 40)
				return 40
			},
		},
		"two jobs whose handlers take differently long": {
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 60)
				b.submit(t, producer.Spec{Handler: "sleep", Chunk: 1}, 6)
				return 66
			},
		},
		"workers of four slots": {
			slots: 4,
			work: func(t *testing.T, b *burst) int {
				t.Helper()
				b.submit(t, producer.Spec{Handler: "nap", Chunk: 1}, 120)
				return 120
			},
		},
	} {
		over.Go(func() { t.Run(name, p.run) })
	}
}

// run plays the scenario: all that can be done is done once, nobody is stopped at work, and the fleet ends at zero.
func (p play) run(t *testing.T) {
	t.Helper()
	b := &burst{world: newWorld(t, p.stack), slots: max(1, p.slots)}
	b.quota.Store(p.quota)
	b.hall = &hall{t: t}
	n := 0
	b.hall.make = func(name string, guard consumer.Guard) (*consumer.Worker, error) { // called one at a time
		c := b.consumer(name, guard)
		if p.change != nil {
			p.change(b, n, &c)
		}
		n++
		return consumer.New(c)
	}
	t.Cleanup(b.hall.close)
	want := p.work(t, b)
	stop := b.lead(t)
	defer stop()
	if p.during != nil {
		p.during(t, b)
	}
	await(t, "the tasks are done", 60*time.Second, func() bool { return b.done.Load() >= int64(want) })
	await(t, "the fleet is at zero", 60*time.Second, func() bool { return b.hall.live() == 0 })
	if done := b.done.Load(); done != int64(want) || b.cut.Load() > 0 {
		t.Errorf("%d tasks were run to their end and %d were cut off; want %d and none", done, b.cut.Load(), want)
	}
	b.hall.check(t)
	limit := most
	if p.workers > 0 {
		limit = p.workers
	}
	if b.hall.peak > limit || b.hall.peak < min(2, limit) {
		t.Errorf("%d workers at most, want 2 to %d", b.hall.peak, limit)
	}
}

// consumer configures a worker at a laptop's pace.
func (b *burst) consumer(name string, guard consumer.Guard) consumer.Config {
	timed := func(d time.Duration) consumer.Handler {
		return func(ctx context.Context, _ consumer.Task) ([]byte, error) {
			b.hall.at(name, +1)
			defer b.hall.at(name, -1)
			select {
			case <-time.After(d):
				b.done.Add(1)
				return codec.Marshal(true)
			case <-ctx.Done():
				b.cut.Add(1)
				return nil, context.Cause(ctx)
			}
		}
	}
	return consumer.Config{
		Queue: b.clients.SQS, QueueURL: b.QueueURL, Results: b.store, Guard: guard, Name: name, Slots: b.slots, MaxPrefetch: -1,
		Handlers: consumer.Registry{"nap": timed(50 * time.Millisecond), "sleep": timed(time.Second)},
		IdleWait: time.Second, BusyWait: time.Second, LedgerEdge: 50 * time.Millisecond, LedgerEvery: 500 * time.Millisecond, ControlEvery: 200 * time.Millisecond,
		Cost: store.CostSample{Provider: "LOCAL", VCPUMilli: 1000, MemoryMiB: 2048, Launched: time.Now()},
	}
}

// lead runs the autoscaler until the returned function is called.
func (b *burst) lead(t *testing.T) (stop func()) {
	t.Helper()
	fc := fleet.Config{
		SQS: b.clients.SQS, ECS: b.hall, Store: b.store, QueueURL: b.QueueURL, Cluster: "hall", Service: "hall", Fleet: b.Fleet, Owner: "test",
		LedgerEvery: 100 * time.Millisecond, MinBilled: -1, WorkerVCPU: 1,
	}
	if b.quota.Load() > 0 {
		fc.Quotas = operatorsQuota{b}
	}
	f, err := fleet.New(fc)
	if err != nil {
		t.Fatal(err)
	}
	loop, err := autoscale.New(autoscale.LoopConfig{
		Interval: 200 * time.Millisecond,
		Policy: autoscale.Config{
			Max: most, Slots: b.slots, StartUp: 200 * time.Millisecond, IdleBeforeShrink: time.Second, IdleBeforeZero: 2 * time.Second,
			StrandedAfter: 7 * time.Second, Policy: autoscale.Policy{MinBilled: -1},
		},
	}, f.Parts())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		if err := loop.Run(ctx); err != nil {
			t.Errorf("the loop: %v", err)
		}
	})
	return func() { cancel(); over.Wait() }
}

// operatorsQuota is a quota that an operator has set.
type operatorsQuota struct{ b *burst }

// Read implements fleet.Quotas.
func (q operatorsQuota) Read(context.Context) (fleet.Quota, error) {
	return fleet.Quota{Known: true, Limit: float64(q.b.quota.Load()), Source: "set by you"}, nil
}

// muteResults is a table that a worker's ledgers cannot be written to while it lives.
type muteResults struct{ *store.Store }

// PutLedger implements consumer.Results.
func (r muteResults) PutLedger(ctx context.Context, l store.Ledger) error {
	if l.Final {
		return r.Store.PutLedger(ctx, l)
	}
	return errors.New("throttled")
}

// sendLoose sends tasks as other programs do.
func (b *burst) sendLoose(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		raw, err := codec.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		body, err := codec.Encode(&codec.Message{Handler: "nap", ID: fmt.Sprint("loose-", i), Args: []msgpack.RawMessage{raw}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &b.QueueURL, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
}

// expire takes messages from the queue that nobody has run, as the end of their retention does.
func (b *burst) expire(t *testing.T, n int) {
	t.Helper()
	for gone := 0; gone < n; {
		out, err := b.clients.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &b.QueueURL, MaxNumberOfMessages: int32(min(10, n-gone)), VisibilityTimeout: 60,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if _, err := b.clients.SQS.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.QueueURL, ReceiptHandle: aws.String(*m.ReceiptHandle)}); err != nil {
				t.Fatal(err)
			}
			gone++
		}
	}
}
