package child

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/consumer"
)

// slot is one child's place, empty between a death and the next start. Whoever took it from
// Pool.free owns it, and its fields.
type slot struct {
	n         int
	proc      *process
	fails     int       // children in a row that died without having finished a task
	notBefore time.Time // when the next child may be started
}

// Exit statuses with which a helper says that no restart would help.
const (
	exitNoProtocol = 64 // EX_USAGE: started by hand
	exitVersion    = 76 // EX_PROTOCOL
)

// take waits for a free slot.
func (p *Pool) take(ctx context.Context) (*slot, error) {
	select {
	case s := <-p.free:
		return s, nil
	case <-ctx.Done():
	case <-p.unhealthy:
	}
	return nil, consumer.ErrNotRun
}

// ready puts a greeted child into the slot, after as many starts and waits as it takes.
// The error wraps consumer.ErrNotRun.
func (p *Pool) ready(ctx context.Context, s *slot) error {
	for {
		if s.proc != nil && s.proc.alive() && isClosed(s.proc.greeted) {
			return nil
		}
		if err := p.attempt(ctx, s); err != nil {
			return fmt.Errorf("%w: %w", consumer.ErrNotRun, err)
		}
	}
}

// attempt starts a child if there is none, and waits for its hello. A nil error means: look again.
func (p *Pool) attempt(ctx context.Context, s *slot) error {
	if s.proc != nil && !s.proc.alive() {
		p.died(s, nil) // while nobody looked
	}
	if isClosed(p.unhealthy) {
		return p.Err()
	}
	if s.proc == nil {
		if !p.wait(ctx, time.Until(s.notBefore)) {
			return context.Cause(ctx)
		}
		proc, err := p.starter.start(p.cfg, s.n)
		if err != nil {
			p.fail(err) // a program that cannot be started now cannot be started later
			return err
		}
		s.proc = proc
		p.remember(proc)
	}
	limit := time.NewTimer(time.Until(s.proc.born.Add(p.cfg.StartTimeout)))
	defer limit.Stop()
	select {
	case <-s.proc.greeted:
		p.greet(s.proc)
	case <-s.proc.gone:
	case <-limit.C:
		s.proc.kill(fmt.Errorf("the child has not said hello within %v", p.cfg.StartTimeout))
		<-s.proc.gone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// wait waits, unless ctx ends or the worker becomes unhealthy.
func (p *Pool) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-p.unhealthy:
	}
	return ctx.Err() == nil
}

// died notes the death of the slot's child and empties the slot. running is the task that it
// had begun, nil when there was none.
func (p *Pool) died(s *slot, running *consumer.Task) {
	proc := s.proc
	s.proc = nil
	if proc.end.asked || proc.leaving.Load() && running == nil {
		return
	}
	before := !isClosed(proc.greeted)
	p.cfg.Log.Warn("a child died", "slot", s.n, "why", proc.end.Error(), "before_hello", before)
	if proc.done() > 0 {
		s.fails = 0
		return
	}
	s.fails++
	s.notBefore = time.Now().Add(min(p.cfg.MaxBackoff, p.cfg.Backoff<<min(s.fails-1, 20)))
	if fatal := proc.end; before && (fatal.exit.Code == exitNoProtocol || fatal.exit.Code == exitVersion || isVersion(fatal.cause)) {
		p.fail(fatal)
		return
	}
	if before || time.Since(proc.born) < p.cfg.Quick {
		p.quickDeath(proc.end, running)
	}
}

// quickDeath counts deaths in a row, a task's only once: one that kills each child that
// runs it is not the worker's fault.
func (p *Pool) quickDeath(d death, running *consumer.Task) {
	p.mu.Lock()
	key := fmt.Sprintf("death %d", len(p.deaths))
	if running != nil {
		key = fmt.Sprintf("task %s %s %d", running.Job, running.ID, running.Index)
	}
	p.deaths[key] = true
	n := len(p.deaths)
	p.mu.Unlock()
	if n >= p.cfg.QuickDeaths {
		p.fail(fmt.Errorf("%d children in a row died without finishing a task, the last one: %w", n, d))
	}
}

// finished notes that a child has finished a task.
func (p *Pool) finished(s *slot) {
	s.fails = 0
	p.mu.Lock()
	if len(p.deaths) > 0 {
		clear(p.deaths)
	}
	p.mu.Unlock()
}

// fail makes the worker unhealthy. The first reason stands.
func (p *Pool) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("the worker's children cannot work: %w", err)
		close(p.unhealthy)
	}
}

func isVersion(err error) bool {
	_, ok := errors.AsType[*versionError](err)
	return ok
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
