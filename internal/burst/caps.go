package burst

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Variables of the stack's settings: what all its workers together may cost in any 24
// hours and in any 60 minutes, in dollars ("$50", "2.50"). Unset means no cap.
const (
	EnvMaxCostPerDay  = scaling.EnvMaxCostPerDay
	EnvMaxCostPerHour = scaling.EnvMaxCostPerHour
)

// fleetCaps reads the stack's caps.
func fleetCaps() (c autoscale.Caps, err error) {
	for name, to := range map[string]*cost.PicoUSD{EnvMaxCostPerDay: &c.PerDay, EnvMaxCostPerHour: &c.PerHour} {
		if v := os.Getenv(name); v != "" {
			if *to, err = ParseCap(name, v); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// ParseCap reads an amount of dollars above zero, given as what.
func ParseCap(what, dollars string) (cost.PicoUSD, error) {
	p, err := scaling.ParseDollars(dollars)
	if err != nil {
		return 0, exit.Errorf(exit.Usage, "%s: %w", what, err).WithHint(`dollars above zero, such as 5 or '$2.50'`)
	}
	return p, nil
}

// afford estimates a job and holds it against the caps, where there are any. What somebody says a task takes is kept with
// the estimate, for the autoscaler to begin with.
func (s *Session) afford(ctx context.Context, pre *producer.Prepared) (*bill.Forecast, error) {
	caps, err := fleetCaps()
	if err != nil || pre.Spec.MaxCostPico == 0 && caps == (autoscale.Caps{}) && pre.Spec.TaskTime == 0 {
		return nil, err
	}
	f, err := s.Forecast(ctx, pre, Expectation{TaskTime: pre.Spec.TaskTime})
	if err != nil {
		return nil, err
	}
	return &f, s.CheckCaps(ctx, pre, f)
}

// CheckCaps refuses, with exit code 7, a job whose likely cost does not fit its own
// cap or what the stack's caps leave, and names the cheapest plan that fits. What is not known before is held while it runs.
func (s *Session) CheckCaps(ctx context.Context, pre *producer.Prepared, f bill.Forecast) error {
	likely := f.Estimate.Cost.Likely
	if f.Estimate.ComputeUnknown {
		likely = f.Estimate.Cost.Low // of requests alone
	}
	if own := cost.PicoUSD(pre.Spec.MaxCostPico); own > 0 && likely > own {
		return s.refuse(f, own, fmt.Sprintf("the job is expected to cost %s; --max-cost is %s", f.Estimate.Cost.Short(), own.Short()))
	}
	caps, err := fleetCaps()
	if err != nil || caps == (autoscale.Caps{}) {
		return err
	}
	for _, c := range []struct {
		cap    cost.PicoUSD
		within time.Duration
		name   string
	}{{caps.PerDay, 24 * time.Hour, EnvMaxCostPerDay}, {caps.PerHour, time.Hour, EnvMaxCostPerHour}} {
		// A job that runs for longer is slowed down to the hourly cap, not refused.
		if c.cap == 0 || f.Estimate.Elapsed.Likely > c.within {
			continue
		}
		spent, err := s.spentSince(ctx, time.Now().Add(-c.within))
		if err != nil {
			return err
		}
		if left := c.cap - spent; likely > left {
			return s.refuse(f, max(0, left), fmt.Sprintf("the job is expected to cost %s; of %s=%s, %s are spent",
				f.Estimate.Cost.Short(), c.name, c.cap.Short(), spent.Short()))
		}
	}
	return nil
}

func (s *Session) spentSince(ctx context.Context, since time.Time) (cost.PicoUSD, error) {
	config, err := s.Bills()
	if err != nil {
		return 0, err
	}
	b, err := config.Since(ctx, since)
	if err != nil {
		return 0, fmt.Errorf("add up what was spent since %s: %w", since.Format(time.TimeOnly), err)
	}
	return b.Statement.Total, nil
}

// refuse names the cheapest plan that fits, if one does.
func (s *Session) refuse(f bill.Forecast, limit cost.PicoUSD, why string) error {
	e := exit.Errorf(exit.Refused, "%s; nothing was sent", why)
	book, _, err := s.Prices()
	if err != nil {
		return errors.Join(e, err)
	}
	var cheapest *cost.Estimate
	var with cost.Fleet
	for _, fleet := range s.alternatives(f.Fleet) {
		estimate, err := cost.EstimateJob(book, f.Shape, fleet)
		if err != nil {
			continue // not sold in this region
		}
		if cheapest == nil || estimate.Cost.Likely < cheapest.Cost.Likely {
			cheapest, with = estimate, fleet
		}
	}
	switch {
	case cheapest == nil || cheapest.Cost.Likely > limit:
		return e.WithHint("no plan fits %s: the least this work can cost is about %s", limit.Short(), f.Estimate.Bound.Short())
	default:
		return e.WithHint("the cheapest plan that fits: %s on %s with at most %d workers, about %s in %v", with.Platform, with.Provider, cheapest.Workers,
			cheapest.Cost.Likely.Short(), cheapest.Elapsed.Likely.Round(time.Second))
	}
}

// alternatives are the fleets that can be had instead, with a worker up to as many as were
// wanted. A laptop is what it is.
func (s *Session) alternatives(f cost.Fleet) (all []cost.Fleet) {
	platforms, providers := []cost.Platform{cost.X86, cost.ARM}, []string{cost.Fargate, cost.FargateSpot}
	if s.stack.Endpoint != "" {
		platforms, providers = []cost.Platform{f.Platform}, []string{f.Provider}
	}
	for _, platform := range platforms {
		for _, provider := range providers {
			for n := 1; ; n *= 4 {
				g := f
				g.Platform, g.Provider, g.Max = platform, provider, min(n, max(1, f.Max))
				all = append(all, g)
				if n >= f.Max {
					break
				}
			}
		}
	}
	return all
}

// takeUp makes a job that exists ready to be sent again: one that the fleet has stopped at
// its cap is opened with the new cap, if that is higher or none. Workers are told to forget that a job of
// the id was cancelled, if it is not (any more); they ask META before they drop a message, so that
// nothing has to wait for them.
func (s *Session) takeUp(ctx context.Context, pre *producer.Prepared) error {
	job, err := s.store.Job(ctx, pre.Spec.Job)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil && job.State == store.Cancelled {
		if job.Why == "" || !fits(pre, job) {
			return nil // the producer has its own words for these
		}
		if limit := pre.Spec.MaxCostPico; limit > 0 && limit <= job.MaxCostPico {
			return exit.Errorf(exit.Refused, "job %s was stopped: %s", job.ID, job.Why).
				WithHint("give it a --max-cost above %s; what is recorded stays and costs nothing again", cost.PicoUSD(job.MaxCostPico).Short())
		}
		if err := s.store.ResumeJob(ctx, job.ID, pre.Spec.MaxCostPico); err != nil {
			return err
		}
	}
	control, err := s.store.Control(ctx, s.stack.Fleet)
	if err != nil || !slices.Contains(control.Cancelled, pre.Spec.Job) {
		return err
	}
	return s.store.UpdateControl(ctx, s.stack.Fleet, func(c *store.Control) {
		c.Cancelled = slices.DeleteFunc(c.Cancelled, func(id string) bool { return id == pre.Spec.Job })
	})
}

// fits reports whether what is prepared is the job that exists.
func fits(pre *producer.Prepared, job store.Job) bool {
	return job.InputSHA == pre.InputSHA && job.N == pre.N && job.Handler == pre.Spec.Handler && job.Fleet == pre.Spec.Fleet
}
