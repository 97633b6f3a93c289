package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/store"
)

// settleEvery is how often stopped tasks are looked up. ECS shows them for about an
// hour after their end.
const settleEvery = time.Minute

// settleFor bounds one round, since the sizing of the fleet waits for it; what is left
// is for the next.
const settleFor = 2 * time.Second

// settlers is how many ends are noted at once.
const settlers = 16

// maxSettled bounds the memory of what is settled; forgetting only asks again.
const maxSettled = 50_000

// describeAtOnce is the most tasks one call describes (ECS API reference, DescribeTasks).
const describeAtOnce = 100

// Tasks is the part of Amazon ECS that shows stopped tasks; *ecs.Client has it.
type Tasks interface {
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// Ends is the part of the store that keeps how workers ended; *store.Store has it.
type Ends interface {
	EndWorker(ctx context.Context, fleet, worker string, e store.WorkerEnd) (bool, error)
}

// Settler notes what workers could not see themselves: when ECS stopped them, from
// when to when they are billed, and on which capacity. It is safe for concurrent use.
type Settler struct {
	tasks          Tasks
	ends           Ends // nil: nothing is noted
	cluster, fleet string
	services       []string
	log            *slog.Logger

	mu   sync.Mutex          // protects all below
	done map[string]struct{} // task ids
	last time.Time
}

// settleSoon is how often they are looked up while launched workers do not arrive: they may have failed to start.
const settleSoon = 10 * time.Second

// settleIfDue settles at most once in settleEvery, in settleSoon when it is urgent. What fails is logged and done
// the next time: a bill that lags must not hold up the sizing of the fleet.
func (s *Settler) settleIfDue(ctx context.Context, now time.Time, urgent bool) {
	every := settleEvery
	if urgent {
		every = settleSoon
	}
	s.mu.Lock()
	due := now.Sub(s.last) >= every
	if due {
		s.last = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("stopped workers not settled; their cost is estimated meanwhile", "error", err)
	}
}

// Settle notes the ends of all stopped tasks that ECS still shows and that are not noted yet.
func (s *Settler) Settle(ctx context.Context) error {
	if s.ends == nil {
		return nil
	}
	for _, name := range s.services {
		if err := s.settleService(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settler) settleService(ctx context.Context, name string) error {
	in := &ecs.ListTasksInput{Cluster: &s.cluster, ServiceName: &name, DesiredStatus: types.DesiredStatusStopped}
	for {
		out, err := s.tasks.ListTasks(ctx, in)
		if err != nil {
			return fmt.Errorf("list the stopped tasks of service %q: %w", name, err)
		}
		if err := s.settle(ctx, s.open(out.TaskArns)); err != nil {
			return err
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

// open returns those that are not settled.
func (s *Settler) open(arns []string) (open []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arn := range arns {
		if _, done := s.done[taskID(arn)]; !done {
			open = append(open, arn)
		}
	}
	return open
}

func (s *Settler) settle(ctx context.Context, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	out, err := s.tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: arns[:min(len(arns), describeAtOnce)]})
	if err != nil {
		return fmt.Errorf("describe stopped tasks of cluster %q: %w", s.cluster, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(settlers)
	for i := range out.Tasks {
		t := &out.Tasks[i]
		if t.StoppedAt == nil || aws.ToString(t.LastStatus) != "STOPPED" {
			continue // it is still on its way there
		}
		g.Go(func() error {
			id := taskID(aws.ToString(t.TaskArn))
			if _, err := s.ends.EndWorker(gctx, s.fleet, id, endOf(t)); err != nil {
				return err
			}
			s.settled(id)
			return nil
		})
	}
	return g.Wait()
}

// settled remembers that a worker's end is noted.
func (s *Settler) settled(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil || len(s.done) >= maxSettled {
		s.done = map[string]struct{}{}
	}
	s.done[id] = struct{}{}
}

// learn takes from the ledgers whose ends are noted, by an earlier leader for example.
func (s *Settler) learn(ledgers []store.Ledger) {
	for _, l := range ledgers {
		if !l.End.IsZero() {
			s.settled(l.Worker)
		}
	}
}

func taskID(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// endOf reads a stopped task. A task definition's sizes are texts in units of 1/1024 vCPU and MiB.
func endOf(t *types.Task) store.WorkerEnd {
	e := store.WorkerEnd{
		PullStarted: aws.ToTime(t.PullStartedAt), Stopped: aws.ToTime(t.StoppedAt),
		Provider: aws.ToString(t.CapacityProviderName), Arch: "X86_64", Code: string(t.StopCode),
	}
	if e.Provider == "" {
		e.Provider = string(t.LaunchType)
	}
	if cpu, err := strconv.ParseInt(aws.ToString(t.Cpu), 10, 64); err == nil {
		e.VCPUMilli = cpu * 1000 / 1024
	}
	if memory, err := strconv.ParseInt(aws.ToString(t.Memory), 10, 64); err == nil {
		e.MemoryMiB = memory
	}
	if t.EphemeralStorage != nil {
		e.DiskGiB = int64(t.EphemeralStorage.SizeInGiB)
	}
	for _, a := range t.Attributes {
		if aws.ToString(a.Name) == "ecs.cpu-architecture" && aws.ToString(a.Value) == "arm64" {
			e.Arch = "ARM64"
		}
	}
	return e
}
