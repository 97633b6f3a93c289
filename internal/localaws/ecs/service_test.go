//go:build unix

package ecs

import (
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func TestScaleOutAndIn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var stopping []bool
	l := setup(t, func(o *Options) {
		o.OnStopping = func(on bool) { mu.Lock(); defer mu.Unlock(); stopping = append(stopping, on) }
	})
	l.create(t, "worker", 0)
	l.counts(t, "worker", 0)

	begun := time.Now()
	l.scale(t, "worker", 2)
	eventually(t, "two processes are there", func() bool { return len(l.pids()) == 2 })
	t.Logf("UpdateService to two running processes: %v", time.Since(begun))
	l.counts(t, "worker", 2)
	eventually(t, "both listen for SIGTERM", func() bool { return len(files(t, l.dir, "started-")) == 2 })

	l.scale(t, "worker", 0)
	l.counts(t, "worker", 0)
	if ended := files(t, l.dir, "terminated-"); len(ended) != 2 {
		t.Errorf("%d tasks saw SIGTERM, want 2", len(ended))
	}
	eventually(t, "the end of stopping is reported", func() bool { mu.Lock(); defer mu.Unlock(); return len(stopping) == 2 })
	if diff := cmp.Diff([]bool{true, false}, stopping); diff != "" {
		t.Errorf("OnStopping calls: %s", diff)
	}
	for _, task := range l.tasks(t, "STOPPED") {
		if task.StopCode != types.TaskStopCodeServiceSchedulerInitiated || aws.ToInt32(task.Containers[0].ExitCode) != 0 {
			t.Errorf("stopped with %s, exit code %v", task.StopCode, task.Containers[0].ExitCode)
		}
		times := []*time.Time{task.CreatedAt, task.StartedAt, task.StoppingAt, task.StoppedAt}
		if slices.Contains(times, nil) || !slices.IsSortedFunc(times, func(a, b *time.Time) int { return a.Compare(*b) }) {
			t.Errorf("created, started, stopping, stopped at %v", times)
		}
	}
	eventually(t, "the service is steady", func() bool {
		return aws.ToString(l.describe(t, "worker").Events[0].Message) == "(service worker) has reached a steady state."
	})
}

func TestKilledWorkerIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 1)
	l.counts(t, "worker", 1)
	victim := l.pids()[0]
	begun := time.Now()
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another process has its place", func() bool {
		pids := l.pids()
		return len(pids) == 1 && pids[0] != victim
	})
	t.Logf("kill to replacement: %v", time.Since(begun))
	stopped := l.tasks(t, "STOPPED")
	if len(stopped) != 1 || stopped[0].StopCode != types.TaskStopCodeEssentialContainerExited || aws.ToInt32(stopped[0].Containers[0].ExitCode) != 137 {
		t.Errorf("stopped tasks %+v", stopped)
	}
}
