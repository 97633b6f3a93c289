package child

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/consumer"
)

// Pool is the children of one worker: at most one per slot, started when there is work.
type Pool struct {
	cfg       Config
	handlers  []string
	free      chan *slot    // the slots that nobody has
	unhealthy chan struct{} // closed when err is set
	closing   sync.WaitGroup
	starter   *starter

	mu     sync.Mutex // protects the fields below
	procs  map[*process]bool
	deaths map[string]bool          // quick ones in a row, see quickDeath
	mean   map[string]time.Duration // how long a handler's tasks take
	silent map[string]int           // tasks of a handler that has printed without a word since
	err    error
}

// Start starts the first child and waits until it has named its handlers. The error tells
// why it did not: a program that is not there, a hello that did not come, five quick deaths.
func Start(ctx context.Context, c Config) (*Pool, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: c, free: make(chan *slot, c.Slots), unhealthy: make(chan struct{}), starter: newStarter(),
		procs: map[*process]bool{}, deaths: map[string]bool{}, mean: map[string]time.Duration{}, silent: map[string]int{},
	}
	first := &slot{}
	if err := p.ready(ctx, first); err != nil {
		p.free <- first
		p.Close(ctx)
		if why := p.Err(); why != nil {
			return nil, why
		}
		return nil, fmt.Errorf("start a child: %w", context.Cause(ctx))
	}
	p.handlers = slices.Sorted(slices.Values(first.proc.hello.handlers))
	p.free <- first
	for n := 1; n < c.Slots; n++ {
		p.free <- &slot{n: n}
	}
	return p, nil
}

// Handlers are the names in the first child's hello, in order.
func (p *Pool) Handlers() []string { return slices.Clone(p.handlers) }

// Registry has a handler for each of Handlers.
func (p *Pool) Registry() consumer.Registry {
	r := consumer.Registry{}
	for _, name := range p.handlers {
		r[name] = p.run
	}
	return r
}

// Unhealthy is closed when the children cannot work: the worker should end, with Err as the
// reason. Tasks are given back unrun from then on.
func (p *Pool) Unhealthy() <-chan struct{} { return p.unhealthy }

// Err is why the children cannot work, nil while they can.
func (p *Pool) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Quiet tells the children that no further tasks will come, and until when the running ones may go on.
func (p *Pool) Quiet(deadline time.Time) {
	for _, proc := range p.all() {
		proc.tell(quietFrame(deadline))
	}
}

// Close ends all children: idle ones are told and given time, the others, and all when ctx
// ends, are killed. No handler may be called any more. It returns when all are gone.
func (p *Pool) Close(ctx context.Context) {
	var ending sync.WaitGroup
	stop := context.AfterFunc(ctx, p.killAll)
	defer stop()
	if ctx.Err() != nil {
		p.killAll()
	}
	for {
		select {
		case s := <-p.free:
			if s.proc != nil {
				ending.Go(s.proc.farewell)
			}
			continue
		default:
		}
		break
	}
	ending.Wait()
	p.killAll() // of handlers that were abandoned
	p.closing.Wait()
	for _, proc := range p.all() {
		<-proc.gone
	}
	p.starter.stop()
}

func (p *Pool) killAll() {
	for _, proc := range p.all() {
		proc.kill(nil)
	}
}

// remember keeps the process until it has ended.
func (p *Pool) remember(proc *process) {
	p.mu.Lock()
	p.procs[proc] = true
	p.mu.Unlock()
	p.closing.Go(func() {
		<-proc.gone
		p.mu.Lock()
		delete(p.procs, proc)
		p.mu.Unlock()
	})
}

func (p *Pool) all() []*process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.procs))
}

// greet compares a later child's handlers with the first one's.
func (p *Pool) greet(proc *process) {
	if p.handlers != nil && !slices.Equal(p.handlers, slices.Sorted(slices.Values(proc.hello.handlers))) {
		p.cfg.Log.Warn("a child's handlers are not those of the first", "slot", proc.slot, "handlers", proc.hello.handlers)
	}
}
