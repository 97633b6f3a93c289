package ecs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// local is a Service behind a real HTTP server, and the vendor's client for it.
type local struct {
	*sdk.Client
	service *Service
	dir     string // the tasks' files, the database, the logs
	url     string
}

// setup starts a service on a new directory. At the end of the test its tasks
// are stopped.
func setup(t *testing.T, change func(*Options)) *local {
	t.Helper()
	dir := t.TempDir()
	return reopen(t, dir, change)
}

func reopen(t *testing.T, dir string, change func(*Options)) *local {
	t.Helper()
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	opt := Options{BaseURL: "http://" + server.Listener.Addr().String(), Dir: dir}
	if change != nil {
		change(&opt)
	}
	s, err := New(d, opt)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = s
	server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if s.ctx.Err() == nil { // not closed by the test
			if err := s.StopTasks(ctx); err != nil {
				t.Error(err)
			}
		}
		server.Close()
		if err := s.Close(); err != nil && s.ctx.Err() == nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &local{Client: client(t, server.URL), service: s, dir: dir, url: server.URL}
}

func client(t *testing.T, url string) *sdk.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	}, func(o *sdk.Options) { o.BaseEndpoint = &url })
}

// define registers a definition whose command plays a role, in cluster default.
func (l *local) define(t *testing.T, role string, change func(*types.ContainerDefinition)) {
	t.Helper()
	define(t, l.Client, l.dir, role, change)
}

func define(t *testing.T, c *sdk.Client, dir, role string, change func(*types.ContainerDefinition)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	must[*sdk.CreateClusterOutput](t)(c.CreateCluster(t.Context(), &sdk.CreateClusterInput{}))
	container := types.ContainerDefinition{
		Name: aws.String("main"), EntryPoint: []string{self},
		Environment: []types.KeyValuePair{
			{Name: aws.String(roleVariable), Value: &role}, {Name: aws.String(dirVariable), Value: &dir},
		},
	}
	if change != nil {
		change(&container)
	}
	must[*sdk.RegisterTaskDefinitionOutput](t)(c.RegisterTaskDefinition(t.Context(), &sdk.RegisterTaskDefinitionInput{
		Family: aws.String(role), Cpu: aws.String("1 vCPU"), Memory: aws.String("2 GB"),
		ContainerDefinitions: []types.ContainerDefinition{container},
	}))
}

// create makes the service named after the role.
func (l *local) create(t *testing.T, role string, desired int32) {
	t.Helper()
	l.define(t, role, nil)
	must[*sdk.CreateServiceOutput](t)(l.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: &role, TaskDefinition: &role, DesiredCount: &desired,
	}))
}

func (l *local) scale(t *testing.T, name string, desired int32) {
	t.Helper()
	must[*sdk.UpdateServiceOutput](t)(l.UpdateService(t.Context(), &sdk.UpdateServiceInput{Service: &name, DesiredCount: &desired}))
}

func (l *local) describe(t *testing.T, name string) types.Service {
	t.Helper()
	out := must[*sdk.DescribeServicesOutput](t)(l.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Services: []string{name}}))
	if len(out.Services) != 1 {
		t.Fatalf("services %v, failures %v", out.Services, out.Failures)
	}
	return out.Services[0]
}

// counts waits until a service runs as many tasks, and nothing is under way.
func (l *local) counts(t *testing.T, name string, running int32) {
	t.Helper()
	eventually(t, name+" has the wanted number of tasks", func() bool {
		v := l.describe(t, name)
		return v.RunningCount == running && v.PendingCount == 0 && len(l.tasks(t, "STOPPING")) == 0
	})
}

// tasks returns the tasks whose last status is the given one.
func (l *local) tasks(t *testing.T, last string) (found []types.Task) {
	t.Helper()
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		list := must[*sdk.ListTasksOutput](t)(l.ListTasks(t.Context(), &sdk.ListTasksInput{DesiredStatus: desired}))
		if len(list.TaskArns) == 0 {
			continue
		}
		out := must[*sdk.DescribeTasksOutput](t)(l.DescribeTasks(t.Context(), &sdk.DescribeTasksInput{Tasks: list.TaskArns}))
		for _, task := range out.Tasks {
			if *task.LastStatus == last {
				found = append(found, task)
			}
		}
	}
	return found
}

// pids returns the processes of the running tasks.
func (l *local) pids() (pids []int) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	for _, t := range l.service.state.tasks {
		if t.Last == statusRunning {
			pids = append(pids, t.PID)
		}
	}
	return pids
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
