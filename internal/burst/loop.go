package burst

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/laptop"
)

// Pace of the laptop's autoscaler: its workers start in about 100 ms, and asking
// the endpoint costs nothing.
const (
	laptopTick    = 200 * time.Millisecond
	laptopStartUp = 100 * time.Millisecond
	laptopIdle    = 2 * time.Second
	laptopLease   = 2 * time.Second // a killed session's successor waits no longer
)

// Autoscale changes how the stack's service is sized.
type Autoscale struct {
	// Manual leaves the loop to Autoscale and DecideOnce.
	Manual bool
	// DryRun decides and changes nothing.
	DryRun bool
	// Interval between two looks. Default: 10 s, 200 ms on the laptop.
	Interval time.Duration
}

// prepareLoop makes the loop that sizes the stack's service and, unless it is
// manual, starts it. Another loop may lead the fleet already; this one then stands by.
func (s *Session) prepareLoop(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	cfg := autoscale.LoopConfig{
		Policy:   autoscale.Config{Max: s.cfg.Workers, Slots: s.cfg.Slots},
		Interval: s.cfg.Autoscale.Interval, Log: s.cfg.Log,
	}
	fc := fleet.Config{
		SQS: s.clients.SQS, ECS: s.clients.ECS, Store: s.store, QueueURL: s.stack.QueueURL,
		Cluster: s.stack.Cluster, Service: s.stack.Service, Fleet: s.stack.Fleet,
		Owner: fmt.Sprintf("%s/%d", host, os.Getpid()),
	}
	if s.stack.Endpoint != "" {
		cfg.Interval = cmp.Or(cfg.Interval, laptopTick)
		cfg.Policy.StartUp, cfg.Policy.IdleBeforeShrink, cfg.Policy.IdleBeforeZero = laptopStartUp, laptopIdle, laptopIdle
		cfg.Policy.StrandedAfter = 2 * laptop.Visibility
		fc.LedgerEvery, fc.DiscoverEvery, fc.LeaseTTL = time.Second, time.Second, laptopLease
	}
	if err := s.price(&cfg.Policy, &fc); err != nil {
		return err
	}
	f, err := fleet.New(fc)
	if err != nil {
		return err
	}
	parts := f.Parts()
	if s.cfg.Autoscale.DryRun {
		parts = autoscale.DryRun(parts, s.cfg.Log)
	}
	parts.Fleet = &seen{Fleet: parts.Fleet, running: &s.running}
	if s.loop, err = autoscale.New(cfg, parts); err != nil {
		return err
	}
	s.watchJob = f.Watch
	if s.cfg.Autoscale.Manual {
		s.stopLoop = func() {}
		return nil
	}
	loopCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopLoop = cancel
	s.loopDone.Go(func() { _ = s.loop.Run(loopCtx) }) // it logs its errors and returns none
	return nil
}

// price tells the loop what workers cost and may cost. Without prices decisions only
// lack what was spent; caps without prices are an error.
func (s *Session) price(p *autoscale.Config, fc *fleet.Config) error {
	caps, err := fleetCaps()
	if err != nil {
		return err
	}
	book, _, err := s.Prices()
	if err != nil && caps == (autoscale.Caps{}) {
		return nil
	}
	if err != nil {
		return err
	}
	rate, err := book.Fargate(cost.X86, false) // the dearest of what a worker may run on
	if err != nil {
		return err
	}
	second := cost.FargateBill(rate, cost.LocalSize(s.cfg.Slots), time.Unix(0, 0), time.Unix(3600, 0)).Total() / 3600
	p.Price, p.Budget = second, caps
	fc.Prices, fc.Capped = book, caps != (autoscale.Caps{})
	return nil
}

// seen remembers the number of running workers for the progress display.
type seen struct {
	autoscale.Fleet
	running *atomic.Int64
}

// Counts passes on what the fleet says.
func (f *seen) Counts(ctx context.Context) (autoscale.Standing, error) {
	c, err := f.Fleet.Counts(ctx)
	if err == nil {
		f.running.Store(int64(c.Running))
	}
	return c, err
}

// SetWorkers changes the most workers the session's fleet grows to.
func (s *Session) SetWorkers(n int) {
	s.cfg.Workers = n
	if s.loop != nil {
		s.loop.SetMax(n)
	}
}

// Autoscale sizes the stack's service until ctx ends, and leaves it as it is then.
func (s *Session) Autoscale(ctx context.Context) error { return s.loop.Run(ctx) }

// DecideOnce makes one decision, applies it unless it is a dry run, and prints it.
func (s *Session) DecideOnce(ctx context.Context, w io.Writer) error {
	d, err := s.loop.Once(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d  %s\n", d.Want, d.Reason)
	return err
}
