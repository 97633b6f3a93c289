package quota

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ECS is what counting tasks needs; *ecs.Client has it.
type ECS interface {
	ListClusters(ctx context.Context, in *ecs.ListClustersInput, opts ...func(*ecs.Options)) (*ecs.ListClustersOutput, error)
	ListTasks(ctx context.Context, in *ecs.ListTasksInput, opts ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, opts ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

var _ ECS = (*ecs.Client)(nil)

// maxPages bounds the count to 100 clusters and 2,000 tasks. It is for accounts where next to
// nothing runs: where more does, CloudWatch has data points.
const maxPages = 20

// count adds up the vCPUs of the tasks of all clusters.
func count(ctx context.Context, api ECS, k Kind) (vcpu float64, err error) {
	clusters, err := api.ListClusters(ctx, &ecs.ListClustersInput{})
	if err != nil {
		return 0, fmt.Errorf("list clusters: %w", err)
	}
	if clusters.NextToken != nil {
		return 0, fmt.Errorf("there are more than %d clusters", len(clusters.ClusterArns))
	}
	pages := 0
	for _, c := range clusters.ClusterArns {
		for token := (*string)(nil); ; {
			if pages++; pages > maxPages+len(clusters.ClusterArns) {
				return 0, fmt.Errorf("there are more than %d tasks", 100*maxPages)
			}
			tasks, err := api.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &c, NextToken: token})
			if err != nil {
				return 0, fmt.Errorf("list the tasks of %s: %w", c, err)
			}
			part, err := describe(ctx, api, c, tasks.TaskArns, k)
			if err != nil {
				return 0, err
			}
			vcpu += part
			if token = tasks.NextToken; token == nil {
				break
			}
		}
	}
	return vcpu, nil
}

// describe adds up a page's tasks.
func describe(ctx context.Context, api ECS, cluster string, arns []string, k Kind) (vcpu float64, err error) {
	if len(arns) == 0 {
		return 0, nil
	}
	out, err := api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: arns})
	if err != nil {
		return 0, fmt.Errorf("describe the tasks of %s: %w", cluster, err)
	}
	for _, t := range out.Tasks {
		if t.LaunchType != types.LaunchTypeFargate || aws.ToString(t.LastStatus) == "STOPPED" || kind(t) != k {
			continue
		}
		units, err := strconv.ParseFloat(aws.ToString(t.Cpu), 64)
		if err != nil || !(units > 0 && units <= 1<<20) {
			return 0, fmt.Errorf("task %s has cpu %q", aws.ToString(t.TaskArn), aws.ToString(t.Cpu))
		}
		vcpu += units / 1024
	}
	return vcpu, nil
}

// kind of a task: the launch type is FARGATE on Spot, too.
func kind(t types.Task) Kind {
	if aws.ToString(t.CapacityProviderName) == "FARGATE_SPOT" {
		return Spot
	}
	return OnDemand
}
