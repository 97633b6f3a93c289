package ecsagent_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/ecsagent"
)

// onFargate has the members that the ECS developer guide shows for a task on Fargate.
const onFargate = `{
	"Cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/burst",
	"TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/burst/e9028f8d5d8e4f258373e7b93ce9a3c3",
	"Family": "worker", "Revision": "3", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
	"Limits": {"CPU": 0.25, "Memory": 512},
	"PullStartedAt": "2026-11-24T09:03:07.123456789Z", "PullStoppedAt": "2026-11-24T09:03:19.5Z",
	"AvailabilityZone": "us-west-2b", "LaunchType": "FARGATE", "ServiceName": "workers",
	"ClockDrift": {"ClockErrorBound": 0.5, "ClockSynchronizationStatus": "SYNCHRONIZED"},
	"EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 31724},
	"Containers": [{"DockerId": "x", "Name": "worker"}]
}`

func serve(t *testing.T, answer http.HandlerFunc) *ecsagent.Agent {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": server.URL + "/v4/0123"}
	a, in := ecsagent.FromEnv(func(name string) string { return env[name] }, server.Client())
	if !in {
		t.Fatal("not in ECS, though the variable is set")
	}
	a.Hurry()
	return a
}

func TestTaskIsWhatTheAgentTells(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v4/0123/task" {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprint(w, onFargate)
	})
	got, err := a.Task(t.Context())
	want := ecsagent.Task{
		ID: "e9028f8d5d8e4f258373e7b93ce9a3c3", LaunchType: "FARGATE",
		VCPUMilli: 250, MemoryMiB: 512, DiskGiB: 31,
		PullStarted: time.Date(2026, 11, 24, 9, 3, 7, 123456789, time.UTC),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestABusyAgentIsAskedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			http.Error(w, "try later", http.StatusTooManyRequests)
			return
		}
		_, _ = fmt.Fprint(w, onFargate)
	})
	if got, err := a.Task(t.Context()); err != nil || got.VCPUMilli != 250 {
		t.Errorf("%+v, %v; want the third answer", got, err)
	}
}

func TestStrangeAnswersAreErrorsAndNoMore(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":                  "",
		"not JSON":                 "<html>",
		"no task":                  `{"Cluster":"c"}`,
		"a number where text is":   `{"TaskARN":7}`,
		"more than anyone expects": `{"TaskARN":"` + strings.Repeat("x", 300<<10) + `"}`,
	} {
		a := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) })
		if got, err := a.Task(t.Context()); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
	a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"TaskARN":"t","Limits":{"CPU":-3,"Memory":1e300}}`)
	})
	if got, err := a.Task(t.Context()); err != nil || got.VCPUMilli != 0 || got.MemoryMiB != 0 {
		t.Errorf("absurd limits: %+v, %v; want them left out", got, err)
	}
}

func TestOutsideOfECSThereIsNoAgent(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"", "not a url\x00", "file:///etc/passwd", "169.254.170.2/v4"} {
		if _, in := ecsagent.FromEnv(func(string) string { return v }, nil); in {
			t.Errorf("%q was taken for an agent", v)
		}
	}
}

func Example() {
	ctx := context.Background()
	if agent, in := ecsagent.FromEnv(os.Getenv, nil); in {
		if task, err := agent.Task(ctx); err == nil {
			fmt.Println("billed since", task.PullStarted)
		}
		return
	}
	fmt.Println("not a task of ECS")
	// Output: not a task of ECS
}
