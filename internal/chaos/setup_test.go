//go:build unix

package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// world is one stack of its own.
type world struct {
	stack.Stack
	clients *stack.Clients // that see no faults
	store   *store.Store
	rand    *rand.Rand
	dir     string
	seen    endpoints // what workers and producers speak to
	proxies []*faults.Proxy
	workers atomic.Int64
}

// setup of a world.
type setup struct {
	on          endpoints // default: embedded
	visibility  time.Duration
	maxReceives int
	// plan, if set, puts fault proxies in between; so does before.
	plan   *faults.Plan
	before func(context.Context, faults.Call)
}

var worlds atomic.Int64

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	ctx := t.Context()
	if s.on == (endpoints{}) {
		s.on = embedded
	}
	if s.visibility == 0 {
		s.visibility = 4 * time.Second
	}
	h := fnv.New64a()
	fmt.Fprint(h, t.Name())
	w := &world{dir: t.TempDir(), seen: s.on, rand: rand.New(rand.NewPCG(seed, h.Sum64()))}
	var err error
	if w.clients, err = clients(ctx, s.on); err != nil {
		t.Fatal(err)
	}
	o := stack.Options{Name: fmt.Sprintf("chaos%d-%d", os.Getpid(), worlds.Add(1)), Visibility: s.visibility, MaxReceives: s.maxReceives, NoBucket: true}
	if w.Stack, err = stack.Create(ctx, w.clients, stack.Stack{Fleet: "default"}, o); err != nil {
		t.Fatal(err)
	}
	w.store = w.Store(w.clients)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the workers' last words:\n%s", seed, w.logs(15))
		}
	})
	if s.plan == nil && s.before == nil {
		return w
	}
	var plan faults.Plan
	if s.plan != nil {
		plan = *s.plan
		plan.Seed = seed
	}
	w.seen = endpoints{w.proxy(t, s.on.sqs, plan, s.before), w.proxy(t, s.on.dynamodb, plan, s.before)}
	return w
}

func (w *world) proxy(t *testing.T, upstream string, plan faults.Plan, before func(context.Context, faults.Call)) string {
	t.Helper()
	p, err := faults.Start(faults.Config{Upstream: upstream, Plan: plan, Before: before})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	w.proxies = append(w.proxies, p)
	return p.URL()
}

// clients returns clients of the endpoints.
func clients(ctx context.Context, e endpoints) (*stack.Clients, error) {
	c, err := stack.Open(ctx, stack.Stack{})
	if err != nil {
		return nil, err
	}
	c.SQS = sqs.New(c.SQS.Options(), func(o *sqs.Options) { o.BaseEndpoint = &e.sqs })
	c.DB = dynamodb.New(c.DB.Options(), func(o *dynamodb.Options) { o.BaseEndpoint = &e.dynamodb })
	return c, nil
}

// producer returns a producer that meets the world's faults.
func (w *world) producer(t *testing.T, change func(*producer.Config)) *producer.Producer {
	t.Helper()
	c, err := clients(t.Context(), w.seen)
	if err != nil {
		t.Fatal(err)
	}
	cfg := producer.Config{Queue: c.SQS, QueueURL: w.QueueURL, Jobs: w.Store(c)}
	if change != nil {
		change(&cfg)
	}
	p, err := producer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// submit makes a job of the work and returns it. What a fault cut off is submitted
// again as the same job, as the error tells a user to do.
func (w *world) submit(t *testing.T, tasks []work, chunk int) store.Job {
	t.Helper()
	spec := producer.Spec{Handler: "work", Source: producer.Slice(tasks), Chunk: chunk}
	for range 50 {
		r, err := w.producer(t, nil).Submit(t.Context(), spec)
		if err == nil {
			return r.Job
		}
		if partly, ok := errors.AsType[*producer.PartlyEnqueuedError](err); ok { // else not even the job was made
			spec.Job = partly.Job
		}
		t.Logf("submitting again after: %v", err)
		pause(t, 200*time.Millisecond)
	}
	t.Fatal("submit: still not all sent after 50 attempts")
	return store.Job{}
}

// sleeps is n tasks that sleep for so many milliseconds.
func sleeps(n, ms int) []work {
	tasks := make([]work, n)
	for i := range tasks {
		tasks[i].MS = ms
	}
	return tasks
}

// follow waits for all results of the job and checks the values of those that succeeded.
func (w *world) follow(t *testing.T, job store.Job, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	seen := 0
	for s, err := range w.store.Results(ctx, job, store.ReadOptions{Follow: true}) {
		if err != nil {
			depth, _ := check.DepthOf(t.Context(), w.clients.SQS, w.QueueURL)
			count, _ := w.store.Recount(t.Context(), job)
			t.Fatalf("after %d of %d results: %v; queue %+v, missing %v", seen, job.N, err, depth, count.Missing)
		}
		if s.Index != seen {
			t.Fatalf("result %d came in place %d", s.Index, seen)
		}
		seen++
		var got int
		if s.Failure == nil && (codec.Unmarshal(s.Value, &got) != nil || got != resultOf(s.Index)) {
			t.Fatalf("result %d is %d", s.Index, got)
		}
	}
}

// drained waits until the queue is empty and stays so for a moment.
func (w *world) drained(t *testing.T, limit time.Duration) {
	t.Helper()
	end := time.Now().Add(limit)
	for empty := 0; empty < 3; {
		d, err := check.DepthOf(t.Context(), w.clients.SQS, w.QueueURL)
		switch {
		case err != nil:
			t.Fatal(err)
		case d.Total() == 0:
			empty++
		case time.Now().After(end):
			t.Fatalf("the queue still holds %+v after %v", d, limit)
		default:
			empty = 0
		}
		pause(t, 100*time.Millisecond)
	}
}

// judge checks what a job has left behind, after its workers have stopped.
func (w *world) judge(t *testing.T, job store.Job, want check.Want) check.State {
	t.Helper()
	s, err := check.Read(t.Context(), check.Source{SQS: w.clients.SQS, DB: w.clients.DB, Store: w.store, QueueURL: w.QueueURL, DLQURL: w.DLQURL}, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range check.Table(s, want) {
		t.Errorf("job %s: %v", job.ID, v)
	}
	var effects, runs check.History
	for i := range job.N {
		e := check.Enqueue{Element: strconv.Itoa(i), Outcome: check.Acknowledged}
		effects.Enqueued = append(effects.Enqueued, e)
		runs.Enqueued = append(runs.Enqueued, e)
	}
	for _, item := range s.Items {
		for _, o := range item.Settled {
			effects.Dequeued = append(effects.Dequeued, strconv.Itoa(o.Index))
		}
	}
	for _, r := range w.runs(t) {
		if r.job == job.ID {
			runs.Dequeued = append(runs.Dequeued, strconv.Itoa(r.index))
		}
	}
	of, ran := check.TotalQueue(effects), check.TotalQueue(runs)
	if err := errors.Join(of.Err(), ran.Err()); err != nil || of.Duplicated > 0 {
		t.Errorf("job %s: effects: %v; runs: %v; %v", job.ID, of, ran, err)
	}
	t.Logf("job %s: effects: %v; runs: %d duplicated", job.ID, of, ran.Duplicated)
	return s
}

// run is one line of the workers' common list of tasks that were begun.
type run struct {
	job            string
	index, attempt int
	worker         string
}

func (w *world) runs(t *testing.T) (all []run) {
	t.Helper()
	f, err := os.Open(filepath.Join(w.dir, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r run
		if _, err := fmt.Sscan(lines.Text(), &r.job, &r.index, &r.attempt, &r.worker); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		all = append(all, r)
	}
	return all
}

// pause waits for time to pass, which is what chaos is about.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// await polls until cond holds; other processes offer no signal to wait for.
func await(t *testing.T, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !cond(); pause(t, 20*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %v", what, limit)
		}
	}
}

// pick chooses by tier.
func pick(short, long int) int {
	if full {
		return long
	}
	return short
}
