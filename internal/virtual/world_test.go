package virtual_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

const (
	jobID = "job"
	fleet = "default"
	// maxReceives is the product's own.
	maxReceives = 20
	// patience is how long after the storm everything must be done.
	patience = 6 * time.Hour
)

// world is one run of a scenario: a queue, a table and the workers.
type world struct {
	scenario
	queue *virtual.Queue
	table *virtual.Table
	store *store.Store // that sees no faults
	start time.Time
	over  chan struct{} // closed when no worker is started any more
	free  chan struct{} // closed when handlers that hang may end

	mu    sync.Mutex // protects what follows
	procs []*proc    // the living, by place
	runs  map[int]int
	// deaths counts how often a worker died while it ran a task, by task.
	deaths map[int]int
	killed int // workers
	// together is the most runs of a task at the same time, by task.
	together map[int]int
	objects  map[string][]byte
	events   []string
}

// proc is one worker process.
type proc struct {
	*conn
	stop   context.CancelFunc
	hurry  func()
	inside map[int]int // tasks that are running; protected by world.mu
}

// maxEvents bounds the log of a run.
const maxEvents = 20_000

func newWorld(s scenario) *world {
	return &world{
		scenario: s, queue: virtual.NewQueue(virtual.QueueOptions{Visibility: s.visibility, MaxReceives: maxReceives, MaxInFlight: s.inFlight}),
		table: virtual.NewTable(), start: time.Now(), over: make(chan struct{}), free: make(chan struct{}),
		procs: make([]*proc, s.workers), runs: map[int]int{}, deaths: map[int]int{}, together: map[int]int{}, objects: map[string][]byte{},
	}
}

func (w *world) tracef(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) < maxEvents {
		w.events = append(w.events, fmt.Sprintf("%9.3f ", time.Since(w.start).Seconds())+fmt.Sprintf(format, args...))
	}
}

func (w *world) calm() bool { return time.Since(w.start) >= w.storm }

// run plays the scenario until everything is done, and returns what is wrong.
func (w *world) run(t *testing.T) []string {
	t.Helper()
	ctx := t.Context()
	w.store = store.New(w.table, "t", store.WithRand(source(w.seed, 1)))
	job := store.Job{
		ID: jobID, Handler: "work", Fleet: fleet, N: w.n, Plan: store.Plan{Chunk: w.chunk}, Shards: w.shards,
		MaxAttempts: w.attempts, Timeout: w.limit, Created: time.Now(), Expires: time.Now().Add(90 * 24 * time.Hour),
	}
	if w.submits == 0 {
		if err := w.store.CreateJob(ctx, job); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	sent := make(chan struct{})
	all.Go(func() { defer close(sent); w.send(t) })
	for i := range w.workers {
		all.Go(func() { w.place(ctx, i) })
	}
	for _, h := range w.happenings {
		all.Go(func() { w.happen(h) })
	}
	if w.cancelAt > 0 {
		all.Go(func() { w.cancelJob(t) })
	}
	time.Sleep(max(w.storm, w.spread, w.cancelAt)) // virtual, as are all the others
	<-sent
	w.awaitEmpty()
	for range w.resends {
		w.send(t)
		w.awaitEmpty()
	}
	w.tracef("the queue is empty, or patience has ended: %+v", w.queue.Depth())
	close(w.over)
	w.mu.Lock()
	for _, p := range w.procs {
		if p != nil {
			p.stop()
		}
	}
	w.mu.Unlock()
	close(w.free)
	all.Wait()
	job, err := w.store.Job(ctx, jobID)
	if err != nil {
		t.Fatal(err)
	}
	return w.judge(ctx, job)
}

// awaitEmpty waits until the queue has been empty for three minutes: what a network
// holds back may still arrive.
func (w *world) awaitEmpty() {
	for end, empty := time.Now().Add(patience), 0; empty < 180 && time.Now().Before(end); empty++ {
		if w.queue.Len() > 0 {
			empty = 0
		}
		time.Sleep(time.Second)
	}
}

// send puts the messages into the queue.
func (w *world) send(t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(w.seed, 2))
	var bodies []string
	for first := 0; first < w.n && w.submits == 0; first += w.chunk {
		m := codec.Message{Handler: "work", Job: jobID, First: first, Attempt: 1}
		for i := first; i < min(first+w.chunk, w.n); i++ {
			m.Args = append(m.Args, argument(t, i))
		}
		if w.offload {
			w.offloadArgs(&m)
		}
		bodies = append(bodies, encode(t, m))
	}
	for i := w.n; i < len(w.tasks); i++ {
		bodies = append(bodies, encode(t, codec.Message{Handler: "work", ID: fmt.Sprint("loose", i), Attempt: 1, Args: []msgpack.RawMessage{argument(t, i)}}))
	}
	bodies = append(bodies, w.garbage...)
	r.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	for _, b := range bodies {
		w.queue.Add(b, 0)
		time.Sleep(w.spread / time.Duration(len(bodies)))
	}
	for n := range w.submits {
		w.submit(t, n, r)
	}
}

// submit has a producer enqueue the job, or enqueue it again: processes one after
// the other, some of which die, until one of them says that it is done.
func (w *world) submit(t *testing.T, n int, r *rand.Rand) {
	t.Helper()
	for life := 0; ; life++ {
		ctx, stop := context.WithCancel(t.Context())
		c := w.connect(fmt.Sprintf("p%d.%d", n, life), r)
		c.died = stop
		if !w.calm() && r.IntN(3) == 0 {
			c.crashAt, c.crashAfter = 1+r.IntN(12), r.IntN(2) == 0
		}
		p, err := producer.New(producer.Config{Queue: c, QueueURL: "q", Jobs: store.New(c, "t", store.WithRand(source(r.Uint64(), 1))), InFlight: 2})
		if err != nil {
			t.Fatal(err)
		}
		args := make([]int, w.n)
		for i := range args {
			args[i] = i
		}
		_, err = p.Submit(ctx, producer.Spec{
			Job: jobID, Handler: "work", Source: producer.Slice(args), Fleet: fleet, Chunk: w.chunk, MaxAttempts: w.attempts, Timeout: w.limit,
		})
		stop()
		w.tracef("%s ends: %v", c.name, err)
		if err == nil {
			return
		}
		if w.calm() && life > 100 {
			t.Errorf("the producer does not get done: %v", err)
			return
		}
		time.Sleep(time.Duration(r.IntN(20_000)) * time.Millisecond)
	}
}

// connect returns a process's connection under the scenario's faults.
func (w *world) connect(name string, r *rand.Rand) *conn {
	c := &conn{
		queue: w.queue, table: w.table, plan: w.plan, start: w.start, calm: w.calm, trace: w.tracef, name: name, hot: w.hot,
		gone: make(chan struct{}), counts: map[string]uint64{},
	}
	c.plan.Seed += r.Uint64()
	return c
}

// offloadArgs moves a message's arguments into the bucket.
func (w *world) offloadArgs(m *codec.Message) {
	b := codec.EncodeArgs(m.Args)
	sum := sha256.Sum256(b)
	key := fmt.Sprintf("in/%s/%x", m.Job, sum)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[key] = b
	m.Args, m.Offload = nil, &codec.Offload{Key: key, SHA256: sum, Len: int64(len(b)), Count: len(m.Args)}
}

// bucket is what a process sees of the objects.
type bucket struct {
	*conn
	w *world
}

var errOffloaded = errors.New("children of these tasks fit their messages")

func (b bucket) Put(context.Context, string, []byte) error { return errOffloaded }

func (b bucket) Get(ctx context.Context, key string, _ int64) ([]byte, error) {
	return call(ctx, b.conn, "s3", "GetObject", "", func(context.Context, faults.Verdict) ([]byte, error) {
		b.w.mu.Lock()
		defer b.w.mu.Unlock()
		return b.w.objects[key], nil
	})
}

func argument(t testing.TB, i int) msgpack.RawMessage {
	t.Helper()
	raw, err := codec.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encode(t testing.TB, m codec.Message) string {
	t.Helper()
	body, err := codec.Encode(&m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// cancelJob does what `starburst cancel` does.
func (w *world) cancelJob(t *testing.T) {
	t.Helper()
	time.Sleep(w.cancelAt)
	w.tracef("the job is cancelled")
	if err := w.store.Finish(t.Context(), jobID, store.Cancelled, time.Now()); err != nil {
		t.Error(err)
	}
	if err := w.store.PutControl(t.Context(), fleet, store.Control{Cancelled: []string{jobID}}); err != nil {
		t.Error(err)
	}
}

// place keeps one worker running, as a service does.
func (w *world) place(ctx context.Context, i int) {
	r := rand.New(rand.NewPCG(w.seed, 100+uint64(i)))
	for life := 0; ; life++ {
		w.live(ctx, i, fmt.Sprintf("w%d.%d", i, life), r)
		select {
		case <-w.over:
			return
		case <-time.After(time.Duration(r.Int64N(int64(w.restart) + 1))):
		}
	}
}

// live is the life of one worker process.
func (w *world) live(ctx context.Context, i int, name string, r *rand.Rand) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &proc{stop: stop, inside: map[int]int{}, conn: w.connect(name, r)}
	if !w.calm() && r.Float64() < w.crashes {
		p.crashAt, p.crashAfter = 1+r.IntN(80), r.IntN(2) == 0
	}
	var seeds [2]uint64
	seeds[0], seeds[1] = r.Uint64(), r.Uint64()
	worker, err := consumer.New(consumer.Config{
		Queue: p, QueueURL: "q", Results: store.New(p, "t", store.WithRand(source(seeds[0], seeds[1]))), Blobs: bucket{p.conn, w}, Fleet: w.fleetOf(i), Name: name,
		Handlers: consumer.Registry{"work": w.handler(p)}, Slots: w.slots, MaxPrefetch: w.prefetch, Grace: w.grace,
		IdleWait: w.idleWait, BusyWait: w.busyWait, LedgerEvery: w.ledgerEvery, RetryBase: w.retryBase, HandOver: w.handOver,
		Rand: rand.New(rand.NewPCG(seeds[0], seeds[1])), Log: slog.New(&notes{trace: w.tracef, worker: name}),
	})
	if err != nil {
		panic(err)
	}
	p.hurry = worker.Hurry
	p.died = func() {
		w.mu.Lock()
		for task := range p.inside {
			w.deaths[task]++
		}
		w.killed++
		w.mu.Unlock()
		stop()
	}
	w.mu.Lock()
	w.procs[i] = p
	w.mu.Unlock()
	select {
	case <-w.over: // closed before procs held this one
	default:
		err = worker.Run(ctx)
	}
	w.tracef("%s ends: %v", name, err)
	w.mu.Lock()
	w.procs[i] = nil
	w.mu.Unlock()
}

// fleetOf is the fleet of the worker at place i.
func (w *world) fleetOf(i int) string {
	if w.fleets < 2 {
		return fleet
	}
	return fmt.Sprint("fleet", i%w.fleets)
}

// source returns numbers in [0,1) that may be drawn concurrently.
func source(a, b uint64) func() float64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(a, b))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}

func (w *world) happen(h happening) {
	time.Sleep(h.at)
	w.mu.Lock()
	p := w.procs[h.who]
	w.mu.Unlock()
	if p == nil {
		return
	}
	switch h.what {
	case "kill":
		p.kill()
	case "stop":
		w.tracef("%s is told to stop", p.name)
		p.stop()
	case "hurry":
		w.tracef("%s is told to stop, and to hurry", p.name)
		p.stop()
		time.Sleep(time.Second)
		p.hurry()
	case "freeze":
		p.freeze(h.long)
	}
}

// handler runs tasks as the scenario has them.
func (w *world) handler(p *proc) consumer.Handler {
	return func(ctx context.Context, t consumer.Task) ([]byte, error) {
		var i int
		if err := codec.Unmarshal(t.Arg, &i); err != nil {
			return nil, consumer.BadArgument("work", err)
		}
		w.enter(p, i)
		defer w.leave(p, i)
		w.tracef("%s runs task %d (%s, %v), attempt %d", p.name, i, w.tasks[i].kind, w.tasks[i].took, t.Attempt)
		select {
		case <-p.gone:
			return nil, errGone
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(w.tasks[i].took):
		}
		if err := p.behave(w, i, t.Attempt); err != nil {
			return nil, err
		}
		return codec.Marshal(resultOf(i))
	}
}

func resultOf(i int) string { return fmt.Sprint("result ", i) }

var errTask = errors.New("on purpose")

// behave does what is special about the kind.
func (p *proc) behave(w *world, i, attempt int) error {
	switch w.tasks[i].kind {
	case flaky:
		if attempt == 1 {
			return errTask
		}
	case fails:
		return errTask
	case panics:
		panic(errTask)
	case goexits:
		runtime.Goexit()
	case refuses:
		return consumer.Permanent(errTask)
	case poison:
		p.kill()
		return errGone
	case hangs:
		select {
		case <-p.gone:
		case <-w.free:
		}
	default:
	}
	return nil
}

func (w *world) enter(p *proc, i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs[i]++
	p.inside[i]++
	now := 0
	for _, other := range w.procs {
		if other != nil {
			now += other.inside[i]
		}
	}
	w.together[i] = max(w.together[i], now)
}

func (w *world) leave(p *proc, i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.inside[i]--; p.inside[i] == 0 {
		delete(p.inside, i)
	}
}

// tail returns the last events, or those about a task.
func (w *world) tail(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.events[max(0, len(w.events)-n):], "\n")
}

// notes turns a worker's log into events.
type notes struct {
	trace  func(format string, args ...any)
	worker string
}

func (n *notes) Enabled(context.Context, slog.Level) bool { return true }
func (n *notes) WithAttrs([]slog.Attr) slog.Handler       { return n }
func (n *notes) WithGroup(string) slog.Handler            { return n }
func (n *notes) Handle(_ context.Context, r slog.Record) error {
	var attrs []string
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a.String()); return true })
	n.trace("%s says: %s %s", n.worker, r.Message, strings.Join(attrs, " "))
	return nil
}
