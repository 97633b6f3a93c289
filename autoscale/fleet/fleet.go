package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// DefaultLedgerEvery is how often the ledgers are read: workers write theirs every 5 s at most.
const DefaultLedgerEvery = 5 * time.Second

// DefaultDiscoverEvery is how often the job index is searched: a few read units.
const DefaultDiscoverEvery = 15 * time.Second

// Store is what the autoscaler needs of the table; *store.Store has it.
type Store interface {
	Jobs
	Ledgers
	Decisions
	Leases
	Ends
	Controls
	Forecasts
}

var _ Store = (*store.Store)(nil)

// Config names a fleet and the clients to reach it with. All fields are required but those with a default.
type Config struct {
	SQS      SQS
	ECS      ECS
	Store    Store
	QueueURL string
	// Cluster and Service are the ECS service to size. Services, when set, are several that share the fleet instead: each
	// holds 5,000 workers and launches 500 a minute at most.
	Cluster, Service string
	Services         []string
	// Fallback are services on On-Demand capacity, for when the others are on Spot and that is not to be had.
	Fallback []string
	// Fleet is the name that jobs, ledgers and the lease are stored under.
	Fleet string
	// Owner names this process among those that may lead the fleet; it must be unique.
	Owner string
	// LeaseTTL is how long a leader may be silent before another takes over. It must outlast two of
	// the loop's intervals. Default: 20 s.
	LeaseTTL time.Duration
	// LedgerEvery is how often the workers' ledgers are read. Default: 5 s.
	LedgerEvery time.Duration
	// DiscoverEvery is how often jobs are searched for that were made elsewhere: so long their cost
	// caps are not held. Default: 15 s.
	DiscoverEvery time.Duration
	// Prices, when set, makes every observation carry what the workers have cost so far.
	Prices *cost.Book
	// Capped makes them also carry the spending of the last hour and day.
	Capped bool
	// Quotas tells what the vCPU quota has left, WorkerVCPU how many vCPUs a worker has. Default: none, no such limit.
	Quotas     Quotas
	WorkerVCPU float64
	// Subnets tells how many addresses are left. Default: none, no such limit.
	Subnets Subnets
	// MinBilled is the least that a worker's life is charged as; idle workers are kept for as long. Default: autoscale.DefaultMinBilled.
	MinBilled time.Duration
	// ReadOnly leaves the table as it is, for a dry run: not even how workers ended is noted.
	ReadOnly bool
	// Log receives a line for what cannot be read. Default: none.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.LeaseTTL = cmp.Or(c.LeaseTTL, DefaultLeaseTTL)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.LedgerEvery = cmp.Or(c.LedgerEvery, DefaultLedgerEvery)
	c.DiscoverEvery = cmp.Or(c.DiscoverEvery, DefaultDiscoverEvery)
	c.MinBilled = max(0, cmp.Or(c.MinBilled, autoscale.DefaultMinBilled))
	if len(c.Services) == 0 {
		c.Services = []string{c.Service}
	}
	c.Service = c.Services[0]
	return c
}

func (c Config) validate() error {
	if c.SQS == nil || c.ECS == nil || c.Store == nil {
		return errors.New("fleet: the SQS and ECS clients and the store are required")
	}
	for _, f := range []struct{ name, value string }{
		{"QueueURL", c.QueueURL}, {"Cluster", c.Cluster}, {"Service", c.Service}, {"Fleet", c.Fleet}, {"Owner", c.Owner},
	} {
		if f.value == "" {
			return fmt.Errorf("fleet: %s is empty", f.name)
		}
	}
	if c.LeaseTTL < time.Second || c.LedgerEvery < 0 {
		return fmt.Errorf("fleet: LeaseTTL is %s, must be at least 1s; LedgerEvery is %s, must not be negative", c.LeaseTTL, c.LedgerEvery)
	}
	return nil
}

// Fleet is everything a loop needs to size one fleet.
type Fleet struct {
	Observer *Observer
	Services *Services
	Journal  *Journal
	Lease    *Lease
	Settler  *Settler
}

// New makes the parts; it contacts nobody yet.
func New(c Config) (*Fleet, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	all := slices.Concat(c.Services, c.Fallback)
	settler := &Settler{tasks: c.ECS, ends: c.Store, cluster: c.Cluster, services: all, fleet: c.Fleet, log: c.Log}
	if c.ReadOnly {
		settler.ends = nil
	}
	seen := &past{}
	crew := &crew{tasks: c.ECS, cluster: c.Cluster, fleet: c.Fleet, minBilled: c.MinBilled,
		control: func(ctx context.Context, change func(*store.Control)) error {
			return c.Store.UpdateControl(ctx, c.Fleet, change)
		}}
	return &Fleet{
		Observer: &Observer{
			sqs: c.SQS, queueURL: c.QueueURL, ledgers: c.Store, controls: c.Store, fleet: c.Fleet, settler: settler, crew: crew, past: seen,
			quotas: c.Quotas, vcpu: c.WorkerVCPU, subnets: c.Subnets, minBilled: c.MinBilled, log: c.Log,
			ledgerEvery: c.LedgerEvery, book: c.Prices, capped: c.Capped, expect: expectations{store: c.Store}, roster: roster{every: c.DiscoverEvery, store: c.Store, fleet: c.Fleet, log: c.Log},
		},
		Services: newServices(c.ECS, c.Cluster, c.Services, c.Fallback, crew),
		Journal:  &Journal{store: c.Store, fleet: c.Fleet, past: seen},
		Lease:    &Lease{store: c.Store, fleet: c.Fleet, owner: c.Owner, ttl: c.LeaseTTL, lost: crew.forget},
		Settler:  settler,
	}, nil
}

// Watch counts the job's tasks from the next tick on; without it the job index shows them within Config.DiscoverEvery.
func (f *Fleet) Watch(job string) { f.Observer.Watch(job) }

// SetWorkerVCPU changes Config.WorkerVCPU: a deployment may make workers larger.
func (f *Fleet) SetWorkerVCPU(vcpu float64) {
	f.Observer.mu.Lock()
	defer f.Observer.mu.Unlock()
	f.Observer.vcpu = vcpu
}

// Parts returns what autoscale.New takes.
func (f *Fleet) Parts() autoscale.Parts {
	return autoscale.Parts{Observer: f.Observer, Fleet: f.Services, Journal: f.Journal, Lease: f.Lease}
}
