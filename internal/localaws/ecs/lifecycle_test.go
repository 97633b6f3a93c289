//go:build unix

package ecs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func TestRunTask(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.define(t, "quick", nil)
	in := &sdk.RunTaskInput{
		TaskDefinition: aws.String("quick"), Count: aws.Int32(2), StartedBy: aws.String("test"), ClientToken: aws.String("once"),
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("main"), Command: []string{"with", "arguments"}}}},
	}
	out := must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), in))
	again := must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), in))
	if len(out.Tasks) != 2 || len(again.Tasks) != 2 {
		t.Fatalf("%d tasks, %d with the same token", len(out.Tasks), len(again.Tasks))
	}
	eventually(t, "both have ended", func() bool { return len(l.tasks(t, "STOPPED")) == 2 })
	for _, task := range l.tasks(t, "STOPPED") {
		if *task.Containers[0].ExitCode != 0 || *task.StoppedReason != reasonExited || *task.StartedBy != "test" || *task.Group != "family:quick" {
			t.Errorf("task %+v", task)
		}
		id := lastSegment(*task.TaskArn)
		if log, err := os.ReadFile(l.service.logs.path(id)); err != nil || string(log) != "done [with arguments]\n" {
			t.Errorf("log %q, %v", log, err)
		}
	}
}

func TestCrashLoopIsSlowedDownAndExplained(t *testing.T) {
	t.Parallel()
	l := setup(t, func(o *Options) { o.BackoffBase = 50 * time.Millisecond })
	begun := time.Now()
	l.create(t, "crash", 2)
	// Waves at 0, 0, 50, 150, 350 ms: the first failure is repaired at once.
	eventually(t, "the fifth wave has crashed", func() bool { return len(l.tasks(t, "STOPPED")) >= 9 })
	if took := time.Since(begun); took < 350*time.Millisecond {
		t.Errorf("five waves of failures in %v; the back-off asks for 350 ms", took)
	}
	task := l.tasks(t, "STOPPED")[0]
	if aws.ToInt32(task.Containers[0].ExitCode) != 1 || !strings.Contains(*task.StoppedReason, "cannot find the model file") {
		t.Errorf("exit code %d, reason %q", aws.ToInt32(task.Containers[0].ExitCode), *task.StoppedReason)
	}
	told := false
	for _, e := range l.describe(t, "crash").Events {
		told = told || strings.Contains(*e.Message, "unable to consistently start tasks")
	}
	if !told {
		t.Error("no event says that starts fail")
	}
}

func TestCommandThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.define(t, "missing", func(d *containerDefinition) { d.EntryPoint = []string{"no-such-program"} })
	must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("missing")}))
	eventually(t, "it has failed", func() bool { return len(l.tasks(t, "STOPPED")) == 1 })
	task := l.tasks(t, "STOPPED")[0]
	if task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.Contains(*task.StoppedReason, `"no-such-program": executable file not found`) {
		t.Errorf("%s: %s", task.StopCode, *task.StoppedReason)
	}
}

func TestStopTimeoutThenSIGKILL(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.define(t, "stubborn", func(d *containerDefinition) { d.StopTimeout = new(int32(1)) })
	out := must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("stubborn")}))
	eventually(t, "it ignores SIGTERM", func() bool { return len(files(t, l.dir, "started-")) == 1 })
	begun := time.Now()
	stopped := must[*sdk.StopTaskOutput](t)(l.StopTask(t.Context(), &sdk.StopTaskInput{Task: out.Tasks[0].TaskArn, Reason: aws.String("enough")}))
	if *stopped.Task.LastStatus != "STOPPING" || *stopped.Task.DesiredStatus != "STOPPED" {
		t.Errorf("right after StopTask: %s, desired %s", *stopped.Task.LastStatus, *stopped.Task.DesiredStatus)
	}
	eventually(t, "it has ended", func() bool { return len(l.tasks(t, "STOPPED")) == 1 })
	if took := time.Since(begun); took < time.Second {
		t.Errorf("killed after %v; its stopTimeout is 1 s", took)
	}
	task := l.tasks(t, "STOPPED")[0]
	if *task.Containers[0].ExitCode != 137 || task.StopCode != types.TaskStopCodeUserInitiated || *task.StoppedReason != "enough" {
		t.Errorf("exit code %d, %s: %s", *task.Containers[0].ExitCode, task.StopCode, *task.StoppedReason)
	}
}

// A worker's children belong to its group: they do not outlive it.
func TestChildrenEndWithTheirTask(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "parent", 1)
	eventually(t, "the child runs", func() bool { return len(started(t, l.dir)) == 1 })
	child := started(t, l.dir)[0]
	l.scale(t, "parent", 0)
	l.counts(t, "parent", 0)
	eventually(t, "the child is gone", func() bool { _, err := identityOf(child); return errors.Is(err, errGone) })
}

func TestStopTasksKillsAtTheDeadline(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "stubborn", 2)
	eventually(t, "both ignore SIGTERM", func() bool { return len(started(t, l.dir)) == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.service.StopTasks(ctx); err != nil {
		t.Error(err)
	}
	for _, pid := range started(t, l.dir) {
		if _, err := identityOf(pid); !errors.Is(err, errGone) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
	// Nothing is started any more, and it says so.
	l.define(t, "quick", nil)
	must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("quick")}))
	eventually(t, "the late task is stopped", func() bool { return len(l.tasks(t, "STOPPED")) == 3 && l.live() == 0 })

	l.closeOnly(t)
	again := reopen(t, l.dir, nil)
	again.counts(t, "stubborn", 2) // the desired count has stayed
}

func TestStartupDelayAndLaunchRate(t *testing.T) {
	t.Parallel()
	l := setup(t, func(o *Options) {
		o.StartupDelay, o.LaunchRate, o.LaunchBurst = 100*time.Millisecond, 20, 2
	})
	begun := time.Now()
	l.create(t, "worker", 4)
	v := l.describe(t, "worker")
	if v.RunningCount != 0 || v.PendingCount > 2 {
		t.Errorf("at once: %d running, %d pending; want at most a burst of two pending", v.RunningCount, v.PendingCount)
	}
	l.counts(t, "worker", 4)
	if took := time.Since(begun); took < 200*time.Millisecond { // the last launch at 100 ms, then the delay
		t.Errorf("four tasks run after %v; 200 ms is the least", took)
	}
	for _, task := range l.tasks(t, "RUNNING") {
		if delay := task.StartedAt.Sub(*task.PullStartedAt); delay < 100*time.Millisecond {
			t.Errorf("started %v after it was created", delay)
		}
	}
}

func TestDeploymentReplacesTasks(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 2)
	l.counts(t, "worker", 2)
	old := l.pids()
	l.define(t, "worker", nil) // revision 2
	must[*sdk.UpdateServiceOutput](t)(l.UpdateService(t.Context(), &sdk.UpdateServiceInput{
		Service: aws.String("worker"), TaskDefinition: aws.String("worker"),
	}))
	eventually(t, "the deployment is complete", func() bool {
		d := l.describe(t, "worker").Deployments
		return len(d) == 1 && d[0].RolloutState == types.DeploymentRolloutStateCompleted
	})
	v := l.describe(t, "worker")
	if lastSegment(*v.TaskDefinition) != "worker:2" || v.RunningCount != 2 {
		t.Errorf("%s, %d running", *v.TaskDefinition, v.RunningCount)
	}
	for _, pid := range old {
		if _, err := identityOf(pid); !errors.Is(err, errGone) {
			t.Errorf("process %d of the old deployment: %v", pid, err)
		}
	}
}

func TestForceDeleteStopsEvenProtectedTasks(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 1)
	l.counts(t, "worker", 1)
	arn := *l.tasks(t, "RUNNING")[0].TaskArn
	must[*sdk.UpdateTaskProtectionOutput](t)(l.UpdateTaskProtection(t.Context(), &sdk.UpdateTaskProtectionInput{
		Cluster: aws.String("default"), Tasks: []string{arn}, ProtectionEnabled: true,
	}))
	out := must[*sdk.DeleteServiceOutput](t)(l.DeleteService(t.Context(), &sdk.DeleteServiceInput{Service: aws.String("worker"), Force: aws.Bool(true)}))
	if *out.Service.Status != "DRAINING" {
		t.Errorf("status %s", *out.Service.Status)
	}
	eventually(t, "the service is gone", func() bool { return *l.describe(t, "worker").Status == "INACTIVE" })
	list := must[*sdk.ListServicesOutput](t)(l.ListServices(t.Context(), &sdk.ListServicesInput{}))
	must[*sdk.DeleteClusterOutput](t)(l.DeleteCluster(t.Context(), &sdk.DeleteClusterInput{Cluster: aws.String("default")}))
	if diff := cmp.Diff([]string{}, list.ServiceArns); diff != "" {
		t.Errorf("services: %s", diff)
	}
}

func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	l := logs{dir: t.TempDir(), limit: 1000}
	f, err := l.create("id")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(s string) {
		t.Helper()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("first\n", 100))
	if err := l.cut("id"); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(l.path("id")); info.Size() != 600 {
		t.Errorf("cut at %d bytes, below the limit", info.Size())
	}
	write(strings.Repeat("again\n", 100))
	if err := l.cut("id"); err != nil {
		t.Fatal(err)
	}
	write("the end \x1b[31mred\n")
	now, _ := os.ReadFile(l.path("id"))
	before, _ := os.ReadFile(l.path("id") + ".1")
	if !bytes.HasPrefix(now, []byte("the end ")) || len(before) != 500 || !bytes.HasSuffix(before, []byte("again\n")) {
		t.Errorf("after the cut: %q, and %d bytes ending in %q", now, len(before), before[max(0, len(before)-6):])
	}
	if got := l.tail("id", 800); got != "the end [31mred" {
		t.Errorf("tail %q", got)
	}
	if err := l.remove("id"); err != nil {
		t.Error(err)
	}
	if got := l.tail("id", 800); got != "" {
		t.Errorf("tail of nothing %q", got)
	}
}
