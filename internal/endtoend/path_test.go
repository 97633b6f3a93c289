package endtoend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func TestEveryTaskComesBackInOrder(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name            string
		n, chunk, slots int
		workers         int
	}{
		{"one task", 1, 0, 1, 1},
		{"fewer tasks than workers", 2, 1, 1, 4},
		{"a task a message", 300, 1, 2, 2},
		{"chunks that do not divide the tasks", 1000, 7, 2, 2},
		{"chunks chosen by the producer", 20_000, 0, 1, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stack.Options{})
			w.work(t, c.workers, consumer.Registry{"double": double}, func(cfg *consumer.Config) { cfg.Slots = c.slots })
			job := w.submit(t, producer.Spec{Handler: "double", Chunk: c.chunk}, c.n)
			for _, s := range w.follow(t, job) {
				var got int
				if s.Failure != nil || codec.Unmarshal(s.Value, &got) != nil || got != 2*s.Index {
					t.Fatalf("task %d: %v, %+v", s.Index, got, s.Failure)
				}
			}
			count, err := w.store.Recount(t.Context(), job)
			if err != nil || count.OK != c.n || count.Failed != 0 || len(count.Missing) != 0 {
				t.Errorf("recount %+v, %v; want %d ok", count, err, c.n)
			}
			await(t, "the queue is empty", 20*time.Second, func() bool { return w.depth(t, w.QueueURL) == 0 })
		})
	}
}

func TestNilZeroAndEmptyResultsKeepTheirPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{})
	results := []any{nil, 0, "", []int{}, map[string]int{}, false}
	w.work(t, 1, consumer.Registry{"h": func(_ context.Context, task consumer.Task) ([]byte, error) {
		return codec.Marshal(results[task.Index])
	}}, nil)
	job := w.submit(t, producer.Spec{Handler: "h", Chunk: 2}, len(results))
	for _, s := range w.follow(t, job) {
		want, _ := codec.Marshal(results[s.Index])
		if string(s.Value) != string(want) {
			t.Errorf("result %d is %x, want %x", s.Index, s.Value, want)
		}
	}
}

func TestFailuresAreRetriedAndReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{})
	var mu sync.Mutex
	runs := map[int]int{}
	w.work(t, 2, consumer.Registry{"h": func(ctx context.Context, task consumer.Task) ([]byte, error) {
		mu.Lock()
		runs[task.Index]++
		n := runs[task.Index]
		mu.Unlock()
		switch {
		case task.Index == 3 && n < 2:
			return nil, errors.New("not yet")
		case task.Index == 5:
			panic("never")
		}
		return double(ctx, task)
	}}, nil)
	job := w.submit(t, producer.Spec{Handler: "h", Chunk: 10, MaxAttempts: 2}, 10)
	for _, s := range w.follow(t, job) {
		switch f := s.Failure; {
		case s.Index == 5 && (f == nil || f.Kind != store.FailPanic || f.Attempts != 2 || f.Stack == ""):
			t.Errorf("task 5: %+v, want a panic after 2 attempts, with its stack", f)
		case s.Index != 5 && f != nil:
			t.Errorf("task %d failed: %+v", s.Index, f)
		}
	}
	if runs[3] != 2 || runs[5] != 2 || runs[0] != 1 {
		t.Errorf("runs %v, want two of tasks 3 and 5, one of the others", runs)
	}
}

func TestATaskTypedByHandInAnyLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{})
	w.work(t, 1, consumer.Registry{"double": double}, nil)
	out, err := w.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.QueueURL, MessageBody: aws.String(`{"f":"double","t":[21]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var res store.Result
	await(t, "the result is there", 20*time.Second, func() bool {
		var found bool
		res, found, err = w.store.LooseResult(t.Context(), aws.ToString(out.MessageId), "0")
		return err == nil && found
	})
	var got int
	if err := codec.Unmarshal(res.Settled[0].Value, &got); err != nil || got != 42 {
		t.Errorf("result %v, %v; want 42", got, err)
	}
}

func TestBadMessagesEndInTheDLQWithAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{MaxReceives: 2, Visibility: 3 * time.Second})
	w.work(t, 2, consumer.Registry{"double": double}, func(c *consumer.Config) { c.BadBackoff, c.Unknown = time.Second, time.Second })
	bodies := []string{"not base64!", "cGFy", "[[[", `{"f":"double"}`, "3X////8=", `{"f":"nobody","t":[1]}`, `{"f":"double","j":"nojob","t":[1]}`}
	for _, b := range bodies {
		if _, err := w.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.QueueURL, MessageBody: &b}); err != nil {
			t.Fatal(err)
		}
	}
	job := w.submit(t, producer.Spec{Handler: "double"}, 100)
	if got := len(w.follow(t, job)); got != 100 {
		t.Errorf("%d good results, want 100", got)
	}
	await(t, "all bad messages are in the DLQ", 40*time.Second, func() bool { return w.depth(t, w.DLQURL) == len(bodies) })
	recorded := 0
	for b, err := range w.store.Bad(t.Context(), time.Now()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Reason == "" {
			t.Errorf("bad message %s has no reason", b.MessageID)
		}
		recorded++
	}
	if recorded != len(bodies) {
		t.Errorf("%d bad messages recorded, want %d", recorded, len(bodies))
	}
}

func TestTheSameJobAgainSendsOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{})
	w.work(t, 1, consumer.Registry{"double": double}, nil)
	spec := producer.Spec{Job: "again", Handler: "double", Chunk: 10, Source: producer.Range{From: 0, To: 99, Step: 1}}
	w.follow(t, w.submit(t, spec, 0))
	r, err := w.producer(t).Submit(t.Context(), spec)
	if err != nil || !r.Resumed || r.Sent != 0 || r.Skipped != 100 {
		t.Errorf("resumed: %+v, %v; want all 100 skipped", r, err)
	}
	spec.Source = producer.Range{From: 1, To: 100, Step: 1}
	var conflict *producer.JobConflictError
	if _, err := w.producer(t).Submit(t.Context(), spec); !errors.As(err, &conflict) {
		t.Errorf("other input: %v, want a conflict", err)
	}
}

func TestLargeArgumentsAndResultsGoThroughTheBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{})
	w.work(t, 1, consumer.Registry{"repeat": func(_ context.Context, task consumer.Task) ([]byte, error) {
		s := arg[string](task)
		return codec.Marshal(s + s)
	}}, nil)
	args := []string{"small", strings.Repeat("large", 400_000), "small too"}
	job := w.submit(t, producer.Spec{Handler: "repeat", Source: producer.Slice(args)}, 0)
	for _, s := range w.follow(t, job) {
		var got string
		if s.Failure != nil {
			t.Fatalf("task %d: %+v", s.Index, s.Failure)
		}
		if err := codec.Unmarshal(s.Value, &got); err != nil || got != args[s.Index]+args[s.Index] {
			t.Errorf("task %d: %d bytes, %v; want %d", s.Index, len(got), err, 2*len(args[s.Index]))
		}
	}
}

func TestRollingWorkersLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{MaxReceives: 20})
	slow := func(ctx context.Context, task consumer.Task) ([]byte, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		return double(ctx, task)
	}
	job := w.submit(t, producer.Spec{Handler: "slow", Chunk: 25}, 4000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 8 {
			stop := w.work(t, 2, consumer.Registry{"slow": slow}, func(c *consumer.Config) { c.Grace = 100 * time.Millisecond })
			select {
			case <-t.Context().Done():
			case <-time.After(300 * time.Millisecond):
			}
			stop()
		}
		w.work(t, 2, consumer.Registry{"slow": slow}, nil)
	}()
	for _, s := range w.follow(t, job) {
		if s.Failure != nil {
			t.Fatalf("task %d: %+v", s.Index, s.Failure)
		}
	}
	<-done
	if n := w.depth(t, w.DLQURL); n != 0 {
		t.Errorf("%d messages in the DLQ", n)
	}
	count, err := w.store.Recount(t.Context(), job)
	if err != nil || count.OK != job.N {
		t.Errorf("recount %+v, %v", count, err)
	}
}
