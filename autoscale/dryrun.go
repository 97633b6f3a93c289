package autoscale

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// DryRun returns parts that see what p sees and change nothing: neither the fleet nor the
// journal, and they lead without a lease, so that a dry run can look over a living
// leader's shoulder. What would have been asked for is logged; log may be nil.
func DryRun(p Parts, log *slog.Logger) Parts {
	p.Fleet = dryFleet{p.Fleet, cmp.Or(log, slog.New(slog.DiscardHandler))}
	p.Journal = dryJournal{p.Journal}
	p.Lease = dryLease{}
	return p
}

type dryFleet struct {
	Fleet
	log *slog.Logger
}

func (f dryFleet) Order(_ context.Context, o Order) error {
	f.log.Info("dry run: would set the desired count", "want", o.Workers, "on_demand", o.OnDemand)
	return nil
}

type dryJournal struct{ Journal }

func (dryJournal) Record(context.Context, Decision, State) error { return nil }

type dryLease struct{}

func (dryLease) Hold(_ context.Context, now time.Time) (time.Time, bool, error) {
	return now.Add(time.Hour), true, nil
}

func (dryLease) Release(context.Context) error { return nil }
