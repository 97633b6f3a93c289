package fleet_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// cloud is SQS, ECS and the table in memory. It counts calls. Tests use it from one goroutine at a time,
// but an observation asks its three parts at once, so each part keeps to its own fields.
type cloud struct {
	visible, inFlight, delayed string
	sqsErr                     error
	sqsCalls                   int

	service   ecstypes.Service
	missing   bool
	ecsErr    error
	described int
	updates   []int32
	cutOff    []string

	stopped []ecstypes.Task // shown in pages of two
	lists   int
	endMu   sync.Mutex // protects ends
	ends    map[string]store.WorkerEnd
	endErr  error

	jobs               map[string]store.Job
	jobErr             error
	jobReads, searches int
	since              time.Time

	ledgers     []store.Ledger
	ledgerErr   error
	ledgerReads int

	decisions  []store.Decision
	controlErr error
	control    store.Control
	beats      int

	forecasts     map[string]string
	forecastReads int

	lease    store.Lease
	leaseOps []string
	leaseErr error
}

func newCloud() *cloud {
	return &cloud{visible: "0", inFlight: "0", delayed: "0", jobs: map[string]store.Job{},
		service: ecstypes.Service{Status: aws.String("ACTIVE")}}
}

func open(t testing.TB, c *cloud, edit func(*fleet.Config)) *fleet.Fleet {
	t.Helper()
	config := fleet.Config{SQS: c, ECS: c, Store: c, QueueURL: "http://q", Cluster: "main", Service: "workers", Fleet: "default", Owner: "me"}
	if edit != nil {
		edit(&config)
	}
	f, err := fleet.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (c *cloud) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	c.sqsCalls++
	if len(in.AttributeNames) != 3 {
		return nil, fmt.Errorf("asked for %v", in.AttributeNames)
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{
		"ApproximateNumberOfMessages": c.visible, "ApproximateNumberOfMessagesNotVisible": c.inFlight,
		"ApproximateNumberOfMessagesDelayed": c.delayed,
	}}, c.sqsErr
}

func (c *cloud) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	c.described++
	if c.missing {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{c.service}}, c.ecsErr
}

func (c *cloud) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	c.updates = append(c.updates, *in.DesiredCount)
	if c.ecsErr != nil {
		return nil, c.ecsErr
	}
	c.service.DesiredCount = *in.DesiredCount
	return &ecs.UpdateServiceOutput{}, nil
}

func (c *cloud) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	c.cutOff = append(c.cutOff, *in.Task)
	return &ecs.StopTaskOutput{}, nil
}

func (c *cloud) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	c.lists++
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	to := min(from+2, len(c.stopped))
	out := &ecs.ListTasksOutput{}
	for _, t := range c.stopped[from:to] {
		out.TaskArns = append(out.TaskArns, *t.TaskArn)
	}
	if to < len(c.stopped) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

func (c *cloud) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	out := &ecs.DescribeTasksOutput{}
	for _, t := range c.stopped {
		if slices.Contains(in.Tasks, *t.TaskArn) {
			out.Tasks = append(out.Tasks, t)
		}
	}
	return out, nil
}

func (c *cloud) EndWorker(_ context.Context, _, worker string, e store.WorkerEnd) (bool, error) {
	c.endMu.Lock() // ends are noted several at once
	defer c.endMu.Unlock()
	if c.endErr != nil {
		return false, c.endErr
	}
	if _, noted := c.ends[worker]; noted {
		return false, nil
	}
	if c.ends == nil {
		c.ends = map[string]store.WorkerEnd{}
	}
	c.ends[worker] = e
	return true, nil
}

func (c *cloud) Job(_ context.Context, id string) (store.Job, error) {
	c.jobReads++
	if c.jobErr != nil {
		return store.Job{}, c.jobErr
	}
	j, ok := c.jobs[id]
	if !ok {
		return j, fmt.Errorf("job %q: %w", id, store.ErrNotFound)
	}
	return j, nil
}

func (c *cloud) Jobs(_ context.Context, since time.Time) iter.Seq2[store.Job, error] {
	c.searches++
	c.since = since
	return func(yield func(store.Job, error) bool) {
		for i := range len(c.jobs) {
			if j, ok := c.jobs["job"+strconv.Itoa(i)]; ok && !j.Created.Before(since) && !yield(j, nil) {
				return
			}
		}
		if c.jobErr != nil {
			yield(store.Job{}, c.jobErr)
		}
	}
}

func (c *cloud) Ledgers(context.Context, string) ([]store.Ledger, error) {
	c.ledgerReads++
	return c.ledgers, c.ledgerErr
}

func (c *cloud) PutDecision(_ context.Context, d store.Decision) error {
	c.decisions = append(c.decisions, d)
	return nil
}

func (c *cloud) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range c.decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, nil) {
				return
			}
		}
	}
}

func (c *cloud) StopJob(_ context.Context, id, why string, capPico int64, at time.Time) (bool, error) {
	j, ok := c.jobs[id]
	if !ok {
		return false, fmt.Errorf("job %q: %w", id, store.ErrNotFound)
	}
	if j.State != store.Cancelled && j.MaxCostPico == capPico {
		j.State, j.Why, j.Finished = store.Cancelled, why, at
		c.jobs[id] = j
	}
	return j.State == store.Cancelled, nil
}

func (c *cloud) Control(context.Context, string) (store.Control, error) {
	return c.control, c.controlErr
}

func (c *cloud) Forecast(_ context.Context, job string) ([]byte, error) {
	c.forecastReads++
	if raw, ok := c.forecasts[job]; ok {
		return []byte(raw), nil
	}
	return nil, fmt.Errorf("forecast of %q: %w", job, store.ErrNotFound)
}

func (c *cloud) UpdateControl(_ context.Context, _ string, change func(*store.Control)) error {
	if c.controlErr != nil {
		return c.controlErr
	}
	c.beats++
	change(&c.control)
	return nil
}

func (c *cloud) AcquireLease(_ context.Context, name, owner string, ttl time.Duration, now time.Time) (store.Lease, bool, error) {
	c.leaseOps = append(c.leaseOps, "acquire")
	if c.leaseErr != nil {
		return store.Lease{}, false, c.leaseErr
	}
	if c.lease.Owner != owner && now.Before(c.lease.Expires) {
		return c.lease, false, nil
	}
	c.lease = store.Lease{Fleet: name, Owner: owner, Expires: now.Add(ttl), Generation: c.lease.Generation + 1}
	return c.lease, true, nil
}

func (c *cloud) RenewLease(_ context.Context, l store.Lease, ttl time.Duration, now time.Time) (store.Lease, bool, error) {
	c.leaseOps = append(c.leaseOps, "renew")
	if c.leaseErr != nil {
		return store.Lease{}, false, c.leaseErr
	}
	if l.Owner != c.lease.Owner || l.Generation != c.lease.Generation {
		return c.lease, false, nil
	}
	c.lease.Expires = now.Add(ttl)
	return c.lease, true, nil
}

func (c *cloud) ReleaseLease(_ context.Context, l store.Lease) error {
	c.leaseOps = append(c.leaseOps, "release")
	if l.Generation == c.lease.Generation {
		c.lease.Expires = time.Time{}
	}
	return nil
}
