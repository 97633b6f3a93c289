package deploy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

const (
	// DefaultWait is how long a worker may take to say hello: Fargate needs 20 to 90 s to start a task.
	DefaultWait = 5 * time.Minute
	// DefaultEvery is how often is looked.
	DefaultEvery = 3 * time.Second
)

// Ledgers tells of workers; *store.Store has it.
type Ledgers interface {
	Ledgers(ctx context.Context, fleet string) ([]store.Ledger, error)
}

// Config of a deploy.
type Config struct {
	Site Site
	ECS  ECS
	// Workers is where they say hello. Required unless NoWait.
	Workers Ledgers
	// Scale, if not nil, is told to keep a worker for as long as one is waited for.
	Scale Scale
	// Image is repository@digest. Required.
	Image string
	// NoWait trusts that workers will start.
	NoWait bool
	// Again deploys even what is deployed.
	Again bool
	// Wait and Every have the defaults above.
	Wait, Every time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Say is told of each step. Default: nobody.
	Say func(format string, args ...any)
}

func (c Config) withDefaults() Config {
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.ECS == nil || c.Image == "":
		return errors.New("deploy: ECS and Image are required")
	case c.Workers == nil && !c.NoWait:
		return errors.New("deploy: Workers is required to wait for one")
	case len(c.Site.Services) == 0 || c.Site.Cluster == "":
		return exit.Errorf(exit.Usage, "the stack has no ECS service to deploy to").WithHint("starburst init --stack NAME, or export STARBURST_CLUSTER and STARBURST_SERVICE")
	}
	return nil
}

// Done is what a deploy has done.
type Done struct {
	Image string `json:"image"`
	// Revision is the task definition that the services have now, Previous what they had.
	Revision string `json:"revision"`
	Previous string `json:"previous"`
	// Unchanged is true when the services had the image already: nothing was done.
	Unchanged bool `json:"unchanged"`
	// Worker said hello, Took after its service was updated; empty and 0 when nobody waited.
	Worker string        `json:"worker,omitempty"`
	Took   time.Duration `json:"took_ns,omitempty"`
}

// deployment is one Deploy under way.
type deployment struct {
	Config
	before   []types.Service
	previous *types.TaskDefinition // what the first service has
	// newest is the family's latest revision, which Terraform may have made with other settings since.
	newest   *types.TaskDefinition
	tags     []types.Tag
	revision string
	began    time.Time
	scale    store.Scale // what was set before keep
	why      string      // what keep has written; "" when it has not
}

// Deploy ships the image. The error is a *RolledBackError when no worker said hello, or the services could not all be updated.
func Deploy(ctx context.Context, c Config) (Done, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return Done{}, err
	}
	d := &deployment{Config: c}
	if err := d.look(ctx); err != nil {
		return Done{}, err
	}
	done := Done{Image: c.Image, Previous: aws.ToString(d.previous.TaskDefinitionArn)}
	if d.unchanged() && !c.Again {
		done.Revision, done.Unchanged = done.Previous, true
		return done, nil
	}
	if err := d.register(ctx); err != nil {
		return done, err
	}
	done.Revision = d.revision
	c.Say("revision %s has the image", lastPart(d.revision))
	if err := d.keep(ctx); err != nil {
		return done, err
	}
	d.began = c.Now()
	if err := d.update(ctx); err != nil {
		return done, d.rollBack(ctx, err)
	}
	if c.NoWait {
		return done, nil
	}
	c.Say("waiting for a worker to say hello")
	worker, err := d.await(ctx)
	if err != nil {
		return done, d.rollBack(ctx, err)
	}
	done.Worker, done.Took = worker, c.Now().Sub(d.began)
	return done, d.settle(ctx)
}

// look reads what is deployed.
func (d *deployment) look(ctx context.Context) error {
	var err error
	if d.before, err = describe(ctx, d.ECS, d.Site); err != nil {
		return err
	}
	if d.previous, _, err = d.definition(ctx, aws.ToString(d.before[0].TaskDefinition)); err != nil {
		return err
	}
	// Settings are Terraform's: its newest revision counts, whatever the services have.
	d.newest, d.tags, err = d.definition(ctx, aws.ToString(d.previous.Family))
	return err
}

// definition reads a revision, or the newest of a family.
func (d *deployment) definition(ctx context.Context, name string) (*types.TaskDefinition, []types.Tag, error) {
	out, err := d.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
	if err != nil {
		return nil, nil, fmt.Errorf("read the task definition %s: %w", lastPart(name), err)
	}
	if d.container(out.TaskDefinition) < 0 {
		return nil, nil, fmt.Errorf("task definition %s has no container %q", aws.ToString(out.TaskDefinition.TaskDefinitionArn), d.Site.Container)
	}
	return out.TaskDefinition, out.Tags, nil
}

// container is the index of the workers' container.
func (d *deployment) container(def *types.TaskDefinition) int {
	if d.Site.Container == "" && len(def.ContainerDefinitions) == 1 {
		return 0
	}
	return slices.IndexFunc(def.ContainerDefinitions, func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == d.Site.Container })
}

// unchanged reports whether all services have the image, with the newest settings.
func (d *deployment) unchanged() bool {
	for _, s := range d.before {
		if aws.ToString(s.TaskDefinition) != aws.ToString(d.previous.TaskDefinitionArn) {
			return false
		}
	}
	same := aws.ToString(d.previous.ContainerDefinitions[d.container(d.previous)].Image) == d.Image
	return same && reflect.DeepEqual(d.input(d.previous), d.input(d.newest))
}

// input is a new revision: all of a definition, with the image.
func (d *deployment) input(p *types.TaskDefinition) *ecs.RegisterTaskDefinitionInput {
	containers := slices.Clone(p.ContainerDefinitions)
	containers[d.container(p)].Image = &d.Image
	return &ecs.RegisterTaskDefinitionInput{
		Family: p.Family, ContainerDefinitions: containers, Cpu: p.Cpu, Memory: p.Memory,
		EnableFaultInjection: p.EnableFaultInjection, EphemeralStorage: p.EphemeralStorage, ExecutionRoleArn: p.ExecutionRoleArn, TaskRoleArn: p.TaskRoleArn,
		IpcMode: p.IpcMode, PidMode: p.PidMode, NetworkMode: p.NetworkMode,
		PlacementConstraints: p.PlacementConstraints, ProxyConfiguration: p.ProxyConfiguration, RequiresCompatibilities: p.RequiresCompatibilities,
		RuntimePlatform: p.RuntimePlatform, Volumes: p.Volumes,
	}
}

// register makes the revision.
func (d *deployment) register(ctx context.Context) error {
	in := d.input(d.newest)
	in.Tags = marked(d.tags)
	out, err := d.ECS.RegisterTaskDefinition(ctx, in)
	if err != nil {
		return fmt.Errorf("register a revision of task definition %s: %w", aws.ToString(in.Family), err)
	}
	d.revision = aws.ToString(out.TaskDefinition.TaskDefinitionArn)
	return nil
}

// update gives the revision to all services. The first gets a worker if it has none: nobody else could say hello.
func (d *deployment) update(ctx context.Context) error {
	for i, s := range d.before {
		in := &ecs.UpdateServiceInput{Cluster: &d.Site.Cluster, Service: s.ServiceName, TaskDefinition: &d.revision}
		if i == 0 && d.cold() {
			in.DesiredCount = aws.Int32(1)
		}
		if _, err := d.ECS.UpdateService(ctx, in); err != nil {
			return fmt.Errorf("update service %s: %w", aws.ToString(s.ServiceName), err)
		}
	}
	return nil
}

// settle takes away the worker that was started to say hello, unless somebody has set another count meanwhile.
func (d *deployment) settle(ctx context.Context) error {
	if !d.cold() {
		return nil
	}
	if err := d.letGo(ctx); err != nil {
		return err
	}
	now, err := describe(ctx, d.ECS, d.Site)
	if err != nil || now[0].DesiredCount != 1 {
		return err
	}
	if _, err := d.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &d.Site.Cluster, Service: d.before[0].ServiceName, DesiredCount: aws.Int32(0)}); err != nil {
		return fmt.Errorf("the program is deployed, but the worker that said hello still runs: %w", err)
	}
	return nil
}

// RolledBackError says that the services have what they had before.
type RolledBackError struct {
	// Previous is the task definition that they have again.
	Previous string
	// Failed is set when that did not succeed either.
	Failed error
	Err    error
}

// Error says both.
func (e *RolledBackError) Error() string {
	if e.Failed != nil {
		return fmt.Sprintf("%v; and the services could not be given back %s: %v", e.Err, lastPart(e.Previous), e.Failed)
	}
	return fmt.Sprintf("%v; rolled back to %s", e.Err, lastPart(e.Previous))
}

// Unwrap returns why.
func (e *RolledBackError) Unwrap() error { return e.Err }

// rollBackFor bounds the way back, which goes on when the user has interrupted.
const rollBackFor = 30 * time.Second

// rollBack gives the services what they had.
func (d *deployment) rollBack(ctx context.Context, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackFor)
	defer cancel()
	e := &RolledBackError{Previous: aws.ToString(d.previous.TaskDefinitionArn), Err: why, Failed: d.letGo(ctx)}
	for i, s := range d.before {
		in := &ecs.UpdateServiceInput{Cluster: &d.Site.Cluster, Service: s.ServiceName, TaskDefinition: s.TaskDefinition}
		if i == 0 && s.DesiredCount == 0 {
			in.DesiredCount = aws.Int32(0)
		}
		if _, err := d.ECS.UpdateService(ctx, in); err != nil {
			e.Failed = errors.Join(e.Failed, fmt.Errorf("service %s: %w", aws.ToString(s.ServiceName), err))
		}
	}
	return e
}
