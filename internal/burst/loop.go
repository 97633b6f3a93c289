package burst

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/scaling"
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
	// Decided is told of each decision before it is applied; it must not block. Default: nobody is told.
	Decided func(autoscale.Decision)
	// Settings of the fleet; workers and slots are the session's. Default: those of the environment.
	Settings *scaling.Settings
}

// prepareLoop makes the loop that sizes the stack's service and, unless it is
// manual, starts it. Another loop may lead the fleet already; this one then stands by.
func (s *Session) prepareLoop(ctx context.Context) error {
	cfg, fc, err := s.planLoop(ctx)
	if err != nil {
		return err
	}
	fc.ReadOnly = s.cfg.Autoscale.DryRun
	f, err := fleet.New(fc)
	if err != nil {
		return err
	}
	cfg.Decided = s.cfg.Autoscale.Decided
	parts := f.Parts()
	if s.cfg.Autoscale.DryRun {
		parts = autoscale.DryRun(parts, s.cfg.Log)
	}
	if s.loop, err = autoscale.New(cfg, parts); err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	s.fleet, s.watchJob = f, f.Watch
	if s.cfg.Autoscale.Manual {
		s.stopLoop = func() {}
		return nil
	}
	loopCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopLoop = cancel
	s.loopDone.Go(func() { _ = s.loop.Run(loopCtx) }) // it logs its errors and returns none
	return nil
}

// planLoop says how the fleet is sized: on the laptop fast, and at the pace of workers that start in an instant, unless
// somebody says otherwise.
func (s *Session) planLoop(ctx context.Context) (cfg autoscale.LoopConfig, fc fleet.Config, err error) {
	settings, err := s.settings()
	if err != nil {
		return cfg, fc, err
	}
	book, _, err := s.Prices()
	if err != nil && settings.Budget != (autoscale.Caps{}) {
		return cfg, fc, err // without prices decisions only lack what was spent, but caps cannot be held
	}
	laptopMode := s.stack.Endpoint != ""
	if laptopMode {
		settings.Mode = cmp.Or(settings.Mode, "fast")
		local, err := laptop.PlatformFromEnv(os.Getenv)
		if err != nil {
			return cfg, fc, err
		}
		settings.VCPUQuota = cmp.Or(settings.VCPUQuota, local.VCPUQuota)
	}
	cfg, fc, err = scaling.Plan(ctx, scaling.Config{
		Stack: s.stack, Settings: settings, Clients: s.clients, Store: s.store, Book: book,
		Interval: s.cfg.Autoscale.Interval, Log: s.cfg.Log,
	})
	if err == nil && laptopMode {
		p := &cfg.Policy
		cfg.Interval = cmp.Or(cfg.Interval, laptopTick)
		p.StartUp = cmp.Or(p.StartUp, laptopStartUp)
		p.IdleBeforeShrink, p.IdleBeforeZero = laptopIdle, laptopIdle
		p.StrandedAfter = 2 * laptop.Visibility
		fc.LedgerEvery, fc.DiscoverEvery, fc.LeaseTTL = time.Second, time.Second, laptopLease
	}
	return cfg, fc, err
}

// settings are those given, else the environment's, with the session's workers and slots.
func (s *Session) settings() (settings scaling.Settings, err error) {
	if given := s.cfg.Autoscale.Settings; given != nil {
		settings = *given
	} else if settings, err = scaling.FromEnv(os.Getenv); err != nil {
		return settings, err
	}
	settings.MaxWorkers, settings.Slots = s.cfg.Workers, s.cfg.Slots
	return settings, nil
}

// SetWorkers changes the most workers the session's fleet grows to.
func (s *Session) SetWorkers(n int) {
	s.cfg.Workers = n
	if s.loop != nil {
		s.loop.SetMax(n)
	}
}

// describeEvery is how often ECS is asked anew what a worker is, which a deployment can change.
const describeEvery = 10 * time.Minute

// Autoscale sizes the stack's service until ctx ends, and leaves it as it is then.
func (s *Session) Autoscale(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		tick := time.NewTicker(describeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := s.renew(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("what a worker is and costs is not renewed", "error", err)
			}
		}
	})
	return s.loop.Run(ctx)
}

// renew takes over what a worker is and costs by now.
func (s *Session) renew(ctx context.Context) error {
	cfg, fc, err := s.planLoop(ctx)
	if err != nil || fc.WorkerVCPU == 0 { // ECS did not tell, which has been logged
		return err
	}
	s.fleet.SetWorkerVCPU(fc.WorkerVCPU)
	return s.loop.Adjust(func(p *autoscale.Config) {
		p.Price, p.StopLag, p.Spot = cfg.Policy.Price, cfg.Policy.StopLag, cfg.Policy.Spot
	})
}

// DecideOnce makes one decision, applies it unless it is a dry run, and prints it.
func (s *Session) DecideOnce(ctx context.Context, w io.Writer) error {
	d, err := s.loop.Once(ctx)
	if err != nil {
		return err
	}
	return PrintDecision(w, d)
}

// PrintDecision prints a decision in one line: its number, wave and size, what bound it, and why.
func PrintDecision(w io.Writer, d autoscale.Decision) error {
	bound := string(cmp.Or(d.Binding, "none"))
	_, err := fmt.Fprintf(w, "%d  decision %d, wave %d, bound by %s: %s\n", d.Want, d.Seq, d.Wave, bound, d.Reason)
	return err
}
