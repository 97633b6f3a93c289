//go:build unix

package waves

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// The run that the project promised: 2,000 tasks of 50 ms to 2 s, 2 s of start-up, 2 launches a second, 6 vCPU.
const (
	tasks      = 2000
	shortest   = 0.05 // seconds
	longest    = 2.0
	startUp    = 2 * time.Second
	launchRate = 2
	quota      = 6               // vCPU, of which each worker has one
	interval   = 2 * time.Second // between two looks of the autoscaler
	limit      = 4 * time.Minute // for all of it
)

// naps are the tasks' durations in seconds.
func naps() []float64 {
	r := rand.New(rand.NewPCG(7, 11))
	all := make([]float64, tasks)
	for i := range all {
		all[i] = draw(r)
	}
	return all
}

// draw draws a duration: log-uniform, skewed to the short ones, so that six workers take a minute and a half.
func draw(r *rand.Rand) float64 {
	u := r.Float64()
	return shortest * math.Pow(longest/shortest, u*u*u)
}

// fleet is a stack with a service of workers, all of it seen from outside.
type fleet struct {
	stack.Stack
	clients *stack.Clients
	store   *store.Store
	dir     string // the workers' naps
	env     []string
}

// newFleet makes a stack and a service at an endpoint, or with ECS at another. Nothing in it says that they are on this machine.
func newFleet(t *testing.T, url, ecsURL string) *fleet {
	t.Helper()
	f := &fleet{dir: t.TempDir(), env: append(stack.LocalEnv(url), "AWS_ENDPOINT_URL_ECS="+ecsURL)}
	var err error
	if f.clients, err = stack.Open(t.Context(), stack.Stack{Endpoint: url}); err != nil {
		t.Fatal(err)
	}
	f.clients.ECS = ecs.New(f.clients.ECS.Options(), func(o *ecs.Options) { o.BaseEndpoint = &ecsURL })
	s := stack.Stack{Fleet: "default", Cluster: "waves", Service: "waves"}
	if f.Stack, err = stack.Create(t.Context(), f.clients, s, stack.Options{Name: "waves", Visibility: 30 * time.Second, NoBucket: true}); err != nil {
		t.Fatal(err)
	}
	f.store = f.Store(f.clients)
	f.serve(t)
	return f
}

// serve makes the cluster, the task definition and the service, without a worker.
func (f *fleet) serve(t *testing.T) {
	t.Helper()
	api := f.clients.ECS
	if _, err := api.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &f.Cluster}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var env []types.KeyValuePair
	for _, kv := range append(f.Env(), role.Env+"="+role.Worker, envNaps+"="+f.dir) {
		k, v, _ := strings.Cut(kv, "=")
		env = append(env, types.KeyValuePair{Name: &k, Value: &v})
	}
	def, err := api.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: &f.Service, Cpu: aws.String("1024"), Memory: aws.String("2048"), NetworkMode: types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("worker"), Image: aws.String("local"), Command: []string{self}, Environment: env, Essential: aws.Bool(true),
			Cpu: 1024, Memory: aws.Int32(2048), StopTimeout: aws.Int32(30),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: &f.Cluster, ServiceName: &f.Service, TaskDefinition: def.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(0), LaunchType: types.LaunchTypeFargate,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// submit makes the job, one message a task.
func (f *fleet) submit(t *testing.T) store.Job {
	t.Helper()
	p, err := producer.New(producer.Config{Queue: f.clients.SQS, QueueURL: f.QueueURL, Jobs: f.store})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Submit(t.Context(), producer.Spec{Handler: "nap", Source: producer.Slice(naps()), Chunk: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r.Job
}

// command builds the command.
func command(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "starburst")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/starburst").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}
	return bin
}

// process is one of ours that runs.
type process struct {
	cmd *exec.Cmd
	out *buffer
}

// start runs a program in the stack's environment until the test ends, and then tells it to.
func (f *fleet) start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), out: &buffer{}}
	p.cmd.Env = f.environ()
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s %q:\n%s", filepath.Base(program), args, p.out)
		}
	})
	return p
}

// stop ends the process with SIGTERM, and with SIGKILL if it does not end.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait()
}

// environ is what processes of the stack inherit: nothing of a laptop's mode.
func (f *fleet) environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "STARBURST_") && !strings.HasPrefix(kv, "AWS_") {
			env = append(env, kv)
		}
	}
	return append(append(env, f.env...), f.Env()...)
}

// run runs a command of the stack and returns its standard output.
func (f *fleet) run(ctx context.Context, t *testing.T, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = f.environ()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, &stderr)
	}
	return out
}

// buffer is an output that can be read while it is written.
type buffer struct {
	mu sync.Mutex // protects b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String implements fmt.Stringer.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// requireEnabled skips runs that take minutes unless they are asked for.
func requireEnabled(t *testing.T, target string) {
	t.Helper()
	if os.Getenv(envEnabled) == "" {
		t.Skipf("takes minutes; make %s runs it", target)
	}
}
