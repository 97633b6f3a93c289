package laptop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/stack"
)

// Name of the laptop's cluster and service, and of its queue, table and fleet.
const Name = stack.DefaultName

// Visibility of the laptop's queue: how long the messages of a killed worker
// stay hidden. Heartbeats are free here, so it is short.
const Visibility = 10 * time.Second

// Fleet says what a worker of the laptop's service is.
type Fleet struct {
	// Command that starts one worker.
	Command []string
	// Env is added to each worker's environment.
	Env []string
	// Start is how many workers the service starts with. Default: 0, work brings the first.
	Start int
}

// Ensure makes the stack and the fleet's service at the endpoint.
func Ensure(ctx context.Context, c *stack.Clients, endpoint string, f Fleet) (stack.Stack, error) {
	s, err := EnsureStack(ctx, c, endpoint)
	if err != nil {
		return s, err
	}
	return s, EnsureService(ctx, c.ECS, s, f)
}

// EnsureStack makes the stack at the endpoint, without workers: what it has is kept.
func EnsureStack(ctx context.Context, c *stack.Clients, endpoint string) (stack.Stack, error) {
	s := stack.Stack{Endpoint: endpoint, Fleet: "default", Cluster: Name, Service: Name}
	return stack.Create(ctx, c, s, stack.Options{Name: Name, Visibility: Visibility})
}

// EnsureService makes the fleet's service, or updates it to the given command; without one it keeps the command of the
// state's last session.
func EnsureService(ctx context.Context, api *ecs.Client, s stack.Stack, f Fleet) error {
	in := definition(s, f)
	if len(f.Command) == 0 {
		last, err := lastDefinition(ctx, api, s)
		if last == nil || err != nil {
			return err
		}
		in = renewed(last, s)
	}
	def, err := api.RegisterTaskDefinition(ctx, in)
	if err != nil {
		return fmt.Errorf("register the worker's task definition: %w", err)
	}
	arn := def.TaskDefinition.TaskDefinitionArn
	_, err = api.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &s.Cluster, Service: &s.Service, TaskDefinition: arn,
		DesiredCount: aws.Int32(int32(f.Start)), // a killed session may have left another
	})
	if isAbsent(err) {
		err = createService(ctx, api, s, arn, f.Start)
	}
	if err != nil {
		return fmt.Errorf("make the local service: %w", err)
	}
	return nil
}

// isAbsent reports whether there is no such service, or no such cluster either.
func isAbsent(err error) bool {
	var missing *types.ServiceNotFoundException
	var inactive *types.ServiceNotActiveException
	var none *types.ClusterNotFoundException
	return errors.As(err, &missing) || errors.As(err, &inactive) || errors.As(err, &none)
}

func createService(ctx context.Context, api *ecs.Client, s stack.Stack, definition *string, workers int) error {
	if _, err := api.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &s.Cluster}); err != nil {
		return fmt.Errorf("create the local cluster: %w", err)
	}
	_, err := api.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: &s.Cluster, ServiceName: &s.Service, TaskDefinition: definition, DesiredCount: aws.Int32(int32(workers)),
	})
	return err
}

// lastDefinition returns the service's task definition, or nil when there is no service.
func lastDefinition(ctx context.Context, api *ecs.Client, s stack.Stack) (*types.TaskDefinition, error) {
	out, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the local service: %w", err)
	}
	if len(out.Services) == 0 || out.Services[0].TaskDefinition == nil {
		return nil, nil // no service yet
	}
	def, err := api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: out.Services[0].TaskDefinition})
	if err != nil {
		return nil, fmt.Errorf("look at the worker's task definition: %w", err)
	}
	return def.TaskDefinition, nil
}

// renewed is a task definition for the endpoint as it is now: its port, and with
// it the queue's URL, may have changed since the definition was made.
func renewed(last *types.TaskDefinition, s stack.Stack) *ecs.RegisterTaskDefinitionInput {
	cd := last.ContainerDefinitions[0]
	now := map[string]string{}
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		now[k] = v
	}
	for i, kv := range cd.Environment {
		if v, ok := now[aws.ToString(kv.Name)]; ok {
			cd.Environment[i].Value = &v
		}
	}
	return &ecs.RegisterTaskDefinitionInput{
		Family: &s.Service, ContainerDefinitions: []types.ContainerDefinition{cd}, Cpu: last.Cpu, Memory: last.Memory,
	}
}

func definition(s stack.Stack, f Fleet) *ecs.RegisterTaskDefinitionInput {
	var env []types.KeyValuePair
	for _, kv := range append(s.Env(), f.Env...) {
		k, v, _ := strings.Cut(kv, "=")
		env = append(env, types.KeyValuePair{Name: &k, Value: &v})
	}
	cd := types.ContainerDefinition{
		Name: aws.String("worker"), Image: aws.String("local"), Command: f.Command,
		Environment: env, StopTimeout: aws.Int32(30),
	}
	if wd, err := os.Getwd(); err == nil {
		cd.WorkingDirectory = &wd
	}
	return &ecs.RegisterTaskDefinitionInput{
		Family: &s.Service, ContainerDefinitions: []types.ContainerDefinition{cd},
		Cpu: aws.String("1024"), Memory: aws.String("2048"),
	}
}

// Messages counts the messages on the stack's queue, whatever their state.
func Messages(ctx context.Context, c *stack.Clients, s stack.Stack) (int, error) {
	counts := []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := c.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &s.QueueURL, AttributeNames: counts})
	if err != nil {
		return 0, fmt.Errorf("count the messages of %s: %w", s.QueueURL, err)
	}
	total := 0
	for _, name := range counts {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("count the messages of %s: %w", s.QueueURL, err)
		}
		total += n
	}
	return total, nil
}
