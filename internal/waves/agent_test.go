//go:build unix

package waves

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/uuid"
)

// agent stands in front of moto's ECS and does what moto does not: it starts and stops a process for each task that a service wants,
// lists the tasks, and serves what ECS serves to a task, which is protection and metadata. Clusters, definitions, services and
// their desired counts are moto's, and so are the running counts, which moto makes equal to the desired ones at once.
type agent struct {
	server *httptest.Server
	moto   *ecs.Client
	env    []string // for the tasks, beside their definition's
	over   sync.WaitGroup

	mu     sync.Mutex // protects the fields below
	tasks  []*motoTask
	tokens float64 // launches that are allowed now
	filled time.Time
}

// motoTask is a task that moto does not know of.
type motoTask struct {
	id, cluster, service         string
	cmd                          *exec.Cmd
	created, started             time.Time
	stopping, stopped, protected time.Time // zero: not
	code, reason                 string
	startable                    time.Time
}

// startAgent starts an agent in front of moto's URL.
func startAgent(t *testing.T, motoURL string, env []string) *agent {
	t.Helper()
	u, err := url.Parse(motoURL)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{env: env, tokens: launchRate, filled: time.Now()}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = u.Host }}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ofTask := strings.CutPrefix(r.URL.Path, "/task/"); ofTask {
			id, path, _ := strings.Cut(rest, "/")
			a.serveTask(w, r, id, path)
			return
		}
		if !a.serveAPI(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(a.server.Close)
	return a
}

// operate reconciles the tasks with moto's desired count until the test ends.
func (a *agent) operate(t *testing.T, f *fleet, moto *ecs.Client) {
	t.Helper()
	a.moto = moto
	ctx, cancel := context.WithCancel(context.Background())
	a.over.Go(func() {
		for ctx.Err() == nil {
			if err := a.reconcile(ctx, f.Cluster, f.Service); err != nil && ctx.Err() == nil {
				t.Errorf("the agent: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		a.mu.Lock()
		for _, task := range a.tasks {
			if task.cmd != nil && task.stopped.IsZero() {
				_ = task.cmd.Process.Kill()
			}
		}
		a.mu.Unlock()
		a.over.Wait()
	})
}

// reconcile starts and stops processes.
func (a *agent) reconcile(ctx context.Context, cluster, service string) error {
	out, err := a.moto.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
	if err != nil || len(out.Services) != 1 {
		return fmt.Errorf("describe moto's service: %d, %w", len(out.Services), err)
	}
	v := out.Services[0]
	def, err := a.moto.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: v.TaskDefinition})
	if err != nil {
		return fmt.Errorf("describe moto's task definition: %w", err)
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = min(launchRate, a.tokens+launchRate*now.Sub(a.filled).Seconds())
	a.filled = now
	var active []*motoTask
	for _, task := range a.tasks {
		if task.stopping.IsZero() && task.stopped.IsZero() {
			active = append(active, task)
		}
	}
	for n := len(active); n < int(v.DesiredCount) && a.tokens >= 1; n++ {
		a.tokens--
		id := strings.ReplaceAll(uuid.NewString(), "-", "")
		a.tasks = append(a.tasks, &motoTask{id: id, cluster: cluster, service: service, created: now, startable: now.Add(startUp)})
	}
	surplus := len(active) - int(v.DesiredCount)
	for _, task := range slices.Backward(active) { // the newest first, and none that is protected
		if surplus > 0 && !now.Before(task.protected) {
			task.stop("ServiceSchedulerInitiated", "Scaling activity initiated by the agent", now)
			surplus--
		}
	}
	for _, task := range a.tasks {
		if task.cmd == nil && task.stopping.IsZero() && !now.Before(task.startable) {
			if err := a.launch(task, def.TaskDefinition.ContainerDefinitions[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// launch starts a task's process. The caller holds mu.
func (a *agent) launch(task *motoTask, c types.ContainerDefinition) error {
	task.cmd = exec.Command(c.Command[0], c.Command[1:]...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "STARBURST_") && !strings.HasPrefix(kv, "AWS_") {
			task.cmd.Env = append(task.cmd.Env, kv)
		}
	}
	task.cmd.Env = append(task.cmd.Env, a.env...)
	for _, kv := range c.Environment {
		task.cmd.Env = append(task.cmd.Env, *kv.Name+"="+*kv.Value)
	}
	at := a.server.URL + "/task/" + task.id
	task.cmd.Env = append(task.cmd.Env, "ECS_AGENT_URI="+at, "ECS_CONTAINER_METADATA_URI_V4="+at+"/v4")
	task.cmd.Stdout, task.cmd.Stderr = io.Discard, io.Discard
	if err := task.cmd.Start(); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	task.started = time.Now()
	a.over.Go(func() {
		_ = task.cmd.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		task.stopped = time.Now()
		if task.stopping.IsZero() {
			task.stopping, task.code, task.reason = task.stopped, "EssentialContainerExited", "Essential container in task exited"
		}
	})
	return nil
}

func (t *motoTask) stop(code, reason string, now time.Time) {
	t.stopping, t.code, t.reason = now, code, reason
	if t.cmd == nil {
		t.stopped = now
		return
	}
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
}

// serveTask answers what a task asks its agent.
func (a *agent) serveTask(w http.ResponseWriter, r *http.Request, id, path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.tasks, func(t *motoTask) bool { return t.id == id })
	if i < 0 {
		http.Error(w, "no such task", http.StatusNotFound)
		return
	}
	task := a.tasks[i]
	switch r.Method + " " + path {
	case "GET v4/task":
		answer(w, map[string]any{
			"Cluster": task.cluster, "TaskARN": task.arn(), "LaunchType": "FARGATE", "PullStartedAt": task.created.UTC(),
			"Limits": map[string]any{"CPU": 1, "Memory": 2048},
		})
	case "PUT task-protection/v1/state":
		var in struct {
			ProtectionEnabled bool
			ExpiresInMinutes  int
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !task.stopping.IsZero() {
			answer(w, map[string]any{"failure": map[string]any{"Arn": task.arn(), "Reason": "TASK_NOT_VALID"}})
			return
		}
		task.protected = time.Time{}
		if in.ProtectionEnabled {
			task.protected = time.Now().Add(time.Duration(in.ExpiresInMinutes) * time.Minute)
		}
		answer(w, map[string]any{"protection": map[string]any{"ProtectionEnabled": in.ProtectionEnabled, "TaskArn": task.arn()}})
	default:
		http.NotFound(w, r)
	}
}

// serveAPI answers the operations on tasks and reports whether it did.
func (a *agent) serveAPI(w http.ResponseWriter, r *http.Request) bool {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !slices.Contains([]string{"ListTasks", "DescribeTasks", "StopTask"}, operation) {
		return false
	}
	var in struct {
		Tasks         []string
		Task, Reason  string
		DesiredStatus string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	arns, views := []string{}, []map[string]any{}
	for _, t := range a.tasks {
		if operation == "StopTask" && strings.HasSuffix(in.Task, t.id) && t.stopping.IsZero() {
			t.stop("UserInitiated", in.Reason, time.Now())
		}
		if t.desired() == cmp.Or(in.DesiredStatus, "RUNNING") {
			arns = append(arns, t.arn())
		}
		if in.Task != "" && strings.HasSuffix(in.Task, t.id) || slices.ContainsFunc(in.Tasks, func(ref string) bool { return strings.HasSuffix(ref, t.id) }) {
			views = append(views, t.view())
		}
	}
	switch {
	case operation == "ListTasks":
		answer(w, map[string]any{"taskArns": arns})
	case operation == "DescribeTasks":
		answer(w, map[string]any{"tasks": views, "failures": []any{}})
	case len(views) == 1:
		answer(w, map[string]any{"task": views[0]})
	default:
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"__type": "InvalidParameterException", "message": "The referenced task was not found."})
	}
	return true
}

func (t *motoTask) arn() string {
	return "arn:aws:ecs:us-east-1:123456789012:task/" + t.cluster + "/" + t.id
}

func (t *motoTask) desired() string {
	if t.stopping.IsZero() {
		return "RUNNING"
	}
	return "STOPPED"
}

// view is the task as DescribeTasks shows it.
func (t *motoTask) view() map[string]any {
	last := "PENDING"
	switch {
	case !t.stopped.IsZero():
		last = "STOPPED"
	case !t.stopping.IsZero():
		last = "STOPPING"
	case t.cmd != nil:
		last = "RUNNING"
	}
	v := map[string]any{
		"taskArn": t.arn(), "group": "service:" + t.service, "launchType": "FARGATE", "cpu": "1024", "memory": "2048",
		"desiredStatus": t.desired(), "lastStatus": last, "stopCode": t.code, "stoppedReason": t.reason,
	}
	for name, at := range map[string]time.Time{
		"createdAt": t.created, "pullStartedAt": t.created, "startedAt": t.started, "stoppingAt": t.stopping, "stoppedAt": t.stopped,
	} {
		if !at.IsZero() {
			v[name] = float64(at.UnixMilli()) / 1000
		}
	}
	return v
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body) // a client that has gone away misses its answer
}
