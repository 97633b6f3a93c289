package virtual_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/store"
)

// Stories of docs/reliability.md that take their time.

// story is a queue with loose tasks 0 to n−1, and the configuration of a worker for them.
func story(t *testing.T, o virtual.QueueOptions, n int, h consumer.Handler) (*virtual.Queue, *store.Store, consumer.Config) {
	t.Helper()
	queue, results := virtual.NewQueue(o), store.New(virtual.NewTable(), "t")
	for i := range n {
		m := codec.Message{Handler: "work", ID: fmt.Sprint("task", i), Attempt: 1, Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
		m.Args = []msgpack.RawMessage{argument(t, i)}
		queue.Add(encode(t, m), 0)
	}
	return queue, results, consumer.Config{
		Queue: queue, QueueURL: "q", Results: results, Name: "w", Handlers: consumer.Registry{"work": h}, Rand: rand.New(rand.NewPCG(1, 2)),
	}
}

// running runs workers until the test calls stop.
func running(t *testing.T, configs ...consumer.Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, c := range configs {
		w, err := consumer.New(c)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// sleepy is a handler that takes so long.
func sleepy(d time.Duration) consumer.Handler {
	return func(context.Context, consumer.Task) ([]byte, error) {
		time.Sleep(d) // virtual
		return nil, nil
	}
}

// Story 15: with as many messages in flight as there can be, long polls come back
// empty and say nothing. Workers must neither spin nor stop asking.
func TestAtTheCapOfMessagesInFlightWorkersGoOnAskingInPeace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue, _, c := story(t, virtual.QueueOptions{MaxInFlight: 1}, 30, sleepy(time.Minute))
		other := c
		other.Name, other.Rand = "w2", nil
		start := time.Now()
		stop := running(t, c, other)
		for queue.Len() > 0 && time.Since(start) < time.Hour {
			time.Sleep(time.Second)
		}
		took, receives := time.Since(start), queue.Receives()
		stop()
		// One message at a time: half an hour, and at most a poll's wait between two.
		if took > 45*time.Minute {
			t.Errorf("30 minutes of work took %v", took)
		}
		if perMinute := float64(receives) / took.Minutes(); perMinute > 8 {
			t.Errorf("%.1f receives a minute of two workers, want ≤ 8", perMinute)
		}
	})
}

// Story 31: what a burst opens, the first empty poll closes.
func TestPollsOfABurstFallBackToOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue, _, c := story(t, virtual.QueueOptions{}, 2000, sleepy(5*time.Millisecond))
		c.Slots = 40
		slow := &slowQueue{Queue: queue}
		c.Queue = slow
		stop := running(t, c)
		peak := 0
		for queue.Len() > 0 {
			peak = max(peak, slow.open())
			time.Sleep(time.Millisecond)
		}
		time.Sleep(consumer.DefaultIdleWait + time.Second) // the empty poll
		idle := 0
		for range 120 {
			idle = max(idle, slow.open())
			time.Sleep(time.Second)
		}
		before := queue.Receives()
		time.Sleep(time.Hour)
		perMinute := float64(queue.Receives()-before) / 60
		stop()
		if peak < 2 {
			t.Errorf("at most %d polls at once during the burst: the story needs several", peak)
		}
		if idle != 1 || perMinute > 3.05 {
			t.Errorf("after the burst %d polls at once and %.2f a minute, want one, and ≤ 3", idle, perMinute)
		}
	})
}

// slowQueue is a queue 50 ms away.
type slowQueue struct {
	*virtual.Queue

	mu sync.Mutex // protects n
	n  int        // receives under way
}

func (q *slowQueue) open() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

func (q *slowQueue) count(by int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.n += by
}

func (q *slowQueue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	q.count(+1)
	defer q.count(-1)
	time.Sleep(50 * time.Millisecond) // virtual
	return q.Queue.ReceiveMessage(ctx, in, o...)
}

// Story 41: SQS allows ten attributes, and tracing libraries add an eleventh. The
// trace travels in the body, and as the one system attribute that is made for it and counts towards no limit.
func TestMessagesCarryTheirTraceInTheBodyAndNoAttributes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		traces := map[string]int{}
		queue, _, c := story(t, virtual.QueueOptions{}, 3, func(_ context.Context, t consumer.Task) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			traces[t.Trace]++
			return nil, errTask // so that children are sent
		})
		sends := &sends{Queue: queue}
		c.Queue = sends
		stop := running(t, c)
		for queue.Len() > 0 {
			time.Sleep(time.Second)
		}
		stop()
		if sends.messages != 6 || sends.attributes != 0 {
			t.Errorf("%d children with %d attributes, want 6 with none", sends.messages, sends.attributes)
		}
		if len(traces) != 1 || traces["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] != 9 {
			t.Errorf("traces of the runs: %v, want the sender's nine times", traces)
		}
	})
}

// sends counts what is sent to a queue.
type sends struct {
	*virtual.Queue

	mu                   sync.Mutex // protects the counts
	messages, attributes int
}

func (q *sends) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	q.mu.Lock()
	for _, e := range in.Entries {
		q.messages++
		q.attributes += len(e.MessageAttributes)
		for name := range e.MessageSystemAttributes {
			if name != string(types.MessageSystemAttributeNameForSendsAWSTraceHeader) {
				q.attributes++
			}
		}
	}
	q.mu.Unlock()
	return q.Queue.SendMessageBatch(ctx, in, o...)
}

// An outage that outlasts the leases ends runs like a death does. It is none: no
// task may be given up for it, however often it happens.
func TestOutagesAreNoDeaths(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]faults.Kind{"nobody answers": faults.Freeze, "the credentials have expired": faults.Expire} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := plain()
				s.n, s.chunk, s.tasks, s.storm = 6, 1, nil, 15*time.Minute
				for range s.n {
					s.tasks = append(s.tasks, task{kind: good, took: 100 * time.Second})
				}
				for at := 20 * time.Second; at < s.storm; at += 150 * time.Second {
					s.plan.Windows = append(s.plan.Windows, faults.Window{Kind: kind, From: at, To: at + 70*time.Second})
				}
				w := newWorld(s)
				if wrong := w.run(t); len(wrong) > 0 {
					t.Errorf("%s\n%v", strings.Join(wrong, "\n"), w.scenario)
				}
			})
		})
	}
}
