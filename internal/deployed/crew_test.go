package deployed

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// crew is what an emulator's ECS lacks: it keeps as many worker processes running as the
// services' desired counts say, with the environment of their task definition.
type crew struct {
	api     *ecs.Client
	cluster string
	env     []string // the task definition's, and the way to the endpoint
	logs    string

	mu      sync.Mutex
	workers []*exec.Cmd   // guarded by mu
	sizes   []int         // desired counts in the order they were seen; guarded by mu
	at      []float64     // seconds after the start of the crew; guarded by mu
	begun   time.Time     //
	failed  []string      // guarded by mu
	dead    chan struct{} // closed when the crew has ended
}

// pace of a look at the desired counts.
const pace = 500 * time.Millisecond

// startCrew follows the services until the test ends.
func startCrew(t *testing.T, api *ecs.Client, cluster string, env []string) *crew {
	t.Helper()
	c := &crew{api: api, cluster: cluster, env: env, logs: t.TempDir(), begun: time.Now(), dead: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background()) // workers end before what they speak to
	go func() {
		defer close(c.dead)
		c.follow(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-c.dead
		for _, f := range c.failed {
			t.Error(f)
		}
	})
	return c
}

func (c *crew) follow(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.resize(0)
			c.await()
			return
		case <-tick.C:
			if n, err := c.desired(ctx); err == nil {
				c.resize(n)
			} else if ctx.Err() == nil {
				c.fail("the services cannot be seen: " + err.Error())
			}
		}
	}
}

func (c *crew) desired(ctx context.Context) (int, error) {
	list, err := c.api.ListServices(ctx, &ecs.ListServicesInput{Cluster: &c.cluster})
	if err != nil {
		return 0, err
	}
	all, err := c.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &c.cluster, Services: list.ServiceArns})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range all.Services {
		n += int(s.DesiredCount)
	}
	return n, nil
}

// resize starts or stops workers. Those that end by themselves are not replaced: they should not.
func (c *crew) resize(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sizes) == 0 || c.sizes[len(c.sizes)-1] != n {
		c.sizes, c.at = append(c.sizes, n), append(c.at, time.Since(c.begun).Seconds())
	}
	for len(c.workers) > n {
		last := c.workers[len(c.workers)-1]
		c.workers = c.workers[:len(c.workers)-1]
		_ = last.Process.Signal(syscall.SIGTERM) // one that has ended is waited for all the same
		if err := last.Wait(); err != nil {
			c.failed = append(c.failed, "a worker that was told to stop ended with "+err.Error())
		}
	}
	for len(c.workers) < n {
		w, err := c.start(len(c.workers))
		if err != nil {
			c.failed = append(c.failed, "a worker does not start: "+err.Error())
			return
		}
		c.workers = append(c.workers, w)
	}
}

func (c *crew) start(n int) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(c.logs, strconv.Itoa(n)+"-"+strconv.FormatInt(time.Now().UnixNano(), 36)))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(self) // it is stopped as ECS does, by SIGTERM
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, log, log
	return cmd, cmd.Start()
}

func (c *crew) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		_ = w.Wait()
	}
}

func (c *crew) fail(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, why)
}

// gone waits until the crew, too, has seen that nobody is wanted. It returns the desired counts
// that were seen, and after how many seconds.
func (c *crew) gone(ctx context.Context) ([]int, []float64) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		sizes, at := c.history()
		if len(sizes) > 1 && sizes[len(sizes)-1] == 0 || ctx.Err() != nil {
			return sizes, at
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (c *crew) history() ([]int, []float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.sizes...), append([]float64(nil), c.at...)
}

// taskEnvironment is the environment of the family's container as it was registered.
func taskEnvironment(t *testing.T, api *ecs.Client, family, container string) []string {
	t.Helper()
	out, err := api.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		if aws.ToString(c.Name) == container {
			return pairs(c.Environment)
		}
	}
	t.Fatalf("%s has no container %s", family, container)
	return nil
}

func pairs(in []types.KeyValuePair) []string {
	var out []string
	for _, kv := range in {
		out = append(out, aws.ToString(kv.Name)+"="+aws.ToString(kv.Value))
	}
	return out
}
