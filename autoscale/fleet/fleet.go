package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
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
}

var _ Store = (*store.Store)(nil)

// Config names a fleet and the clients to reach it with. All fields are required but those with a default.
type Config struct {
	SQS      SQS
	ECS      ECS
	Store    Store
	QueueURL string
	// Cluster and Service are the ECS service to size.
	Cluster, Service string
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
	// Log receives a line for what cannot be read. Default: none.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.LeaseTTL = cmp.Or(c.LeaseTTL, DefaultLeaseTTL)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.LedgerEvery = cmp.Or(c.LedgerEvery, DefaultLedgerEvery)
	c.DiscoverEvery = cmp.Or(c.DiscoverEvery, DefaultDiscoverEvery)
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
	Service  *Service
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
	settler := &Settler{tasks: c.ECS, ends: c.Store, cluster: c.Cluster, service: c.Service, fleet: c.Fleet, log: c.Log}
	return &Fleet{
		Observer: &Observer{
			sqs: c.SQS, queueURL: c.QueueURL, ledgers: c.Store, fleet: c.Fleet, settler: settler,
			ledgerEvery: c.LedgerEvery, book: c.Prices, capped: c.Capped, roster: roster{every: c.DiscoverEvery, store: c.Store, fleet: c.Fleet, log: c.Log},
		},
		Service: NewService(c.ECS, c.Cluster, c.Service),
		Journal: &Journal{store: c.Store, fleet: c.Fleet},
		Lease:   &Lease{store: c.Store, fleet: c.Fleet, owner: c.Owner, ttl: c.LeaseTTL},
		Settler: settler,
	}, nil
}

// Watch counts the job's tasks from the next tick on; without it the job index shows them within Config.DiscoverEvery.
func (f *Fleet) Watch(job string) { f.Observer.Watch(job) }

// Parts returns what autoscale.New takes.
func (f *Fleet) Parts() autoscale.Parts {
	return autoscale.Parts{Observer: f.Observer, Fleet: f.Service, Journal: f.Journal, Lease: f.Lease}
}
