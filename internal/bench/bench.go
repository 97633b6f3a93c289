// Package bench measures the whole path and parts of it: from the submit to the
// last result read, through a queue and a table and worker processes, with the
// CPU time and the peak memory of producer, workers and servers apart.
//
// Run is what `starburst bench` calls. A run with a warm-up or with late calls has
// its workers up before the clock; the plain one lets the autoscaler start them from zero.
package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/starburst-go/starburst/internal/usage"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Result of one run.
type Result struct {
	Mode                   Mode
	Tasks, Chunk, Messages int
	Workers, Slots         int
	// Elapsed is the measured time, see Mode.
	Elapsed time.Duration
	// Half and Tail are the 50th and 99th percentile from the submit of a task to its result; in Latency mode only.
	Half, Tail time.Duration
	// What the three sides used in that time. Fleet's peak is that of its largest worker.
	Producer, Fleet, Servers usage.Usage
	// Requests by operation, and what AWS would have billed for them, as the bench's own endpoint counted them from the
	// submit to the last result.
	Requests map[string]int64
	Billed   Billed
}

// Run measures once.
func Run(ctx context.Context, c Config) (r Result, err error) {
	if err := c.Validate(); err != nil {
		return r, err
	}
	c = c.withDefaults()
	s, err := open(ctx, c)
	if err != nil {
		return r, err
	}
	defer s.remove()
	r, err = s.run(ctx)
	if e := s.close(ctx); err == nil {
		err = e
	}
	if err == nil && !c.Fixed {
		r.Fleet, err = s.leavings()
	}
	return r, err
}

func (s *site) run(ctx context.Context) (Result, error) {
	r := Result{Mode: s.cfg.Mode, Workers: s.cfg.Workers, Slots: s.cfg.Slots}
	if s.cfg.Fixed && s.cfg.Mode != Produce && s.cfg.Mode != Consume {
		if err := s.start(ctx); err != nil {
			return r, err
		}
	}
	if s.cfg.Warmup > 0 {
		if _, err := s.push(ctx, producer.Range{From: 1, To: int64(s.cfg.Warmup), Step: 1}, 0); err != nil {
			return r, fmt.Errorf("warm up: %w", err)
		}
	}
	before, err := s.look(ctx)
	if err != nil {
		return r, err
	}
	source, err := s.cfg.source(ctx)
	if err != nil {
		return r, err
	}
	start := time.Now()
	var job store.Job
	switch s.cfg.Mode {
	case Latency:
		err = s.oneByOne(ctx, &r)
	case Consume: // the queue is filled before the clock starts
		if job, err = s.submit(ctx, source, s.cfg.Chunk); err != nil {
			return r, err
		}
		if before, err = s.look(ctx); err != nil {
			return r, err
		}
		start = time.Now()
		if err = s.start(ctx); err == nil {
			err = s.read(ctx, job)
		}
	case Produce:
		job, err = s.submit(ctx, source, s.cfg.Chunk)
	default:
		job, err = s.push(ctx, source, s.cfg.Chunk)
	}
	if err != nil {
		return r, err
	}
	r.Elapsed = time.Since(start)
	if s.cfg.Mode != Latency {
		r.Tasks, r.Chunk, r.Messages = job.N, job.Plan.Chunk, job.Plan.Roots(job.N)
	}
	after, err := s.look(ctx)
	if err == nil {
		after.since(before, &r)
	}
	return r, err
}

// push submits and reads every result.
func (s *site) push(ctx context.Context, source producer.Source, chunk int) (store.Job, error) {
	job, err := s.submit(ctx, source, chunk)
	if err != nil {
		return job, err
	}
	return job, s.read(ctx, job)
}

func (s *site) submit(ctx context.Context, source producer.Source, chunk int) (store.Job, error) {
	return s.session.Submit(ctx, producer.Spec{Handler: Handler, Source: source, Chunk: chunk, MaxWorkers: s.cfg.Workers, Slots: s.cfg.Slots})
}

func (s *site) read(ctx context.Context, job store.Job) error {
	n := 0
	for settled, err := range s.session.Follow(ctx, job) {
		if err != nil {
			return err
		}
		if settled.Failure != nil {
			return fmt.Errorf("task %d failed: %s", settled.Index, settled.Failure.Message)
		}
		n++
	}
	if n != job.N {
		return fmt.Errorf("%d results of %d tasks", n, job.N)
	}
	return nil
}

// oneByOne submits the next task when the last one's result is there.
func (s *site) oneByOne(ctx context.Context, r *Result) error {
	took := make([]time.Duration, 0, s.cfg.Tasks)
	for i := range s.cfg.Tasks {
		start := time.Now()
		if _, err := s.push(ctx, values{1, payload{max(s.cfg.In, 1), s.cfg.Noise}}, 1); err != nil {
			return fmt.Errorf("task %d: %w", i, err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	r.Tasks, r.Chunk, r.Messages = s.cfg.Tasks, 1, s.cfg.Tasks
	r.Half, r.Tail = percentile(took, 0.5), percentile(took, 0.99)
	return nil
}

// percentile of sorted durations, by nearest rank.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(p*float64(len(sorted))))-1))]
}

// look is what was used up to a moment.
type look struct {
	producer, fleet usage.Usage
	servers         stats
}

func (s *site) look(ctx context.Context) (l look, err error) {
	l.producer = usage.Own()
	if s.fleet != nil {
		if l.fleet, err = s.fleet.usage(); err != nil {
			return l, err
		}
	}
	l.servers, err = s.servers(ctx)
	return l, err
}

// since fills in what was used since the look before.
func (l look) since(before look, r *Result) {
	r.Producer = minus(l.producer, before.producer)
	r.Fleet = minus(l.fleet, before.fleet)
	r.Servers = minus(l.servers.usage(), before.servers.usage())
	r.Requests = map[string]int64{}
	for op, n := range l.servers.Requests {
		if n -= before.servers.Requests[op]; n > 0 {
			r.Requests[op] = n
		}
	}
	r.Billed = l.servers.billed().minus(before.servers.billed())
}

// minus is the CPU time between two looks, and the peak up to the later one.
func minus(after, before usage.Usage) usage.Usage {
	return usage.Usage{CPU: after.CPU - before.CPU, PeakRSS: after.PeakRSS}
}

// source has the run's arguments.
func (c Config) source(ctx context.Context) (producer.Source, error) {
	switch {
	case c.Input != "":
		return producer.OpenFile(ctx, c.Input, producer.FormatOf(c.Input))
	case c.In <= 0:
		return producer.Range{From: 1, To: int64(c.Tasks), Step: 1}, nil
	}
	return values{c.Tasks, payload{c.In, c.Noise}}, nil
}
