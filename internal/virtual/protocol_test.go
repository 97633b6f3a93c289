package virtual_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/virtual"
	"github.com/starburst-go/starburst/store"
)

// TestTheRecordProtocolAtEveryStep lets real workers go on by single calls: each
// step of open, run, record, send children and ack waits until the model lets it
// through, loses its answer, drops it, or kills the worker before or after it.
// Time passes and messages are delivered again while workers are frozen at any
// of these steps. After every command no task may be settled twice, or be
// neither settled nor in the queue; at the end each is settled once.
func TestTheRecordProtocolAtEveryStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, func(t *testing.T) { //nolint:thelper // it is the test
			m := newModel(t, rt)
			defer m.end()
			m.begin()
			rt.Repeat(map[string]func(*rapid.T){
				"start":  m.start,
				"pass":   m.pass,
				"lose":   m.lose,
				"drop":   m.drop,
				"crash":  m.crash,
				"freeze": m.freeze,
				"revive": m.revive,
				"wait":   m.wait,
				"":       m.invariants,
			})
			m.finish(rt)
		})
	})
}

// inBubble runs f on virtual time. A panic, which is how rapid ends a check, is
// carried out of the bubble.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	var ended any
	synctest.Test(t, func(t *testing.T) {
		defer func() { ended = recover() }()
		f(t)
	})
	if ended != nil {
		panic(ended)
	}
}

// Sizes of the model: small, because what matters is the order of the steps.
const (
	modelTasks      = 5
	modelChunk      = 3
	modelVisibility = 30 * time.Second
	modelWorkers    = 3
)

// model is a job, its queue and table, and workers that wait at their gates.
type model struct {
	job   store.Job
	queue *virtual.Queue
	table *virtual.Table
	store *store.Store
	fails []int           // by task: how many attempts fail
	ctx   context.Context //nolint:containedctx // of the bubble
	all   sync.WaitGroup
	names int

	mu      sync.Mutex // protects what follows
	open    bool       // gates let everything through
	workers []*gated
}

// gated is a worker whose steps wait.
type gated struct {
	*conn
	stop    context.CancelFunc
	frozen  bool
	waiting []*step // protected by model.mu
}

// step is a call, or a run of a task, that waits for the model.
type step struct {
	what string
	goOn chan faults.End
}

func newModel(t *testing.T, rt *rapid.T) *model {
	t.Helper()
	m := &model{
		queue: virtual.NewQueue(virtual.QueueOptions{Visibility: modelVisibility}), table: virtual.NewTable(), ctx: t.Context(),
		job: store.Job{
			ID: jobID, Handler: "work", Fleet: fleet, N: modelTasks, Plan: store.Plan{Chunk: modelChunk}, Shards: 1,
			MaxAttempts: 2, Created: time.Now(), Expires: time.Now().Add(90 * 24 * time.Hour),
		},
		fails: rapid.SliceOfN(rapid.IntRange(0, 2), modelTasks, modelTasks).Draw(rt, "fails"),
	}
	m.store = store.New(m.table, "t")
	if err := m.store.CreateJob(m.ctx, m.job); err != nil {
		t.Fatal(err)
	}
	for first := 0; first < m.job.N; first += modelChunk {
		msg := codec.Message{Handler: "work", Job: jobID, First: first, Attempt: 1}
		for i := first; i < min(first+modelChunk, m.job.N); i++ {
			msg.Args = append(msg.Args, argument(t, i))
		}
		m.queue.Add(encode(t, msg), 0)
	}
	return m
}

// isStep tells the calls that wait; all others (heartbeats, ledgers) go through.
// Polls wait so that it is the model that decides which worker gets a message.
func isStep(op, about string) bool {
	switch op {
	case "ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch", "BatchGetItem":
		return true
	case "PutItem", "GetItem", "UpdateItem":
		return about != "" && (about[0] == 'R' || about[0] == 'X')
	}
	return false
}

// await blocks a step of the worker until the model decides on it.
func (m *model) await(g *gated, what string) faults.End {
	m.mu.Lock()
	if m.open {
		m.mu.Unlock()
		return faults.Answered
	}
	s := &step{what: what, goOn: make(chan faults.End, 1)}
	g.waiting = append(g.waiting, s)
	m.mu.Unlock()
	select {
	case end := <-s.goOn:
		return end
	case <-g.gone:
		return faults.RequestDropped
	}
}

func (m *model) start(rt *rapid.T) {
	if len(m.alive()) >= modelWorkers {
		rt.Skip("enough workers")
	}
	m.begin()
	synctest.Wait()
}

// begin starts a worker.
func (m *model) begin() {
	m.names++
	ctx, stop := context.WithCancel(m.ctx)
	g := &gated{stop: stop, conn: &conn{
		queue: m.queue, table: m.table, start: time.Now(), calm: func() bool { return true }, trace: func(string, ...any) {},
		name: fmt.Sprint("w", m.names), gone: make(chan struct{}), counts: map[string]uint64{}, died: stop,
	}}
	g.gate = func(op, about string) faults.End {
		if !isStep(op, about) {
			return faults.Answered
		}
		return m.await(g, op+" "+about)
	}
	worker, err := consumer.New(consumer.Config{
		Queue: g, QueueURL: "q", Results: store.New(g, "t", store.WithRand(source(2, uint64(m.names)))), Fleet: fleet, Name: g.name, MaxPrefetch: -1, Grace: time.Second, IdleWait: time.Second, BusyWait: time.Second,
		Handlers: consumer.Registry{"work": m.handler(g)}, Rand: rand.New(rand.NewPCG(1, uint64(m.names))), HandOver: -1,
	})
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	m.workers = append(m.workers, g)
	m.mu.Unlock()
	m.all.Go(func() {
		_ = worker.Run(ctx) // a dead worker's last words are worth nothing
		g.kill()
	})
}

func (m *model) handler(g *gated) consumer.Handler {
	return func(ctx context.Context, t consumer.Task) ([]byte, error) {
		if m.await(g, fmt.Sprint("run ", t.Index)) == faults.RequestDropped {
			return nil, errGone
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if t.Attempt <= m.fails[t.Index] {
			return nil, errTask
		}
		return codec.Marshal(resultOf(t.Index))
	}
}

// alive lists the workers that have not died.
func (m *model) alive() (alive []*gated) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.workers = slices.DeleteFunc(m.workers, func(g *gated) bool {
		select {
		case <-g.gone:
			return true
		default:
			return false
		}
	})
	return slices.Clone(m.workers)
}

// pick draws a step that waits and is not frozen, and takes it off its gate. A
// task's run may only be let through, or end with its worker.
func (m *model) pick(rt *rapid.T, what string, runs bool) (*gated, *step) {
	type choice struct {
		g *gated
		s *step
	}
	var all []choice
	alive := m.alive()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range alive {
		for _, s := range g.waiting {
			if !g.frozen && (runs || s.what[0] != 'r') {
				all = append(all, choice{g, s})
			}
		}
	}
	if len(all) == 0 {
		rt.Skip("nothing waits")
	}
	slices.SortStableFunc(all, func(a, b choice) int { return cmpNames(a.g.name+a.s.what, b.g.name+b.s.what) })
	c := all[rapid.IntRange(0, len(all)-1).Draw(rt, what)]
	rt.Logf("%s %s: %s", what, c.g.name, c.s.what)
	c.g.waiting = slices.DeleteFunc(c.g.waiting, func(s *step) bool { return s == c.s })
	return c.g, c.s
}

func cmpNames(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// pass lets a few steps through, so that runs come far.
func (m *model) pass(rt *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(rt, "steps") {
		_, s := m.pick(rt, "pass", true)
		s.goOn <- faults.Answered
		settle()
	}
}

func (m *model) lose(rt *rapid.T) {
	_, s := m.pick(rt, "lose the answer of", false)
	s.goOn <- faults.ResponseDropped
	settle()
}

func (m *model) drop(rt *rapid.T) {
	_, s := m.pick(rt, "drop", false)
	s.goOn <- faults.RequestDropped
	settle()
}

// crash kills a worker at a step, before it or right after.
func (m *model) crash(rt *rapid.T) {
	g, s := m.pick(rt, "crash at", true)
	if rapid.Bool().Draw(rt, "after it") {
		s.goOn <- faults.ResponseDropped // the answer never arrives
		synctest.Wait()
	}
	g.kill()
	settle()
}

func (m *model) freeze(rt *rapid.T) {
	m.thaw(rt, false, func(g *gated) { g.conn.freeze(1000 * time.Hour) })
}

func (m *model) revive(rt *rapid.T) { m.thaw(rt, true, func(g *gated) { g.conn.freeze(0) }) }

func (m *model) thaw(rt *rapid.T, frozen bool, change func(*gated)) {
	all := slices.DeleteFunc(m.alive(), func(g *gated) bool { return g.frozen != frozen })
	if len(all) == 0 {
		rt.Skip("none of that kind")
	}
	g := all[rapid.IntRange(0, len(all)-1).Draw(rt, "worker")]
	rt.Logf("%s: frozen %v", g.name, !frozen)
	g.frozen = !frozen
	change(g)
	settle()
}

func (m *model) wait(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second
	rt.Logf("wait %v", d)
	time.Sleep(d) // virtual
	synctest.Wait()
}

// settle lets the consequences of a command happen: the acker's wait, a back-off.
func settle() {
	time.Sleep(300 * time.Millisecond) // virtual
	synctest.Wait()
}

// invariants hold after every command.
func (m *model) invariants(rt *rapid.T) {
	settled, err := m.settled()
	if err != nil {
		rt.Fatal(err)
	}
	queued := map[int]bool{}
	for _, body := range m.queue.Bodies() {
		msg, err := codec.Decode(body)
		if err != nil {
			rt.Fatal(err)
		}
		for k := range msg.Args {
			queued[msg.Index(k)] = true
		}
	}
	for i := range m.job.N {
		if !queued[i] && settled[i] == "" {
			rt.Fatalf("task %d is neither settled nor in the queue", i)
		}
	}
}

// settled tells which message settled each task. An item and its children must
// divide what its message carried.
func (m *model) settled() (map[int]codec.Identity, error) {
	items, err := (&world{table: m.table, store: m.store}).items(m.ctx, m.job)
	if err != nil {
		return nil, err
	}
	carried := map[codec.Identity][]int{}
	for first := 0; first < m.job.N; first += modelChunk {
		for i := first; i < min(first+modelChunk, m.job.N); i++ {
			id := codec.Identity(strconv.Itoa(first))
			carried[id] = append(carried[id], i)
		}
	}
	slices.SortFunc(items, func(a, b store.Result) int { return len(a.Identity) - len(b.Identity) }) // parents first
	by := map[int]codec.Identity{}
	for _, r := range items {
		var has []int
		for _, o := range r.Settled {
			if other, twice := by[o.Index]; twice {
				return nil, fmt.Errorf("task %d is settled by %s and by %s", o.Index, other, r.Identity)
			}
			by[o.Index] = r.Identity
			has = append(has, o.Index)
		}
		for _, c := range r.Children {
			carried[c.Identity] = c.Indices
			has = append(has, c.Indices...)
		}
		slices.Sort(has)
		if !slices.Equal(has, carried[r.Identity]) {
			return nil, fmt.Errorf("message %s carried the tasks %v; its item accounts for %v", r.Identity, carried[r.Identity], has)
		}
	}
	return by, nil
}

// finish revives the frozen, opens all gates, and demands that everything ends well.
func (m *model) finish(rt *rapid.T) {
	m.release()
	m.begin()
	for end := time.Now().Add(6 * time.Hour); m.queue.Len() > 0 && time.Now().Before(end); {
		time.Sleep(time.Second) // virtual
	}
	m.stopAll()
	items, err := (&world{table: m.table, store: m.store}).items(m.ctx, m.job)
	if err != nil {
		rt.Fatal(err)
	}
	s := check.State{Job: m.job, Items: items, Queue: check.Depth{Visible: m.queue.Len()}}
	s.Count, s.CountErr = m.store.Recount(m.ctx, m.job)
	if s.Ledgers, err = m.store.JobLedgers(m.ctx, m.job.ID); err != nil {
		rt.Fatal(err)
	}
	for _, v := range check.Table(s, check.Want{Failed: -1}) {
		rt.Errorf("%v", v)
	}
	for _, r := range items {
		for _, o := range r.Settled {
			if f := o.Failure; (f != nil) != (m.fails[o.Index] == 2) && (f == nil || f.Kind != store.FailDied) {
				rt.Errorf("task %d, which fails %d times, ended with %+v", o.Index, m.fails[o.Index], f)
			}
		}
	}
}

// release opens all gates.
func (m *model) release() {
	m.mu.Lock()
	m.open = true
	for _, g := range m.workers {
		g.conn.freeze(0)
		for _, s := range g.waiting {
			s.goOn <- faults.Answered
		}
		g.waiting = nil
	}
	m.mu.Unlock()
}

func (m *model) stopAll() {
	for _, g := range m.alive() {
		g.stop()
	}
	m.all.Wait()
}

// end leaves no goroutine behind, also when a check has failed.
func (m *model) end() {
	for _, g := range m.alive() {
		g.kill()
	}
	m.release()
	m.stopAll()
}
