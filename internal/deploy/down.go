package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/store"
)

// DownECS is what ending a fleet needs besides; *ecs.Client has it.
type DownECS interface {
	ECS
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
}

// Scale is where people set a fleet's limits; *store.Store has it.
type Scale interface {
	UpdateControl(ctx context.Context, fleet string, change func(*store.Control)) error
}

// DownConfig of a Down.
type DownConfig struct {
	Site Site
	ECS  DownECS
	// Scale, if not nil, is told that no worker is wanted until somebody says so: with jobs left, the autoscaler would start new ones.
	Scale Scale
	By    string
	// Wait bounds how long workers may take to end, Every is how often is looked. Defaults: DefaultWait, DefaultEvery.
	Wait, Every time.Duration
	Now         func() time.Time
}

// Gone is what a Down has ended.
type Gone struct {
	// Services were set to zero.
	Services []string `json:"services"`
	// Stopped are the tasks that were told to stop; Left those that had not when the wait was over.
	Stopped []string `json:"stopped"`
	Left    []string `json:"left,omitempty"`
	// Retired are the revisions that Retire has deregistered, when that was asked for.
	Retired []string `json:"retired,omitempty"`
}

// Down sets the stack's services to zero, stops their tasks (of no other service, and no other cluster) and waits for their
// end. Workers that are stopped finish or release what they have.
func Down(ctx context.Context, c DownConfig) (Gone, error) {
	d := &deployment{Config: Config{Site: c.Site, ECS: c.ECS, Wait: c.Wait, Every: c.Every, Now: c.Now, NoWait: true, Image: "none"}.withDefaults()}
	var g Gone
	if err := d.validate(); err != nil {
		return g, err
	}
	if c.Scale != nil {
		if err := c.Scale.UpdateControl(ctx, d.Site.Stack().Fleet, func(k *store.Control) {
			k.Scale = store.Scale{SetMax: true, By: c.By, At: d.Now(), Why: "starburst down"}
		}); err != nil {
			return g, fmt.Errorf("tell the autoscaler that no worker is wanted: %w", err)
		}
	}
	for _, name := range d.Site.serviceNames() {
		if _, err := c.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &d.Site.Cluster, Service: &name, DesiredCount: aws.Int32(0)}); err != nil {
			return g, fmt.Errorf("set service %s to zero: %w", name, err)
		}
		g.Services = append(g.Services, name)
	}
	return g, d.end(ctx, c.ECS, &g)
}

// end stops tasks until there are none: those that ECS was starting meanwhile too.
func (d *deployment) end(ctx context.Context, api DownECS, g *Gone) error {
	deadline := d.Now().Add(d.Wait)
	tick := time.NewTicker(d.Every)
	defer tick.Stop()
	for {
		left, err := d.running(ctx)
		if err != nil {
			return err
		}
		for _, task := range left {
			if slices.Contains(g.Stopped, task) {
				continue
			}
			if _, err := api.StopTask(ctx, &ecs.StopTaskInput{Cluster: &d.Site.Cluster, Task: &task, Reason: aws.String("starburst down")}); err != nil {
				return fmt.Errorf("stop task %s: %w", task, err)
			}
			g.Stopped = append(g.Stopped, task)
		}
		g.Left = left
		if len(left) == 0 || !d.Now().Before(deadline) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for workers to end: %w", context.Cause(ctx))
		}
	}
}

// running are the tasks of the stack's services that have not ended.
func (d *deployment) running(ctx context.Context) ([]string, error) {
	var all []string
	for _, name := range d.Site.serviceNames() {
		for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
			arns, err := d.list(ctx, name, status)
			if err != nil {
				return nil, err
			}
			for page := range slices.Chunk(arns, 100) { // DescribeTasks takes 100
				out, err := d.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.Site.Cluster, Tasks: page})
				if err != nil {
					return nil, fmt.Errorf("describe the tasks of service %s: %w", name, err)
				}
				for i := range out.Tasks {
					if aws.ToString(out.Tasks[i].LastStatus) != "STOPPED" {
						all = append(all, aws.ToString(out.Tasks[i].TaskArn))
					}
				}
			}
		}
	}
	return all, nil
}

func (d *deployment) list(ctx context.Context, service string, status types.DesiredStatus) ([]string, error) {
	var all []string
	var next *string
	for {
		out, err := d.ECS.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &d.Site.Cluster, ServiceName: &service, DesiredStatus: status, NextToken: next})
		if err != nil {
			return nil, fmt.Errorf("list the tasks of service %s: %w", service, err)
		}
		all = append(all, out.TaskArns...)
		if next = out.NextToken; next == nil {
			return all, nil
		}
	}
}

// Standing is something that costs money while nothing runs.
type Standing struct {
	What string `json:"what"`
	// Price in words, by the list prices of us-east-1: most of it depends on how much is stored.
	Price string `json:"price"`
}

// Costs lists what of the stack still costs money when its services stand at zero.
func (s Site) Costs() []Standing {
	all := []Standing{{"table " + s.Table, "$0.25 per GB-month stored"}, {"queues", "nothing while they are idle"}}
	if s.Bucket != "" {
		all = append(all, Standing{"bucket " + s.Bucket, "$0.023 per GB-month stored"})
	}
	if s.Repository != "" {
		all = append(all, Standing{"images in " + s.Repository, "$0.10 per GB-month stored"})
	}
	if s.LogGroup != "" {
		all = append(all, Standing{"logs in " + s.LogGroup, "$0.03 per GB-month stored"})
	}
	if n := len(s.Alarms); n > 0 {
		all = append(all, Standing{fmt.Sprintf("%d alarms", n), fmt.Sprintf("$%.2f a month, and $0.10 for each metric beyond the first of one", 0.10*float64(n))})
	}
	if s.ScalerFunction != "" {
		all = append(all, Standing{"autoscaler " + s.ScalerFunction, "some cents a month: a look a minute"})
	}
	if len(s.Subnets) > 0 && !s.PublicIP {
		all = append(all, Standing{"endpoints or NAT of private subnets", "$0.01 an hour for each endpoint and zone, if Terraform made them"})
	}
	return all
}
