package ecs

import (
	"bytes"
	"context"
	"errors"
	"io"
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
	server  *httptest.Server
	db      *db.DB
	dir     string // the tasks' files, the database, the logs
}

type containerDefinition = types.ContainerDefinition

// setup starts a service on a new directory. At the end of the test its tasks
// are stopped.
func setup(t testing.TB, change func(*Options)) *local {
	t.Helper()
	dir := t.TempDir()
	return reopen(t, dir, change)
}

func reopen(t testing.TB, dir string, change func(*Options)) *local {
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
	l := &local{Client: client(t, server.URL), service: s, server: server, db: d, dir: dir}
	t.Cleanup(func() {
		if s.ctx.Err() != nil {
			return // closed by the test
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.StopTasks(ctx); err != nil {
			t.Error(err)
		}
		l.closeOnly(t)
	})
	return l
}

// closeOnly closes the endpoint and leaves its tasks running.
func (l *local) closeOnly(t testing.TB) {
	t.Helper()
	l.server.Close()
	for _, closing := range []func() error{l.service.Close, l.db.Close} {
		if err := closing(); err != nil {
			t.Error(err)
		}
	}
}

func client(t testing.TB, url string) *sdk.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: &http.Client{Transport: inMemory{transport}}, RetryMaxAttempts: 1,
	}, func(o *sdk.Options) { o.BaseEndpoint = &url })
}

// inMemory gives the transport bodies that it knows to be in memory. smithy-go
// (v1.28.9) closes the request's body as soon as there is a response, and what
// is closed answers WriteTo with io.EOF, which the transport takes for a write
// error and cuts the connection: a race that a server on this machine wins
// often, and every response over 4 KiB is lost to it.
type inMemory struct{ next http.RoundTripper }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return m.next.RoundTrip(r)
}

// define registers a definition whose command plays a role, in cluster default.
func (l *local) define(t testing.TB, role string, change func(*containerDefinition)) {
	t.Helper()
	define(t, l.Client, l.dir, role, change)
}

func define(t testing.TB, c *sdk.Client, dir, role string, change func(*containerDefinition)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	must[*sdk.CreateClusterOutput](t)(c.CreateCluster(t.Context(), &sdk.CreateClusterInput{}))
	container := containerDefinition{
		Name: aws.String("main"), EntryPoint: []string{self},
		Environment: []types.KeyValuePair{
			{Name: aws.String(roleVariable), Value: &role}, {Name: aws.String(dirVariable), Value: &dir},
			{Name: aws.String("GORACE"), Value: aws.String("atexit_sleep_ms=0")}, // the race detector's second at the exit
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
func (l *local) create(t testing.TB, role string, desired int32) {
	t.Helper()
	l.define(t, role, nil)
	must[*sdk.CreateServiceOutput](t)(l.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: &role, TaskDefinition: &role, DesiredCount: &desired,
	}))
}

func (l *local) scale(t testing.TB, name string, desired int32) {
	t.Helper()
	must[*sdk.UpdateServiceOutput](t)(l.UpdateService(t.Context(), &sdk.UpdateServiceInput{Service: &name, DesiredCount: &desired}))
}

func (l *local) describe(t testing.TB, name string) types.Service {
	t.Helper()
	out := must[*sdk.DescribeServicesOutput](t)(l.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Services: []string{name}}))
	if len(out.Services) != 1 {
		t.Fatalf("services %v, failures %v", out.Services, out.Failures)
	}
	return out.Services[0]
}

// counts waits until a service runs as many tasks, and nothing is under way.
func (l *local) counts(t testing.TB, name string, running int32) {
	t.Helper()
	eventually(t, name+" has the wanted number of tasks", func() bool {
		v := l.describe(t, name)
		return v.RunningCount == running && v.PendingCount == 0 && len(l.tasks(t, "STOPPING")) == 0
	})
}

// tasks returns the tasks whose last status is the given one.
func (l *local) tasks(t testing.TB, last string) (found []types.Task) {
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

// live counts the tasks that are not STOPPED.
func (l *local) live() int {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	return l.service.state.live()
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
