package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/observe"
	"github.com/starburst-go/starburst/store"
)

func cancellable(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// witness keeps what it is told.
type witness struct {
	mu     sync.Mutex // protects events
	events []observe.Event
}

func (w *witness) tell(e observe.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *witness) check(t *testing.T, want []observe.Event) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.events, cmpopts.IgnoreFields(observe.Event{}, "Took")); diff != "" {
		t.Error(diff)
	}
}

func TestHandlersAreWitnessed(t *testing.T) {
	t.Parallel()
	timedOut := func(t *testing.T, why error) context.Context {
		t.Helper()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		return ctx
	}
	failed := func(err error) consumer.Handler {
		return func(context.Context, consumer.Task) ([]byte, error) { return nil, err }
	}
	for _, c := range []struct {
		name    string
		handler consumer.Handler
		cause   error
		want    string
	}{
		{"a result", func(context.Context, consumer.Task) ([]byte, error) { return []byte{1}, nil }, nil, observe.OK},
		{"an error", failed(errors.New("no")), nil, observe.Error},
		{"an error after the time limit", failed(errors.New("no")), consumer.ErrTimeout, observe.Timeout},
		{"an error because the worker stops", failed(context.Canceled), consumer.ErrStopping, observe.Stopped},
		{"not begun", failed(consumer.ErrNotRun), nil, observe.Stopped},
		{"an argument that does not fit", failed(consumer.BadArgument("h", errors.New("no"))), nil, observe.Rejected},
		{"a child that died", failed(&consumer.Error{Kind: store.FailDied, Err: errors.New("signal: killed")}), nil, observe.Crash},
		{"a program's own time limit", failed(&consumer.Error{Kind: store.FailTimeout, Err: errors.New("no")}), nil, observe.Timeout},
		{"a panic", func(context.Context, consumer.Task) ([]byte, error) { panic("no") }, nil, observe.Crash},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var w witness
			cfg := consumer.Config{Handlers: consumer.Registry{"h": c.handler}}
			observe.Worker(&cfg, w.tell)
			ctx := t.Context()
			if c.cause != nil {
				ctx = timedOut(t, c.cause)
			}
			func() {
				defer func() { _ = recover() }() // the worker's business
				_, _ = cfg.Handlers["h"](ctx, consumer.Task{Handler: "h", Attempt: 2})
			}()
			w.check(t, []observe.Event{
				{Kind: observe.Began, Name: "h"},
				{Kind: observe.Ended, Name: "h", Outcome: c.want, Attempt: 2},
			})
		})
	}
}

// fake is a queue and a table that answer what they are told to.
type fake struct {
	consumer.Queue
	consumer.Results
	received []types.Message
	failed   []types.BatchResultErrorEntry
	put      store.PutOutcome
	err      error
}

func (f *fake) ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	return &sqs.ReceiveMessageOutput{Messages: f.received}, f.err
}

func (f *fake) DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	return &sqs.DeleteMessageBatchOutput{Failed: f.failed}, f.err
}

func (f *fake) ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	return nil, f.err
}

func (f *fake) SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	return &sqs.SendMessageBatchOutput{}, f.err
}

func (f *fake) PutResult(context.Context, store.Job, store.Result) (store.PutOutcome, error) {
	return f.put, f.err
}

func (f *fake) PutBad(context.Context, store.BadMessage) error { return f.err }

func TestQueueAndTableAreWitnessed(t *testing.T) {
	t.Parallel()
	sent := time.Now().Add(-time.Hour)
	message := func(receives string) types.Message {
		return types.Message{Attributes: map[string]string{"ApproximateReceiveCount": receives, "SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10)}}
	}
	f := &fake{received: []types.Message{message("1"), message("2"), {}}, failed: make([]types.BatchResultErrorEntry, 1), put: store.Written}
	var w witness
	cfg := consumer.Config{Queue: f, Results: f}
	observe.Worker(&cfg, w.tell)
	ctx := t.Context()
	_, _ = cfg.Queue.ReceiveMessage(ctx, nil)
	_, _ = cfg.Queue.DeleteMessageBatch(ctx, nil)
	_, _ = cfg.Queue.SendMessageBatch(ctx, nil)
	_, _ = cfg.Results.PutResult(ctx, store.Job{}, store.Result{Handler: "h", Settled: []store.Settled{
		{Index: 0}, {Index: 1, Failure: &store.Failure{Kind: store.FailDied}},
		{Index: 2, Failure: &store.Failure{Kind: store.FailDeadline}}, {Index: 3, Failure: &store.Failure{Kind: store.FailError}},
	}})
	f.put = store.Refused
	_, _ = cfg.Results.PutResult(ctx, store.Job{}, store.Result{})
	_ = cfg.Results.PutBad(ctx, store.BadMessage{Reason: "json", ReceiveCount: 1})
	_ = cfg.Results.PutBad(ctx, store.BadMessage{Reason: "json", ReceiveCount: 2})
	f.err = errors.New("gone")
	_, _ = cfg.Queue.ReceiveMessage(ctx, nil)
	_, _ = cfg.Queue.ChangeMessageVisibilityBatch(ctx, nil)
	_, _ = cfg.Results.PutResult(ctx, store.Job{}, store.Result{})
	cfg.Beats(5, 2, 1)
	w.check(t, []observe.Event{
		{Kind: observe.Called, Name: "ReceiveMessage", Outcome: observe.OK},
		{Kind: observe.Waited},
		{Kind: observe.Called, Name: "DeleteMessageBatch", Outcome: observe.Partly},
		{Kind: observe.Called, Name: "SendMessageBatch", Outcome: observe.OK},
		{Kind: observe.Unrun, Name: "h", Outcome: observe.Crash},
		{Kind: observe.Unrun, Name: "h", Outcome: observe.Rejected},
		{Kind: observe.Duplicate},
		{Kind: observe.Bad, Name: "json"},
		{Kind: observe.Called, Name: "ReceiveMessage", Outcome: observe.Failed},
		{Kind: observe.Called, Name: "ChangeMessageVisibilityBatch", Outcome: observe.Failed},
		{Kind: observe.Lease, Outcome: observe.Extended, N: 5},
		{Kind: observe.Lease, Outcome: observe.Failed, N: 2},
		{Kind: observe.Lease, Outcome: observe.Lost, N: 1},
	})
}

func TestTasksAreLoggedForThoseWhoWantToReadThemAll(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	secret := "the argument"
	cfg := consumer.Config{Handlers: consumer.Registry{"h": func(context.Context, consumer.Task) ([]byte, error) { return nil, errors.New("no") }}}
	observe.LogTasks(t.Context(), &cfg) // without a log nothing changes
	cfg.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	observe.LogTasks(t.Context(), &cfg)
	_, _ = cfg.Handlers["h"](t.Context(), consumer.Task{
		Job: "j", Index: 7, Attempt: 2, Handler: "h", Arg: []byte(secret), Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	})
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	delete(got, "time")
	delete(got, "duration")
	want := map[string]any{
		"level": "DEBUG", "msg": "task ended", "job": "j", "task": 7., "attempt": 2., "type": "h", "outcome": "error", "err": "no",
		"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(out.String(), secret) {
		t.Error("the argument is in the log")
	}
}
