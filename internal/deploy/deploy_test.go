package deploy_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

const digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// local is a stack on the embedded endpoint, whose tasks are processes of this test's binary.
func local(t *testing.T) (deploy.Config, *stack.Clients) {
	t.Helper()
	srv := localawstest.Start(t)
	c, err := stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := laptop.Ensure(t.Context(), c, srv.URL(), laptop.Fleet{Command: []string{self}, Env: []string{role.Env + "=" + role.Worker}})
	if err != nil {
		t.Fatal(err)
	}
	site, err := deploy.Derive(t.Context(), c.ECS, s, stack.LocalRegion)
	if err != nil {
		t.Fatal(err)
	}
	return deploy.Config{Site: site, ECS: c.ECS, Workers: s.Store(c), Image: "workers" + digest, Wait: time.Minute, Every: 50 * time.Millisecond}, c
}

func serviceOf(t *testing.T, c deploy.Config) (revision, image string, desired int32) {
	t.Helper()
	out, err := c.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &c.Site.Cluster, Services: []string{c.Site.Services[0].Name}})
	if err != nil {
		t.Fatal(err)
	}
	revision = aws.ToString(out.Services[0].TaskDefinition)
	d, err := c.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		t.Fatal(err)
	}
	return revision, aws.ToString(d.TaskDefinition.ContainerDefinitions[0].Image), out.Services[0].DesiredCount
}

func TestDeployWaitsForAWorkerAndTakesItAwayAgain(t *testing.T) {
	t.Parallel()
	c, _ := local(t)
	done, err := deploy.Deploy(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	revision, image, desired := serviceOf(t, c)
	if done.Worker == "" || done.Revision != revision || done.Previous == revision || image != c.Image || desired != 0 {
		t.Errorf("%+v; the service has %s with %s and wants %d workers, want none", done, revision, image, desired)
	}
	again, err := deploy.Deploy(t.Context(), c)
	if err != nil || !again.Unchanged || again.Revision != revision {
		t.Errorf("the same image again: %+v, %v, want nothing done", again, err)
	}
}

func TestAProgramThatDoesNotStartIsRolledBack(t *testing.T) {
	t.Parallel()
	c, _ := local(t)
	before, old, _ := serviceOf(t, c)
	c.Image = "broken" + digest
	_, err := deploy.Deploy(t.Context(), c)
	rolled, ok := errors.AsType[*deploy.RolledBackError](err)
	if !ok || rolled.Failed != nil || rolled.Previous != before {
		t.Fatalf("%v, want a rollback to %s", err, before)
	}
	hello, ok := errors.AsType[*deploy.NoHelloError](err)
	if !ok || len(hello.Reasons) == 0 || !strings.Contains(err.Error(), "exit code 1") {
		t.Errorf("%v, want the exit code", err)
	}
	if revision, image, desired := serviceOf(t, c); revision != before || image != old || desired != 0 {
		t.Errorf("the service has %s with %s and wants %d workers", revision, image, desired)
	}
}

// An interrupted deploy must not leave a worker that costs money.
func TestAnInterruptedDeployIsRolledBack(t *testing.T) {
	t.Parallel()
	c, _ := local(t)
	before, _, _ := serviceOf(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	c.Say = func(format string, _ ...any) {
		if strings.HasPrefix(format, "waiting") {
			cancel()
		}
	}
	_, err := deploy.Deploy(ctx, c)
	if _, ok := errors.AsType[*deploy.RolledBackError](err); !ok || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want a rollback", err)
	}
	if revision, _, desired := serviceOf(t, c); revision != before || desired != 0 {
		t.Errorf("the service has %s and wants %d workers", revision, desired)
	}
}

// Terraform registers a revision when a setting changes, and leaves the services to the next deploy.
func TestSettingsOfTerraformsComeWithTheNextDeploy(t *testing.T) {
	t.Parallel()
	c, _ := local(t)
	c.NoWait = true
	first, err := deploy.Deploy(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &first.Revision})
	if err != nil {
		t.Fatal(err)
	}
	containers := d.TaskDefinition.ContainerDefinitions
	containers[0].Image = aws.String("workers:none-yet")
	if _, err := c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{Family: d.TaskDefinition.Family, ContainerDefinitions: containers, Cpu: aws.String("2048"), Memory: aws.String("8192")}); err != nil {
		t.Fatal(err)
	}
	second, err := deploy.Deploy(t.Context(), c)
	if err != nil || second.Unchanged {
		t.Fatalf("%+v, %v; want a revision with the settings", second, err)
	}
	d, err = c.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &second.Revision})
	if err != nil || aws.ToString(d.TaskDefinition.Cpu) != "2048" || aws.ToString(d.TaskDefinition.ContainerDefinitions[0].Image) != c.Image {
		t.Errorf("%+v, %v; want 2048 units and the image", d.TaskDefinition, err)
	}
	if third, err := deploy.Deploy(t.Context(), c); err != nil || !third.Unchanged {
		t.Errorf("%+v, %v; want nothing done", third, err)
	}
}

func TestDownStopsTheStacksOwnWorkersOnly(t *testing.T) {
	t.Parallel()
	c, clients := local(t)
	run := func(name string, command ...string) {
		d, err := clients.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
			Family: &name, ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("x"), Image: aws.String("x"), Command: command}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := clients.ECS.CreateService(t.Context(), &ecs.CreateServiceInput{Cluster: &c.Site.Cluster, ServiceName: &name, TaskDefinition: d.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(1)}); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); running(t, c, clients, name) == 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("service %s does not start its task", name)
			}
		}
	}
	run("somebody-elses", "sleep", "600")
	run("ours", "sleep", "600")
	c.Site.Services = append(c.Site.Services, deploy.Service{Name: "ours"})
	gone, err := deploy.Down(t.Context(), deploy.DownConfig{Site: c.Site, ECS: clients.ECS, Wait: time.Minute, Every: 50 * time.Millisecond})
	if err != nil || len(gone.Stopped) > 1 || len(gone.Left) != 0 || len(gone.Services) != 2 {
		t.Errorf("%+v, %v; want at most one task stopped, ours", gone, err)
	}
	if ours, others := running(t, c, clients, "ours"), running(t, c, clients, "somebody-elses"); ours != 0 || others != 1 {
		t.Errorf("%d tasks of ours are running, and %d of somebody else's", ours, others)
	}
}

// What Terraform has made is Terraform's to take away, and it would not take away the rest.
func TestRetireTakesAwayWhatDeploysHaveMade(t *testing.T) {
	t.Parallel()
	c, clients := local(t)
	c.NoWait, c.Again = true, true
	var want []string
	for range 2 {
		done, err := deploy.Deploy(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, done.Revision)
	}
	retired, err := deploy.Retire(t.Context(), clients.ECS, c.Site)
	if d := cmp.Diff(want, retired); d != "" || err != nil {
		t.Errorf("retired (-want +got):\n%s%v", d, err)
	}
	left, err := clients.ECS.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: &c.Site.Family, Status: types.TaskDefinitionStatusActive})
	if err != nil || len(left.TaskDefinitionArns) != 1 {
		t.Errorf("%v are left, %v; want the first", left, err)
	}
	if again, err := deploy.Retire(t.Context(), clients.ECS, c.Site); err != nil || len(again) != 0 {
		t.Errorf("a second time: %v, %v", again, err)
	}
	// The service still has the retired one; the next deploy starts from what is left.
	next, err := deploy.Deploy(t.Context(), c)
	if err != nil || next.Previous != want[1] {
		t.Errorf("the next deploy: %+v, %v", next, err)
	}
}

// running counts a service's running tasks.
func running(t *testing.T, c deploy.Config, clients *stack.Clients, service string) int {
	t.Helper()
	out, err := clients.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &c.Site.Cluster, Services: []string{service}})
	if err != nil || len(out.Services) != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	return int(out.Services[0].RunningCount)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c, _ := local(t)
	c.Site.Services[0].Name = "none"
	if _, err := deploy.Deploy(t.Context(), c); !awserr.IsNotFound(err) {
		t.Errorf("no such service: %v", err)
	}
	c.Site.Services = nil
	if _, err := deploy.Deploy(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no ECS service") {
		t.Errorf("no service: %v", err)
	}
	if _, err := deploy.Deploy(t.Context(), deploy.Config{}); err == nil {
		t.Error("an empty configuration is accepted")
	}
}
