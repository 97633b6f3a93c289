package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// world is a queue, a table and a bucket in memory, with the faults a test wants.
type world struct {
	// before, if set, is called before a batch is taken; its error fails the call.
	before func(ctx context.Context, call int) error
	// refuse, if set, tells for a message (by its number on the queue's door) that it fails.
	refuse func(message int) bool
	// sealErr and confirmErr, if set, are what Seal and SetConfirmed answer.
	sealErr, confirmErr error
	// putErr, if set, is asked before an object is stored.
	putErr func(call int) error

	mu        sync.Mutex // protects what follows
	calls     int
	messages  int
	bodies    []string
	groups    []string
	jobs      map[string]store.Job
	confirms  []int
	pending   []store.Child
	asked     int // how often Pending was asked
	blobs     map[string][]byte
	blobCalls int
}

func newWorld() *world { return &world{jobs: map[string]store.Job{}, blobs: map[string][]byte{}} }

func (w *world) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	w.mu.Lock()
	call := w.calls
	w.calls++
	w.mu.Unlock()
	if w.before != nil {
		if err := w.before(ctx, call); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := &sqs.SendMessageBatchOutput{}
	bytes := 0
	for _, e := range in.Entries {
		bytes += len(*e.MessageBody)
		refused := w.refuse != nil && w.refuse(w.messages)
		w.messages++
		if refused {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError")})
			continue
		}
		w.bodies = append(w.bodies, strings.Clone(*e.MessageBody))
		w.groups = append(w.groups, aws.ToString(e.MessageGroupId))
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	if bytes > codec.MaxBody || len(in.Entries) > 10 {
		return nil, &types.BatchRequestTooLong{}
	}
	return out, nil
}

func (w *world) CreateJob(_ context.Context, j store.Job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, ok := w.jobs[j.ID]; ok {
		return &store.JobExistsError{Existing: old}
	}
	w.jobs[j.ID] = j
	return nil
}

func (w *world) SetConfirmed(_ context.Context, id string, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.confirmErr != nil {
		return w.confirmErr
	}
	j := w.jobs[id]
	j.Confirmed = max(j.Confirmed, n)
	w.jobs[id] = j
	w.confirms = append(w.confirms, n)
	return nil
}

func (w *world) Seal(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealErr != nil {
		return w.sealErr
	}
	j := w.jobs[id]
	j.State = store.Sealed
	w.jobs[id] = j
	return nil
}

func (w *world) Pending(context.Context, store.Job) iter.Seq2[store.Child, error] {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	pending := slices.Clone(w.pending)
	return func(yield func(store.Child, error) bool) {
		for _, c := range pending {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (w *world) Put(_ context.Context, key string, b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blobCalls++
	if w.putErr != nil {
		if err := w.putErr(w.blobCalls - 1); err != nil {
			return err
		}
	}
	w.blobs[key] = slices.Clone(b)
	return nil
}

// failer is what a *testing.T and a *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
	Fatal(...any)
}

// config is that of a producer in the world.
func (w *world) config() producer.Config {
	return producer.Config{
		Queue: w, QueueURL: "https://queue", Jobs: w, Blobs: w,
		Now:   func() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) },
		NewID: func(time.Time) string { return "job-1" },
	}
}

func (w *world) producer(t testing.TB) *producer.Producer {
	t.Helper()
	p, err := producer.New(w.config())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decoded returns the messages on the queue, those without a set identity given their own.
func (w *world) decoded(t failer) []*codec.Message {
	t.Helper()
	var out []*codec.Message
	for _, body := range w.bodies {
		m, err := codec.Decode(body)
		if err != nil {
			t.Fatalf("on the queue: %v", err)
		}
		m.Identity = m.Self()
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b *codec.Message) int { return a.First - b.First })
	return out
}

// tasks returns the argument of each task on the queue as JSON, by index. The same
// task twice with another argument fails the test.
func (w *world) tasks(t failer) map[int]string {
	t.Helper()
	tasks := map[int]string{}
	for _, m := range w.decoded(t) {
		args := m.Args
		if m.Offload != nil {
			var err error
			if args, err = codec.DecodeArgs(w.blobs[m.Offload.Key]); err != nil {
				t.Fatalf("offloaded %s: %v", m.Offload.Key, err)
			}
		}
		for k, arg := range args {
			text, err := codec.MsgpackToJSON(arg)
			if err != nil {
				t.Fatal(err)
			}
			i := m.Index(k)
			if old, twice := tasks[i]; twice && old != string(text) {
				t.Errorf("task %d is on the queue with %s and with %s", i, old, text)
			}
			tasks[i] = string(text)
		}
	}
	return tasks
}

// wantTasks fails unless exactly the tasks 0..n-1 are on the queue and task i has arg(i).
func (w *world) wantTasks(t failer, n int, arg func(i int) string) {
	t.Helper()
	got := w.tasks(t)
	if len(got) != n {
		t.Errorf("%d tasks are on the queue, want %d", len(got), n)
	}
	for _, i := range slices.Sorted(maps.Keys(got)) {
		if want := arg(i); got[i] != want {
			t.Errorf("task %d has %s, want %s", i, got[i], want)
			return
		}
	}
}

func (w *world) state(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	j, ok := w.jobs[id]
	if !ok {
		return "none"
	}
	return fmt.Sprintf("%s %d/%d", j.State, j.Confirmed, j.N)
}

var errNetwork = errors.New("connection reset by peer")

func ints(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}
