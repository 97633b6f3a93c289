//go:build unix

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
	"slices"
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
func setup(tb testing.TB, change func(*Options)) *local {
	tb.Helper()
	dir := tb.TempDir()
	return reopen(tb, dir, change)
}

func reopen(tb testing.TB, dir string, change func(*Options)) *local {
	tb.Helper()
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	opt := Options{BaseURL: "http://" + server.Listener.Addr().String(), Dir: dir}
	if change != nil {
		change(&opt)
	}
	s, err := New(d, opt)
	if err != nil {
		tb.Fatal(err)
	}
	server.Config.Handler = s
	server.Start()
	l := &local{Client: client(tb, server.URL), service: s, server: server, db: d, dir: dir}
	tb.Cleanup(func() {
		if s.ctx.Err() != nil {
			return // closed by the test
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.StopTasks(ctx); err != nil {
			tb.Error(err)
		}
		l.closeOnly(tb)
	})
	return l
}

// closeOnly closes the endpoint and leaves its tasks running.
func (l *local) closeOnly(tb testing.TB) {
	tb.Helper()
	l.server.Close()
	for _, closing := range []func() error{l.service.Close, l.db.Close} {
		if err := closing(); err != nil {
			tb.Error(err)
		}
	}
}

func client(tb testing.TB, url string) *sdk.Client {
	tb.Helper()
	transport := &http.Transport{}
	tb.Cleanup(transport.CloseIdleConnections)
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
func (l *local) define(tb testing.TB, role string, change func(*containerDefinition)) {
	tb.Helper()
	define(tb, l.Client, l.dir, role, change)
}

func define(tb testing.TB, c *sdk.Client, dir, role string, change func(*containerDefinition)) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	must[*sdk.CreateClusterOutput](tb)(c.CreateCluster(tb.Context(), &sdk.CreateClusterInput{}))
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
	must[*sdk.RegisterTaskDefinitionOutput](tb)(c.RegisterTaskDefinition(tb.Context(), &sdk.RegisterTaskDefinitionInput{
		Family: aws.String(role), Cpu: aws.String("1 vCPU"), Memory: aws.String("2 GB"),
		ContainerDefinitions: []types.ContainerDefinition{container},
	}))
}

// create makes the service named after the role.
func (l *local) create(tb testing.TB, role string, desired int32) {
	tb.Helper()
	l.define(tb, role, nil)
	must[*sdk.CreateServiceOutput](tb)(l.CreateService(tb.Context(), &sdk.CreateServiceInput{
		ServiceName: &role, TaskDefinition: &role, DesiredCount: &desired,
	}))
}

func (l *local) scale(tb testing.TB, name string, desired int32) {
	tb.Helper()
	must[*sdk.UpdateServiceOutput](tb)(l.UpdateService(tb.Context(), &sdk.UpdateServiceInput{Service: &name, DesiredCount: &desired}))
}

func (l *local) describe(tb testing.TB, name string) types.Service {
	tb.Helper()
	out := must[*sdk.DescribeServicesOutput](tb)(l.DescribeServices(tb.Context(), &sdk.DescribeServicesInput{Services: []string{name}}))
	if len(out.Services) != 1 {
		tb.Fatalf("services %v, failures %v", out.Services, out.Failures)
	}
	return out.Services[0]
}

// counts waits until a service runs as many tasks, and nothing is under way.
func (l *local) counts(tb testing.TB, name string, running int32) {
	tb.Helper()
	eventually(tb, name+" has the wanted number of tasks", func() bool {
		v := l.describe(tb, name)
		return v.RunningCount == running && v.PendingCount == 0 && len(l.tasks(tb, "STOPPING")) == 0
	})
}

// tasks returns the tasks whose last status is the given one. A task that ends
// between the two lists is in both; it counts once.
func (l *local) tasks(tb testing.TB, last string) (found []types.Task) {
	tb.Helper()
	var ids []string
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		ids = append(ids, must[*sdk.ListTasksOutput](tb)(l.ListTasks(tb.Context(), &sdk.ListTasksInput{DesiredStatus: desired})).TaskArns...)
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	out := must[*sdk.DescribeTasksOutput](tb)(l.DescribeTasks(tb.Context(), &sdk.DescribeTasksInput{Tasks: slices.Compact(ids)}))
	for _, task := range out.Tasks {
		if *task.LastStatus == last {
			found = append(found, task)
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

func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
