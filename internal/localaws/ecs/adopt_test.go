//go:build unix

package ecs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// startEndpoint runs an endpoint in a process of its own and returns it with a
// client.
func startEndpoint(t *testing.T, dir string) (*exec.Cmd, *sdk.Client) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "url")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	endpoint := exec.Command(self)
	endpoint.Env = append(os.Environ(), roleVariable+"=endpoint", dirVariable+"="+dir)
	endpoint.Stdout, endpoint.Stderr = os.Stderr, os.Stderr
	if err := endpoint.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = endpoint.Process.Kill() // killed by the test in most cases
		_ = endpoint.Wait()
	})
	var url []byte
	eventually(t, "the endpoint listens", func() bool {
		url, err = os.ReadFile(filepath.Join(dir, "url"))
		return err == nil
	})
	return endpoint, client(t, string(url))
}

func kill9(t *testing.T, endpoint *exec.Cmd) {
	t.Helper()
	if err := endpoint.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = endpoint.Wait() // "signal: killed"
}

func started(t *testing.T, dir string) (pids []int) {
	t.Helper()
	for _, name := range files(t, dir, "started-") {
		pid, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func TestKilledEndpointsWorkersAreAdopted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	endpoint, c := startEndpoint(t, dir)
	define(t, c, dir, "worker", nil)
	must[*sdk.CreateServiceOutput](t)(c.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: new("worker"), TaskDefinition: new("worker"), DesiredCount: new(int32(3)),
	}))
	eventually(t, "three workers run", func() bool {
		out, err := c.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Services: []string{"worker"}})
		return err == nil && out.Services[0].RunningCount == 3 && len(started(t, dir)) == 3
	})
	first := started(t, dir)
	kill9(t, endpoint)

	// While nobody looks, one worker dies.
	if err := syscall.Kill(first[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { _, err := identityOf(first[0]); return errors.Is(err, errGone) })

	begun := time.Now()
	l := reopen(t, dir, nil)
	l.counts(t, "worker", 3)
	t.Logf("reopened with three workers after %v", time.Since(begun))
	now := l.pids()
	for _, pid := range first[1:] {
		if !slices.Contains(now, pid) {
			t.Errorf("worker %d lives and was not adopted; running now %v", pid, now)
		}
	}
	if gone := l.tasks(t, "STOPPED"); len(gone) != 1 || gone[0].Containers[0].ExitCode != nil {
		t.Errorf("stopped tasks: %+v", gone)
	}

	// An adopted worker's death is noticed and repaired, its stop is polite.
	if err := syscall.Kill(first[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is replaced", func() bool { p := l.pids(); return len(p) == 3 && !slices.Contains(p, first[1]) })
	eventually(t, "all replacements listen for SIGTERM", func() bool { return len(started(t, dir)) == 5 })
	l.scale(t, "worker", 0)
	l.counts(t, "worker", 0)
	if ended := files(t, dir, "terminated-"); len(ended) != 3 || !slices.Contains(ended, strconv.Itoa(first[2])) {
		t.Errorf("politely ended: %v; want three, with %d", ended, first[2])
	}
}

func TestStoppingGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	endpoint, c := startEndpoint(t, dir)
	define(t, c, dir, "stubborn", func(d *containerDefinition) { d.StopTimeout = new(int32(0)) })
	must[*sdk.CreateServiceOutput](t)(c.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: new("stubborn"), TaskDefinition: new("stubborn"), DesiredCount: new(int32(1)),
	}))
	eventually(t, "the worker runs", func() bool { return len(started(t, dir)) == 1 })
	kill9(t, endpoint)

	l := reopen(t, dir, nil)
	l.scale(t, "stubborn", 0)
	l.counts(t, "stubborn", 0)
	if _, err := identityOf(started(t, dir)[0]); !errors.Is(err, errGone) {
		t.Errorf("the adopted worker that ignores SIGTERM is still there: %v", err)
	}
}

// An endpoint that is killed between the start of a process and the commit of
// its pid leaves a PENDING task whose process runs.
func TestUnrecordedProcessIsFound(t *testing.T) {
	t.Parallel()
	if pids, err := findTasks(map[string]*task{}); pids == nil && err == nil {
		t.Skip("processes' environments cannot be read on this system")
	}
	l := setup(t, nil)
	l.create(t, "worker", 1)
	l.counts(t, "worker", 1)
	pid := l.pids()[0]
	l.service.mu.Lock()
	for _, task := range l.service.state.tasks {
		task.Last, task.PID, task.Identity = statusPending, 0, ""
		l.service.state.touch(task.row())
	}
	l.service.mu.Unlock()
	// Not through the API: the loop must not see the task as one to start.
	l.closeOnly(t)

	again := reopen(t, l.dir, nil)
	again.counts(t, "worker", 1)
	if diff := cmp.Diff([]int{pid}, again.pids()); diff != "" {
		t.Errorf("the process was not found again: %s", diff)
	}
}

func TestCloseLeavesTasksForTheNext(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 2)
	l.counts(t, "worker", 2)
	pids := l.pids()
	l.closeOnly(t)

	again := reopen(t, l.dir, nil)
	again.counts(t, "worker", 2)
	if diff := cmp.Diff(pids, again.pids(), cmpopts.SortSlices(func(a, b int) bool { return a < b })); diff != "" {
		t.Errorf("processes (-before +after): %s", diff)
	}
}

// startedLater starts a process whose start time the system can tell from that
// of pid: its clock ticks a hundred times a second.
func startedLater(t *testing.T, pid int) *exec.Cmd {
	t.Helper()
	first, err := identityOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	for {
		other := exec.Command("sleep", "60")
		other.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		end := func() {
			_ = other.Process.Kill() // ours, alive or not
			_ = other.Wait()
		}
		if later, err := identityOf(other.Process.Pid); err != nil || later != first {
			t.Cleanup(end)
			return other
		}
		end()
	}
}

// A reused pid belongs to somebody else: it is neither adopted nor signalled.
func TestReusedPIDIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 1)
	l.counts(t, "worker", 1)
	worker := l.pids()[0]
	other := startedLater(t, worker)
	l.service.mu.Lock()
	identity := ""
	for _, task := range l.service.state.tasks {
		identity = task.Identity
		task.PID = other.Process.Pid // with the identity of the worker
		l.service.state.touch(task.row())
	}
	l.service.mu.Unlock()
	l.closeOnly(t)
	t.Cleanup(func() { _ = adopt(worker, identity).signal(syscall.SIGKILL) }) // the one that was lost on purpose

	again := reopen(t, l.dir, nil)
	again.counts(t, "worker", 1)
	if pids := again.pids(); slices.Contains(pids, other.Process.Pid) {
		t.Errorf("adopted a foreign process: %v", pids)
	}
	p := &process{pid: other.Process.Pid, identity: identity}
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if _, err := identityOf(other.Process.Pid); err != nil {
		t.Errorf("the foreign process: %v", err)
	}
}
