package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/autoscale"
)

// ECS is the part of Amazon ECS that sizes a service and shows how its tasks ended; *ecs.Client has it.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
	Tasks
}

// NoServiceError says that the service to be sized does not exist, or is being deleted.
type NoServiceError struct {
	Cluster, Service string
	// Status is ECS's word for its state, such as MISSING or DRAINING.
	Status string
}

func (e *NoServiceError) Error() string {
	return fmt.Sprintf("ECS service %q in cluster %q is %s: create the stack first, or correct STARBURST_CLUSTER and STARBURST_SERVICE", e.Service, e.Cluster, e.Status)
}

// Service is one ECS service as a fleet.
type Service struct {
	api           ECS
	cluster, name string

	mu      sync.Mutex // protects known and desired
	known   bool       // whether desired is what ECS last said
	desired int
}

var (
	_ autoscale.Fleet = (*Service)(nil)
	_ ECS             = (*ecs.Client)(nil)
)

// NewService returns the service called name in the cluster; neither is looked up yet.
func NewService(api ECS, cluster, name string) *Service {
	return &Service{api: api, cluster: cluster, name: name}
}

// Counts asks ECS for the service's counts. The error is a *NoServiceError when there is no active service of that name.
func (s *Service) Counts(ctx context.Context) (autoscale.Counts, error) {
	out, err := s.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.cluster, Services: []string{s.name}})
	if err != nil {
		return autoscale.Counts{}, s.explain("describe", err)
	}
	if len(out.Services) == 0 {
		status := "MISSING"
		if len(out.Failures) > 0 {
			status = aws.ToString(out.Failures[0].Reason)
		}
		return autoscale.Counts{}, &NoServiceError{Cluster: s.cluster, Service: s.name, Status: status}
	}
	sv := out.Services[0]
	if status := aws.ToString(sv.Status); status != "ACTIVE" {
		return autoscale.Counts{}, &NoServiceError{Cluster: s.cluster, Service: s.name, Status: status}
	}
	s.remember(int(sv.DesiredCount))
	return autoscale.Counts{Desired: int(sv.DesiredCount), Running: int(sv.RunningCount), Pending: int(sv.PendingCount)}, nil
}

// SetDesired asks ECS for n workers, unless that is what the service was last seen to want.
func (s *Service) SetDesired(ctx context.Context, n int) error {
	if n < 0 || n > math.MaxInt32 {
		return fmt.Errorf("set the desired count of service %q: %d is out of range", s.name, n)
	}
	s.mu.Lock()
	same := s.known && s.desired == n
	s.known = s.known && same // until ECS answers, nobody knows
	s.mu.Unlock()
	if same {
		return nil
	}
	_, err := s.api.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &s.cluster, Service: &s.name, DesiredCount: aws.Int32(int32(n)),
	})
	if err != nil {
		return s.explain("update", err)
	}
	s.remember(n)
	return nil
}

func (s *Service) remember(desired int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.desired = true, desired
}

// explain adds the operation and the object, and turns the ways in which ECS says "no such service" into one.
func (s *Service) explain(verb string, err error) error {
	var noService *types.ServiceNotFoundException
	var notActive *types.ServiceNotActiveException
	var noCluster *types.ClusterNotFoundException
	switch {
	case errors.As(err, &noService):
		return &NoServiceError{Cluster: s.cluster, Service: s.name, Status: "MISSING"}
	case errors.As(err, &notActive):
		return &NoServiceError{Cluster: s.cluster, Service: s.name, Status: "INACTIVE"}
	case errors.As(err, &noCluster):
		return &NoServiceError{Cluster: s.cluster, Service: s.name, Status: "MISSING with its cluster"}
	}
	return fmt.Errorf("%s ECS service %q in cluster %q: %w", verb, s.name, s.cluster, err)
}
