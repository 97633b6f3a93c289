package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// SQS is the part of Amazon SQS that counts messages; *sqs.Client has it.
type SQS interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Ledgers is the part of the store that knows what workers did; *store.Store has it.
type Ledgers interface {
	Ledgers(ctx context.Context, fleet string) ([]store.Ledger, error)
}

// Observer sees the demand for workers: the queue, the jobs and the workers' ledgers. It is safe for concurrent use.
type Observer struct {
	sqs         SQS
	queueURL    string
	ledgers     Ledgers
	controls    Controls
	fleet       string
	ledgerEvery time.Duration
	book        *cost.Book
	capped      bool // the spending of the last hour and day is wanted
	roster      roster
	expect      expectations
	settler     *Settler
	crew        *crew
	past        *past
	quotas      Quotas
	subnets     Subnets
	minBilled   time.Duration
	log         *slog.Logger

	mu       sync.Mutex // protects what follows
	vcpu     float64    // of a worker
	cached   []store.Ledger
	cachedAt time.Time
}

var (
	_ autoscale.Observer = (*Observer)(nil)
	_ SQS                = (*sqs.Client)(nil)
)

// Watch counts the job's tasks from the next observation on, before the job index would show it.
func (o *Observer) Watch(job string) { o.roster.watch(job) }

// Observe asks the queue, and the store for what may have changed, and quota and subnets where they are to be held: at most six calls,
// at the same time. Once a minute it also settles the bills of workers that have stopped.
func (o *Observer) Observe(ctx context.Context, now time.Time, standing autoscale.Standing) (autoscale.Observation, error) {
	var obs autoscale.Observation
	var jobs []store.Job
	var ledgers []store.Ledger
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.count(gctx, &obs) })
	g.Go(func() (err error) {
		jobs, err = o.roster.refresh(gctx, now)
		return err
	})
	var asked store.Control
	g.Go(func() (err error) {
		asked, err = o.controls.Control(gctx, o.fleet)
		return err
	})
	var taken time.Time
	g.Go(func() (err error) {
		ledgers, taken, err = o.readLedgers(gctx, now)
		return err
	})
	o.past.note(now, standing.Running+standing.Pending)
	var addresses autoscale.Room
	g.Go(func() error {
		addresses = addressRoom(gctx, o.subnets, standing.Counts)
		return nil
	})
	if err := g.Wait(); err != nil {
		return autoscale.Observation{}, err
	}
	obs.Addresses, obs.Asked = addresses, askedOf(asked.Scale)
	o.settler.learn(ledgers)
	o.settler.settleIfDue(ctx, now, standing.Desired > standing.Running)
	obs.Taken = taken
	settled := survey(&obs, ledgers, now)
	recent := since(ledgers, oldest(jobs, now), now)
	evidence(&obs, recent, now)
	o.attend(ctx, &obs, ledgers, recent, standing, now)
	begun := oldest(jobs, now)
	if lately := now.Add(-recentStarts); begun.After(lately) {
		begun = lately // workers that fail to start do so for strangers' messages, too
	}
	o.crew.starts(&obs, since(ledgers, begun, now), now)
	for _, j := range jobs {
		tasks, messages := outstanding(j, settled[j.ID])
		obs.KnownTasks += tasks
		obs.KnownMessages += messages
		if tasks > 0 {
			if obs.Jobs == nil {
				obs.Jobs = map[string]int64{}
			}
			obs.Jobs[j.ID] += tasks
		}
	}
	obs.Quota = o.quotaLeft(ctx, obs.KnownTasks+obs.Visible+obs.InFlight+obs.Delayed > 0 || obs.Asked.Min > 0, standing)
	o.expect.refresh(ctx, jobs, now)
	kinds(&obs, jobs, o.expect.of, o.roster.handlers(), ledgers)
	return obs, o.spend(&obs, ledgers, recent, jobs, now)
}

// quotaLeft reads the quota for a fleet that has workers, or may want some: CloudWatch bills each look at the usage, and one
// a minute would be most of what a fleet costs that stands at zero.
func (o *Observer) quotaLeft(ctx context.Context, wanted bool, standing autoscale.Standing) autoscale.Room {
	if o.quotas != nil && !wanted && standing.Desired+standing.Running+standing.Pending == 0 {
		room := autoscale.UnknownRoom()
		room.Note = "not asked while there is nothing to do"
		return room
	}
	o.mu.Lock()
	vcpu := o.vcpu
	o.mu.Unlock()
	return quotaRoom(ctx, o.quotas, o.past, vcpu, standing.Desired)
}

// attend adds what is known of the workers one by one.
func (o *Observer) attend(ctx context.Context, obs *autoscale.Observation, ledgers, recent []store.Ledger, standing autoscale.Standing, now time.Time) {
	o.crew.attend(ledgers, now)
	if err := o.crew.ask(ctx, now); err != nil {
		o.log.Warn("start-up times are measured without what ECS knows", "error", err)
	}
	obs.IdlePaid, obs.Released = o.crew.spare(standing.Desired)
	obs.Interruptions = interruptions(ledgers, now)
	obs.Provisioning = max(0, max(standing.Desired, standing.Running+standing.Pending)-obs.Heard-obs.Silent)
	if o.book != nil {
		obs.Prepaid = unbilled(recent, o.minBilled, now)
	}
}

// attributes are the counts asked of SQS.
var attributes = []types.QueueAttributeName{
	types.QueueAttributeNameApproximateNumberOfMessages,
	types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
}

func (o *Observer) count(ctx context.Context, obs *autoscale.Observation) error {
	out, err := o.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &o.queueURL, AttributeNames: attributes})
	if err != nil {
		return fmt.Errorf("count the messages of %s: %w", o.queueURL, err)
	}
	for i, n := range []*int64{&obs.Visible, &obs.InFlight, &obs.Delayed} {
		text := out.Attributes[string(attributes[i])]
		if *n, err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("count the messages of %s: %s is %q, want a number", o.queueURL, attributes[i], text)
		}
	}
	return nil
}

// readLedgers reads the ledgers, or returns the last ones while they are recent.
func (o *Observer) readLedgers(ctx context.Context, now time.Time) ([]store.Ledger, time.Time, error) {
	o.mu.Lock()
	cached, at := o.cached, o.cachedAt
	o.mu.Unlock()
	if age := now.Sub(at); !at.IsZero() && age >= 0 && age < o.ledgerEvery {
		return cached, at, nil
	}
	ledgers, err := o.ledgers.Ledgers(ctx, o.fleet)
	if err != nil {
		return nil, now, fmt.Errorf("read the ledgers of fleet %s: %w", o.fleet, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cached, o.cachedAt = ledgers, now
	return ledgers, now, nil
}
