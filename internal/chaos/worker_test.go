//go:build unix

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/stack"
)

// envWorker makes the test binary a worker with this spec, in JSON.
const envWorker = "STARBURST_CHAOS_WORKER"

// workerSpec is what a worker process is told beside the stack in its environment.
type workerSpec struct {
	Name  string
	Dir   string // for what it notes
	Slots int
	Grace time.Duration
	Files uint64 // the most open files; 0 for the system's limit
}

// work is a task's argument.
type work struct {
	MS   int    `json:"ms"`
	Kind string `json:"kind"`
}

// Kinds of work beside sleeping.
const (
	failOnce = "fail once"
	panics   = "panics"
	exits    = "exits"   // ends the worker process
	goexits  = "goexits" // ends its goroutine
	gated    = "gated"   // waits for the file "gate"
	refuses  = "refuses" // fails for good
)

// workerMain runs a worker until SIGTERM, and returns the exit code.
func workerMain(raw string) int {
	go func() { // nobody holds the other end any more: the test has gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	var w workerSpec
	if err := json.Unmarshal([]byte(raw), &w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if w.Files > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: w.Files, Max: w.Files}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	queue := &watchedQueue{}
	go func() {
		<-signals
		queue.stopping()
		cancel()
	}()
	if err := runWorker(ctx, w, queue); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runWorker(ctx context.Context, w workerSpec, queue *watchedQueue) error {
	s := stack.FromEnv()
	clients, err := stack.Open(ctx, s)
	if err != nil {
		return err
	}
	queue.Queue = clients.SQS
	runs, err := os.OpenFile(filepath.Join(w.Dir, "runs"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer runs.Close()
	c := consumer.Config{
		Queue: queue, QueueURL: s.QueueURL, Results: s.Store(clients), Name: w.Name, Slots: w.Slots, Grace: w.Grace,
		Handlers: consumer.Registry{"work": func(ctx context.Context, t consumer.Task) ([]byte, error) { return handle(ctx, w, runs, t) }},
		IdleWait: time.Second, BusyWait: time.Second, LedgerEvery: time.Second, LedgerEdge: 200 * time.Millisecond,
		ControlEvery: time.Second, BadBackoff: time.Second, Unknown: 2 * time.Second, RetryBase: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	worker, err := consumer.New(c)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	go func() {
		for range ticker.C {
			_ = os.WriteFile(filepath.Join(w.Dir, "goroutines-"+w.Name), fmt.Appendf(nil, "%d", runtime.NumGoroutine()), 0o600)
		}
	}()
	err = worker.Run(ctx)
	return errors.Join(err, queue.report(filepath.Join(w.Dir, "stop-"+w.Name)))
}

// handle runs one task and notes that it has begun.
func handle(ctx context.Context, w workerSpec, runs io.Writer, t consumer.Task) ([]byte, error) {
	var arg work
	if err := codec.Unmarshal(t.Arg, &arg); err != nil {
		return nil, consumer.BadArgument("work", err)
	}
	if _, err := fmt.Fprintf(runs, "%s %d %d %s\n", t.Job, t.Index, t.Attempt, w.Name); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(time.Duration(arg.MS) * time.Millisecond):
	}
	switch arg.Kind {
	case failOnce:
		if t.Attempt == 1 {
			return nil, errors.New("not yet")
		}
	case panics:
		panic("on purpose")
	case exits:
		os.Exit(3)
	case goexits:
		runtime.Goexit()
	case refuses:
		return nil, consumer.Permanent(errors.New("never"))
	case gated:
		for !exists(filepath.Join(w.Dir, "gate")) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return codec.Marshal(resultOf(t.Index))
}

// resultOf is the result of task i.
func resultOf(i int) int { return 2*i + 1 }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// stopTimes are the moments of a worker's stop.
type stopTimes struct {
	Signal   time.Time
	LastPoll time.Time   // when the last poll ended
	Released []time.Time // when each message was back in the queue, for those after the signal
	Polls    int         // begun after the signal
}

// watchedQueue notes when a stopping worker does what.
type watchedQueue struct {
	consumer.Queue

	mu    sync.Mutex // protects times
	times stopTimes
}

func (q *watchedQueue) stopping() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.times.Signal = time.Now()
}

// ReceiveMessage implements consumer.Queue.
func (q *watchedQueue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	q.mu.Lock()
	// A poll that was decided on in the moment of the signal is none after it.
	if s := q.times.Signal; !s.IsZero() && time.Since(s) > 500*time.Millisecond {
		q.times.Polls++
	}
	q.mu.Unlock()
	out, err := q.Queue.ReceiveMessage(ctx, in, o...)
	q.mu.Lock()
	q.times.LastPoll = time.Now()
	q.mu.Unlock()
	return out, err
}

// ChangeMessageVisibilityBatch implements consumer.Queue.
func (q *watchedQueue) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, o ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	out, err := q.Queue.ChangeMessageVisibilityBatch(ctx, in, o...)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		if err == nil && e.VisibilityTimeout == 0 && !q.times.Signal.IsZero() {
			q.times.Released = append(q.times.Released, time.Now())
		}
	}
	return out, err
}

func (q *watchedQueue) report(path string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := json.Marshal(q.times)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// setEnv sets variables of the form name=value.
func setEnv(env []string) error {
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	return nil
}
