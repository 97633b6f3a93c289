package scaling

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/cost"
)

// defaultStopTimeout is how long ECS waits between SIGTERM and SIGKILL (API reference, ContainerDefinition.stopTimeout).
const defaultStopTimeout = 30 * time.Second

// Worker is what one worker of a service is.
type Worker struct {
	Size     cost.Size
	Platform cost.Platform
	// Spot says that the service asks for Fargate Spot.
	Spot bool
	// StopTimeout is how long a worker may live after it was told to stop.
	StopTimeout time.Duration
}

// Definitions is the part of Amazon ECS that tells what a service runs; *ecs.Client has it.
type Definitions interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// DescribeWorker asks ECS what the service's workers are.
func DescribeWorker(ctx context.Context, api Definitions, cluster, service string) (w Worker, err error) {
	services, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
	if err != nil {
		return w, fmt.Errorf("describe ECS service %q in cluster %q: %w", service, cluster, err)
	}
	if len(services.Services) == 0 {
		return w, fmt.Errorf("there is no ECS service %q in cluster %q: create the stack first, or correct STARBURST_CLUSTER and STARBURST_SERVICE", service, cluster)
	}
	s := services.Services[0]
	for _, p := range s.CapacityProviderStrategy {
		w.Spot = w.Spot || aws.ToString(p.CapacityProvider) == cost.FargateSpot
	}
	out, err := api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: s.TaskDefinition})
	if err != nil {
		return w, fmt.Errorf("describe task definition %s of ECS service %q: %w", aws.ToString(s.TaskDefinition), service, err)
	}
	if out.TaskDefinition == nil {
		return w, fmt.Errorf("ECS shows no task definition %s", aws.ToString(s.TaskDefinition))
	}
	return w.of(out.TaskDefinition), nil
}

// of reads a task definition, whose sizes are texts in units of 1/1024 vCPU and MiB. What it does not say stays zero: without a number of vCPUs
// no quota can be held, and nothing is launched.
func (w Worker) of(d *types.TaskDefinition) Worker {
	if units, err := strconv.ParseInt(aws.ToString(d.Cpu), 10, 64); err == nil && units > 0 {
		w.Size.VCPUMilli = units * 1000 / 1024
	}
	if mib, err := strconv.ParseInt(aws.ToString(d.Memory), 10, 64); err == nil && mib > 0 {
		w.Size.MemoryMiB = mib
	}
	if d.EphemeralStorage != nil {
		w.Size.DiskGiB = int64(d.EphemeralStorage.SizeInGiB)
	}
	arch := ""
	if d.RuntimePlatform != nil {
		arch = string(d.RuntimePlatform.CpuArchitecture)
	}
	w.Platform, w.StopTimeout = cost.PlatformOf(arch), 0
	for _, c := range d.ContainerDefinitions {
		if c.StopTimeout != nil {
			w.StopTimeout = max(w.StopTimeout, time.Duration(*c.StopTimeout)*time.Second)
		}
	}
	if w.StopTimeout == 0 {
		w.StopTimeout = defaultStopTimeout
	}
	return w
}
