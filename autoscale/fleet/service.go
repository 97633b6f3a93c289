package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/autoscale"
)

// ECS is the part of Amazon ECS that sizes services and shows how their tasks are; *ecs.Client has it.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	Tasks
}

// NoServiceError says that a service to be sized does not exist, or is being deleted.
type NoServiceError struct {
	Cluster, Service string
	// Status is ECS's word for its state, such as MISSING or DRAINING.
	Status string
}

// Error says what to do about it.
func (e *NoServiceError) Error() string {
	return fmt.Sprintf("ECS service %q in cluster %q is %s: create the stack first, or correct STARBURST_CLUSTER and STARBURST_SERVICE", e.Service, e.Cluster, e.Status)
}

// describeServicesAtOnce is the most services one call describes (ECS API reference, DescribeServices).
const describeServicesAtOnce = 10

// service is one ECS service as last seen.
type service struct {
	name     string
	fallback bool // On-Demand, beside those on Spot
	known    bool // whether desired is what ECS last said
	// deploying is the deployment that replaces others, "" when there is one only.
	deploying string
	autoscale.Counts
}

// Services are the ECS services of one fleet: one is enough for 5,000 workers, 500 launches a minute and one kind of capacity.
type Services struct {
	api     ECS
	cluster string
	crew    *crew

	mu  sync.Mutex // protects all
	all []service
}

var (
	_ autoscale.Fleet = (*Services)(nil)
	_ ECS             = (*ecs.Client)(nil)
)

func newServices(api ECS, cluster string, primary, fallback []string, crew *crew) *Services {
	s := &Services{api: api, cluster: cluster, crew: crew}
	for _, name := range primary {
		s.all = append(s.all, service{name: name})
	}
	for _, name := range fallback {
		s.all = append(s.all, service{name: name, fallback: true})
	}
	return s
}

// Counts asks ECS for the services' counts. The error is a *NoServiceError when one is missing or not active.
func (s *Services) Counts(ctx context.Context) (autoscale.Standing, error) {
	var standing autoscale.Standing
	for names := range slices.Chunk(s.names(), describeServicesAtOnce) {
		out, err := s.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.cluster, Services: names})
		if err != nil {
			return standing, s.explain("describe", names[0], err)
		}
		if len(out.Services) < len(names) {
			missing := &NoServiceError{Cluster: s.cluster, Service: names[0], Status: "MISSING"}
			if len(out.Failures) > 0 {
				missing.Status = aws.ToString(out.Failures[0].Reason)
				missing.Service = lastPart(aws.ToString(out.Failures[0].Arn), missing.Service)
			}
			return standing, missing
		}
		for i := range out.Services {
			if err := s.see(&standing, &out.Services[i], names[min(i, len(names)-1)]); err != nil {
				return standing, err
			}
		}
	}
	return standing, nil
}

func (s *Services) names() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		names = append(names, s.all[i].name)
	}
	return names
}

// see remembers what ECS says of a service, and adds it up. A server that leaves out names is taken to answer in the order asked.
func (s *Services) see(sum *autoscale.Standing, sv *types.Service, asked string) error {
	name := asked
	if sv.ServiceName != nil {
		name = *sv.ServiceName
	}
	if status := aws.ToString(sv.Status); status != "ACTIVE" {
		return &NoServiceError{Cluster: s.cluster, Service: name, Status: status}
	}
	c := autoscale.Counts{Desired: int(sv.DesiredCount), Running: int(sv.RunningCount), Pending: int(sv.PendingCount)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if v := &s.all[i]; v.name == name {
			v.known, v.Counts, v.deploying = true, c, deploying(sv)
			plus(&sum.Counts, c)
			sum.Trouble = cmp.Or(sum.Trouble, trouble(sv))
			if v.fallback {
				plus(&sum.OnDemand, c)
			}
		}
	}
	return nil
}

// deploying is the service's deployment that replaces others, "" when there is one only.
func deploying(sv *types.Service) string {
	if len(sv.Deployments) > 1 {
		for i := range sv.Deployments {
			if aws.ToString(sv.Deployments[i].Status) == "PRIMARY" {
				return aws.ToString(sv.Deployments[i].Id)
			}
		}
	}
	return ""
}

// maxTrouble bounds what is quoted of an event, in characters.
const maxTrouble = 240

// trouble is the service's newest event that tells of a failure, unless a newer one says that all is well.
func trouble(sv *types.Service) string {
	for i := range sv.Events { // the newest come first (ECS API reference, Service.events)
		message := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, aws.ToString(sv.Events[i].Message))
		switch {
		case strings.Contains(message, "steady state"):
			return ""
		case strings.Contains(message, "unable to") || strings.Contains(message, "failed"):
			if r := []rune(message); len(r) > maxTrouble {
				message = string(r[:maxTrouble]) + "…"
			}
			return "ECS says: " + message
		}
	}
	return ""
}

func plus(sum *autoscale.Counts, c autoscale.Counts) {
	sum.Desired += c.Desired
	sum.Running += c.Running
	sum.Pending += c.Pending
}

// Order brings the services towards the size that is ordered. Workers that protect themselves are released by name, and a
// count is lowered only by those that have said that they are ready to go: see crew. Services that want what they should
// are not asked again.
func (s *Services) Order(ctx context.Context, o autoscale.Order) error {
	if o.Workers < 0 || o.Workers > math.MaxInt32 {
		return fmt.Errorf("size the services of cluster %q: %d workers are out of range", s.cluster, o.Workers)
	}
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	if err := s.crew.locate(ctx, all); err != nil {
		return err
	}
	p := s.crew.plan(all, o)
	failed := s.crew.tell(ctx, p.release)
	for i := range all {
		if p.desired[i] == all[i].Desired && all[i].known {
			continue
		}
		failed = errors.Join(failed, s.set(ctx, all[i].name, p.desired[i]))
	}
	return errors.Join(failed, s.stop(ctx, p.stop))
}

// stoppers is how many tasks are stopped at once: thousands one after another would outlast the lease, and the money.
const stoppers = 16

// stop stops tasks whatever they are at. It ends at the first error: the next order names those that are left.
func (s *Services) stop(ctx context.Context, tasks []string) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(stoppers)
	for _, task := range tasks {
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			_, err := s.api.StopTask(gctx, &ecs.StopTaskInput{Cluster: &s.cluster, Task: &task, Reason: aws.String("the fleet is to stop now")})
			if gone := (*types.InvalidParameterException)(nil); err != nil && !errors.As(err, &gone) {
				return fmt.Errorf("stop ECS task %s: %w", task, err)
			}
			s.crew.stopping(task)
			return nil
		})
	}
	return g.Wait()
}

func (s *Services) set(ctx context.Context, name string, n int) error {
	s.remember(name, n, false) // until ECS answers, nobody knows
	_, err := s.api.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: &name, DesiredCount: aws.Int32(int32(n))})
	if err != nil {
		return s.explain("update", name, err)
	}
	s.remember(name, n, true)
	return nil
}

func (s *Services) remember(name string, desired int, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if v := &s.all[i]; v.name == name {
			v.known = known
			if known {
				v.Desired = desired
			}
		}
	}
}

// explain adds the operation and the object, and turns the ways in which ECS says "no such service" into one.
func (s *Services) explain(verb, name string, err error) error {
	var noService *types.ServiceNotFoundException
	var notActive *types.ServiceNotActiveException
	var noCluster *types.ClusterNotFoundException
	switch {
	case errors.As(err, &noService):
		return &NoServiceError{Cluster: s.cluster, Service: name, Status: "MISSING"}
	case errors.As(err, &notActive):
		return &NoServiceError{Cluster: s.cluster, Service: name, Status: "INACTIVE"}
	case errors.As(err, &noCluster):
		return &NoServiceError{Cluster: s.cluster, Service: name, Status: "MISSING with its cluster"}
	}
	return fmt.Errorf("%s ECS service %q in cluster %q: %w", verb, name, s.cluster, err)
}
