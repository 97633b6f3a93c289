package deploy_test

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/doctor"
	"github.com/starburst-go/starburst/internal/image"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

// motoStack is what Terraform makes, made by hand at a moto server: two services on one task definition, and the parameter.
func motoStack(t *testing.T) (deploy.Site, *stack.Clients, *awscall.Caller) {
	t.Helper()
	url := os.Getenv("STARBURST_TEST_MOTO")
	if url == "" {
		t.Skip("needs a moto server: make test-aws-calls")
	}
	ctx := t.Context()
	for _, kv := range stack.LocalEnv(url) {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	c, err := stack.Open(ctx, stack.Stack{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := stack.Create(ctx, c, stack.Stack{}, stack.Options{Name: "lab", NoBucket: true})
	if err != nil {
		t.Fatal(err)
	}
	ask := awscall.New(c.AWS)
	d := full()
	for i := range d.ContainerDefinitions {
		d.ContainerDefinitions[i].Memory, d.ContainerDefinitions[i].Cpu = aws.Int32(256), 128
	}
	_, e1 := c.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("lab")})
	def, e2 := c.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("lab-worker"), ContainerDefinitions: d.ContainerDefinitions, Cpu: d.Cpu, Memory: d.Memory, ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/e"),
		TaskRoleArn: aws.String("arn:aws:iam::123456789012:role/t"), NetworkMode: d.NetworkMode, RequiresCompatibilities: d.RequiresCompatibilities, RuntimePlatform: d.RuntimePlatform,
		Volumes: d.Volumes, Tags: []types.Tag{{Key: aws.String("starburst:stack"), Value: aws.String("lab")}},
	})
	if err := errors.Join(e1, e2); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lab", "lab-on-demand"} {
		if _, err := c.ECS.CreateService(ctx, &ecs.CreateServiceInput{Cluster: aws.String("lab"), ServiceName: &name, TaskDefinition: def.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(0)}); err != nil {
			t.Fatal(err)
		}
	}
	text := `{"schema":1,"name":"lab","region":"us-east-1","account":"123456789012","queue_url":"` + s.QueueURL + `","dlq_url":"` + s.DLQURL + `","table":"lab","fleet":"default",
		"cluster":"lab","container":"worker","architecture":"ARM64","services":[{"name":"lab","capacity":"FARGATE_SPOT"},{"name":"lab-on-demand","capacity":"FARGATE"}]}`
	if _, err := ask.JSON(ctx, awscall.SSM, "PutParameter", map[string]any{"Name": "/starburst/lab/config", "Type": "String", "Value": text, "Overwrite": true}, nil); err != nil {
		t.Fatal(err)
	}
	site, err := deploy.FromParameter(ctx, ask, "lab")
	if err != nil {
		t.Fatal(err)
	}
	return site, c, ask
}

// worker runs this test's binary as ECS would run the image, until the test ends.
func worker(t *testing.T, s stack.Stack, url string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(append(os.Environ(), s.Env()...), append(stack.LocalEnv(url), role.Env+"="+role.Worker)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the context of the test has ended by then
}

func revisions(t *testing.T, site deploy.Site, c *stack.Clients) (definitions []string, desired []int32) {
	t.Helper()
	out, err := c.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &site.Cluster, Services: []string{"lab", "lab-on-demand"}})
	if err != nil || len(out.Services) != 2 {
		t.Fatalf("%v, %v", out, err)
	}
	for _, s := range out.Services {
		definitions, desired = append(definitions, aws.ToString(s.TaskDefinition)), append(desired, s.DesiredCount)
	}
	return definitions, desired
}

// A server that nobody here wrote takes what a deploy sends, and shows the right revision afterwards.
func TestDeployAtMoto(t *testing.T) {
	site, c, ask := motoStack(t)
	r := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer r.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	arch := image.AMD64
	if image.CheckProgram(self, arch) != nil {
		arch = image.ARM64
	}
	plan, err := image.NewPlan(image.Spec{Name: "w", Programs: map[image.Arch]string{arch: self}})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := image.Push(t.Context(), plan, strings.TrimPrefix(r.URL, "http://")+"/lab-workers", deploy.Registry(ask))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := revisions(t, site, c)
	cfg := deploy.Config{Site: site, ECS: c.ECS, Workers: site.Stack().Store(c), Scale: site.Stack().Store(c), Image: sent.Reference, Wait: 2 * time.Second, Every: 100 * time.Millisecond}

	// moto starts no tasks: no worker says hello, and all is as it was.
	if _, err := deploy.Deploy(t.Context(), cfg); !isRolledBack(err) {
		t.Fatalf("without a worker: %v", err)
	}
	if after, desired := revisions(t, site, c); cmp.Diff(before, after) != "" || desired[0] != 0 {
		t.Errorf("after the rollback the services have %v and want %v workers, before %v", after, desired, before)
	}

	cfg.Wait = time.Minute
	cfg.Say = func(format string, _ ...any) {
		if strings.HasPrefix(format, "waiting") {
			worker(t, site.Stack(), os.Getenv("STARBURST_TEST_MOTO"))
		}
	}
	done, err := deploy.Deploy(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	after, desired := revisions(t, site, c)
	if d := cmp.Diff([]string{done.Revision, done.Revision}, after); d != "" || desired[0] != 0 || done.Worker == "" {
		t.Errorf("%+v; services (-want +got):\n%s they want %v", done, d, desired)
	}
	def, err := c.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &done.Revision, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
	if err != nil {
		t.Fatal(err)
	}
	got := def.TaskDefinition
	if aws.ToString(got.ContainerDefinitions[0].Image) != sent.Reference || aws.ToString(got.ContainerDefinitions[1].Image) != "beside" || aws.ToString(got.Family) != "lab-worker" ||
		aws.ToString(got.TaskRoleArn) != "arn:aws:iam::123456789012:role/t" || len(got.Volumes) != 1 || len(def.Tags) != 2 {
		t.Errorf("the revision is %+v with tags %v", got, def.Tags)
	}
	down, err := deploy.Down(t.Context(), deploy.DownConfig{Site: site, ECS: c.ECS, Scale: site.Stack().Store(c), By: "test"})
	if err != nil || len(down.Services) != 2 || len(down.Left) != 0 {
		t.Errorf("down: %+v, %v", down, err)
	}
	site.Family = "lab-worker"
	if retired, err := deploy.Retire(t.Context(), c.ECS, site); err != nil || !slices.Contains(retired, done.Revision) || slices.Contains(retired, done.Previous) {
		t.Errorf("retired %v, %v; want %s and not %s", retired, err, done.Revision, done.Previous)
	}
}

func isRolledBack(err error) bool {
	_, ok := errors.AsType[*deploy.RolledBackError](err)
	return ok
}

// The calls that are made without the SDK's clients are those that AWS's protocols have: moto answers them.
func TestAskingMoto(t *testing.T) {
	site, c, ask := motoStack(t)
	if who, _, err := ask.WhoAmI(t.Context()); err != nil || who.Account != "123456789012" {
		t.Errorf("STS: %+v, %v", who, err)
	}
	if user, password, err := ask.RegistryLogin(t.Context()); err != nil || user != "AWS" || password == "" {
		t.Errorf("ECR: %q, %v", user, err)
	}
	if _, err := deploy.FromParameter(t.Context(), ask, "none"); awserr.Explain(err).Kind != awserr.Absent {
		t.Errorf("a stack that is not there: %v", err)
	}
	if _, err := ask.Subnets(t.Context(), []string{"subnet-00000000"}); awserr.Explain(err).Kind != awserr.Unknown || !awserr.IsNotFound(err) {
		t.Errorf("a subnet that is not there: %v", err)
	}
	states := map[string]doctor.State{}
	for _, check := range doctor.Run(t.Context(), doctor.Config{Site: site, Clients: c, Ask: ask}) {
		states[check.Name] = check.State
	}
	for _, name := range []string{"credentials", "clock", "region", "queue", "visibility", "dead-letter queue", "retention", "table", "expiry", "services"} {
		if states[name] != doctor.OK {
			t.Errorf("the doctor says of %s: %s", name, states[name])
		}
	}
}
