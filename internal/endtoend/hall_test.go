package endtoend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/consumer"
)

// hall is an ECS service whose tasks are consumers in this process. It does what the autoscaler asks for and nothing it does not:
// a protected worker is not stopped because the count is lowered.
type hall struct {
	make func(name string, guard consumer.Guard) (*consumer.Worker, error)
	t    *testing.T

	mu      sync.Mutex // protects the fields below
	desired int
	version int // of the deployment
	all     []*hallTask
	peak    int
	over    sync.WaitGroup
}

// hallTask is a worker and what ECS knows of it. It is the worker's guard, too.
type hallTask struct {
	hall                      *hall
	name                      string
	version                   int
	stop                      context.CancelFunc
	created, stopping, ended  time.Time
	protected                 bool
	handling, stoppedHandling int // tasks it is at, and was at when it was told to stop
}

// Protect implements consumer.Guard.
func (h *hallTask) Protect(context.Context, time.Duration) error { return h.set(true) }

// Unprotect implements consumer.Guard.
func (h *hallTask) Unprotect(context.Context) error { return h.set(false) }

func (h *hallTask) set(protected bool) error {
	h.hall.mu.Lock()
	defer h.hall.mu.Unlock()
	if !h.stopping.IsZero() {
		return errors.New("TASK_NOT_VALID")
	}
	h.protected = protected
	return nil
}

// at notes that a worker takes up a task of the queue, or with −1 that it has ended one.
func (h *hall) at(worker string, by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.all {
		if t.name == worker {
			t.handling += by
		}
	}
}

// reconcile starts what is missing and stops what is too much, the newest unprotected ones first. The caller holds mu.
func (h *hall) reconcile() {
	var active, old []*hallTask
	for _, t := range h.all {
		switch {
		case !t.stopping.IsZero():
		case t.version < h.version:
			old = append(old, t)
		default:
			active = append(active, t)
		}
	}
	for len(active) < h.desired {
		t := &hallTask{hall: h, name: fmt.Sprintf("hall-%d", worlds.Add(1)), created: time.Now(), version: h.version}
		h.all, active = append(h.all, t), append(active, t)
		h.run(t)
	}
	h.peak = max(h.peak, len(active)+len(old))
	stopSurplus(active, len(active)-h.desired)
	stopSurplus(old, len(old)) // their successors have been started
}

// stopSurplus stops so many of the tasks, the newest first, and none that is protected.
func stopSurplus(tasks []*hallTask, n int) {
	for _, t := range slices.Backward(tasks) {
		if n > 0 && !t.protected {
			t.stopping, t.stoppedHandling = time.Now(), t.handling
			t.stop()
			n--
		}
	}
}

// deploy replaces the tasks by new ones.
func (h *hall) deploy() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version++
	h.reconcile()
}

// outdated counts the tasks that are left of earlier deployments.
func (h *hall) outdated() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reconcile()
	for _, t := range h.all {
		if t.version < h.version && t.ended.IsZero() {
			n++
		}
	}
	return n
}

func deployment(version int) string { return fmt.Sprint("ecs-svc/", version) }

// run starts a worker. The caller holds mu.
func (h *hall) run(t *hallTask) {
	w, err := h.make(t.name, t)
	if err != nil {
		h.t.Error(err)
		return
	}
	var ctx context.Context
	ctx, t.stop = context.WithCancel(context.Background())
	h.over.Go(func() {
		if err := w.Run(ctx); err != nil {
			h.t.Errorf("worker %s: %v", t.name, err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		t.ended = time.Now()
	})
}

// close stops what is left.
func (h *hall) close() {
	h.mu.Lock()
	h.desired = 0
	for _, t := range h.all {
		t.protected = false
	}
	h.reconcile()
	h.mu.Unlock()
	h.over.Wait()
}

// check fails the test if a worker was told to stop while it was at a task.
func (h *hall) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, task := range h.all {
		if task.stoppedHandling > 0 {
			t.Errorf("%s was stopped at %d tasks", task.name, task.stoppedHandling)
		}
	}
}

// live counts the workers that have not ended.
func (h *hall) live() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reconcile()
	for _, t := range h.all {
		if t.ended.IsZero() {
			n++
		}
	}
	return n
}

// DescribeServices implements fleet.ECS.
func (h *hall) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reconcile()
	running := 0
	for _, t := range h.all {
		if t.stopping.IsZero() {
			running++
		}
	}
	deployments := []types.Deployment{{Id: aws.String(deployment(h.version)), Status: aws.String("PRIMARY")}}
	for _, t := range h.all {
		if t.version < h.version && t.ended.IsZero() {
			deployments = append(deployments, types.Deployment{Id: aws.String(deployment(t.version)), Status: aws.String("ACTIVE")})
			break
		}
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{{
		ServiceName: &in.Services[0], Status: aws.String("ACTIVE"), DesiredCount: int32(h.desired), RunningCount: int32(running), Deployments: deployments,
	}}}, nil
}

// UpdateService implements fleet.ECS.
func (h *hall) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in.DesiredCount != nil {
		h.desired = int(*in.DesiredCount)
	}
	h.reconcile()
	return &ecs.UpdateServiceOutput{}, nil
}

// StopTask implements fleet.ECS; no scenario needs it.
func (h *hall) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	return nil, fmt.Errorf("stop %s: nobody should have asked", aws.ToString(in.Task))
}

// ListTasks implements fleet.ECS.
func (h *hall) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := &ecs.ListTasksOutput{}
	for _, t := range h.all {
		if t.stopping.IsZero() == (in.DesiredStatus != types.DesiredStatusStopped) {
			out.TaskArns = append(out.TaskArns, "arn:aws:ecs:us-east-1:000000000000:task/hall/"+t.name)
		}
	}
	return out, nil
}

// DescribeTasks implements fleet.ECS.
func (h *hall) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := &ecs.DescribeTasksOutput{}
	for _, ref := range in.Tasks {
		for _, t := range h.all {
			if !strings.HasSuffix(ref, t.name) {
				continue
			}
			task := types.Task{
				TaskArn: aws.String("arn:aws:ecs:us-east-1:000000000000:task/hall/" + t.name), Group: aws.String("service:hall"), StartedBy: aws.String(deployment(t.version)), CreatedAt: &t.created,
				PullStartedAt: &t.created, StartedAt: &t.created, LastStatus: aws.String("RUNNING"), DesiredStatus: aws.String("RUNNING"), Cpu: aws.String("1024"), Memory: aws.String("2048"),
			}
			if !t.ended.IsZero() {
				task.StoppingAt, task.StoppedAt, task.LastStatus, task.DesiredStatus = &t.stopping, &t.ended, aws.String("STOPPED"), aws.String("STOPPED")
				task.StopCode = types.TaskStopCodeServiceSchedulerInitiated
			}
			out.Tasks = append(out.Tasks, task)
		}
	}
	return out, nil
}
