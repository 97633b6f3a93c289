package deploy

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/stack"
)

// ECS is the part of Amazon ECS that a deploy needs; *ecs.Client has it.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

var _ ECS = (*ecs.Client)(nil)

// Derive fills in a Site from what ECS says of a stack that only the environment describes.
func Derive(ctx context.Context, api ECS, s stack.Stack, region string) (Site, error) {
	site := Site{
		Schema: Schema, Region: cmp.Or(stack.RegionOf(s.QueueURL), region), QueueURL: s.QueueURL, DLQURL: s.DLQURL,
		Table: s.Table, Bucket: s.Bucket, Fleet: s.Fleet, Cluster: s.Cluster,
	}
	names := append([]string(nil), s.Services...)
	if len(names) == 0 && s.Service != "" {
		names = []string{s.Service}
	}
	for _, n := range names {
		site.Services = append(site.Services, Service{Name: n})
	}
	for _, n := range s.Fallback {
		site.Services = append(site.Services, Service{Name: n, Capacity: "FARGATE"})
	}
	if s.Cluster == "" || len(site.Services) == 0 {
		return site, nil
	}
	services, err := describe(ctx, api, site)
	if err != nil {
		return site, err
	}
	for i := range services {
		site.Services[i].ARN = aws.ToString(services[i].ServiceArn)
		if p := services[i].CapacityProviderStrategy; len(p) > 0 {
			site.Services[i].Capacity = aws.ToString(p[0].CapacityProvider)
		}
	}
	if n := services[0].NetworkConfiguration; n != nil && n.AwsvpcConfiguration != nil {
		site.Subnets, site.PublicIP = n.AwsvpcConfiguration.Subnets, n.AwsvpcConfiguration.AssignPublicIp == types.AssignPublicIpEnabled
	}
	d, err := api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: services[0].TaskDefinition})
	if err != nil {
		return site, fmt.Errorf("read the task definition of service %s: %w", site.Services[0].Name, err)
	}
	site.fromDefinition(d.TaskDefinition)
	return site, nil
}

func (s *Site) fromDefinition(d *types.TaskDefinition) {
	s.Family = aws.ToString(d.Family)
	if p := d.RuntimePlatform; p != nil {
		s.Architecture = string(p.CpuArchitecture)
	}
	if len(d.ContainerDefinitions) == 0 {
		return
	}
	c := d.ContainerDefinitions[0]
	s.Container = aws.ToString(c.Name)
	if repository, _, ok := strings.Cut(aws.ToString(c.Image), "@"); ok {
		s.Repository = repository
	} else if i := strings.LastIndexByte(aws.ToString(c.Image), ':'); i > strings.LastIndexByte(aws.ToString(c.Image), '/') && i > 0 {
		s.Repository = aws.ToString(c.Image)[:i]
	}
	if c.LogConfiguration != nil {
		s.LogGroup = c.LogConfiguration.Options["awslogs-group"]
		s.LogPrefix = c.LogConfiguration.Options["awslogs-stream-prefix"]
	}
}

// describe returns the site's services in its order.
func describe(ctx context.Context, api ECS, s Site) ([]types.Service, error) {
	out, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: s.serviceNames()})
	if err != nil {
		return nil, fmt.Errorf("describe the services of cluster %s: %w", s.Cluster, err)
	}
	all := make([]types.Service, len(s.Services))
	for i, want := range s.Services {
		found := false
		for _, sv := range out.Services {
			if aws.ToString(sv.ServiceName) == want.Name && aws.ToString(sv.Status) == "ACTIVE" {
				all[i], found = sv, true
			}
		}
		if !found {
			return nil, fmt.Errorf("service %s in cluster %s: %w", want.Name, s.Cluster, &types.ServiceNotFoundException{Message: aws.String("there is none, or it is being deleted")})
		}
	}
	return all, nil
}
