//go:build unix

package starburst_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/starburst-go/starburst"
)

// TestKillsLoseNothing kills workers and the endpoint with SIGKILL while a job
// runs. The endpoint comes back on the same data, the workers are replaced, and
// every task has its one result.
func TestKillsLoseNothing(t *testing.T) {
	pids := t.TempDir()
	t.Setenv(envPIDs, pids)
	s := session(t, starburst.Config{Workers: 2, Slots: 2})
	in := make([]int, 4000)
	for i := range in {
		in[i] = i
	}
	job, err := starburst.Submit(t.Context(), s, slow, in, starburst.WithChunk(20))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for round := range 6 {
			select {
			case <-stop:
				return
			case <-time.After(250 * time.Millisecond):
			}
			if round%3 == 2 {
				kill(t, s.EndpointPID())
			} else {
				kill(t, oneWorker(t, pids))
			}
		}
	})
	seen := 0
	for v, err := range job.Results(t.Context()) {
		if err != nil {
			t.Fatalf("after %d results: %v", seen, err)
		}
		if v != seen*seen {
			t.Fatalf("result %d is %d", seen, v)
		}
		seen++
	}
	close(stop)
	killer.Wait()
	if seen != len(in) {
		t.Errorf("%d results, want %d", seen, len(in))
	}
	count, err := s.Recount(t.Context(), job.ID())
	if err != nil || count.OK != len(in) || count.Failed != 0 || len(count.Missing) != 0 {
		t.Errorf("recount %+v, %v; want each of %d once", count, err, len(in))
	}
}

// oneWorker returns the process id of a worker that has not been chosen before.
func oneWorker(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		return 0
	}
	newest := files[len(files)-1]
	if err := os.Remove(newest); err != nil {
		t.Error(err)
	}
	pid, err := strconv.Atoi(filepath.Base(newest))
	if err != nil {
		t.Error(err)
	}
	return pid
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if pid == 0 {
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Logf("kill %d: %v", pid, err)
	}
}
