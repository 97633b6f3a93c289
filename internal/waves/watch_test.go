//go:build unix

package waves

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// sample is the service at one moment.
type sample struct {
	at                        time.Time
	desired, running, pending int
}

// watch asks ECS for the service's counts until it has come to zero after it was above, or the time is over.
func (f *fleet) watch(ctx context.Context, t *testing.T) (samples []sample) {
	t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for rose := false; ; {
		out, err := f.clients.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &f.Cluster, Services: []string{f.Service}})
		if err != nil {
			t.Fatalf("after %d looks: %v", len(samples), err)
		}
		v := out.Services[0]
		s := sample{time.Now(), int(v.DesiredCount), int(v.RunningCount), int(v.PendingCount)}
		samples = append(samples, s)
		rose = rose || s.desired > 0
		if rose && s.desired == 0 && len(f.tasks(t, types.DesiredStatusRunning)) == 0 && f.live(t) == 0 {
			return samples
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not at zero after %v: %+v", limit, s)
		case <-tick.C:
		}
	}
}

// tasks lists the service's tasks of a desired status.
func (f *fleet) tasks(t *testing.T, desired types.DesiredStatus) (all []types.Task) {
	t.Helper()
	pages := ecs.NewListTasksPaginator(f.clients.ECS, &ecs.ListTasksInput{Cluster: &f.Cluster, ServiceName: &f.Service, DesiredStatus: desired})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := f.clients.ECS.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: &f.Cluster, Tasks: page.TaskArns})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out.Tasks...)
	}
	slices.SortFunc(all, func(a, b types.Task) int { return a.CreatedAt.Compare(*b.CreatedAt) })
	return all
}

// live counts the tasks that have been told to stop and have not ended.
func (f *fleet) live(t *testing.T) (n int) {
	t.Helper()
	for _, task := range f.tasks(t, types.DesiredStatusStopped) {
		if aws.ToString(task.LastStatus) != "STOPPED" {
			n++
		}
	}
	return n
}

// doze is one nap of a worker, as it noted it.
type doze struct {
	task       string // of ECS
	index      int
	begin, end time.Time // end is zero when it was cut off
}

func (f *fleet) dozes(t *testing.T) (all []doze) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			d := doze{task: filepath.Base(name)}
			var begin, end int64
			if _, err := fmt.Sscan(lines.Text(), &d.index, &begin, &end); err != nil {
				t.Fatalf("%s: %q: %v", name, lines.Text(), err)
			}
			d.begin = time.Unix(0, begin)
			if end != 0 {
				d.end = time.Unix(0, end)
			}
			all = append(all, d)
		}
		file.Close()
	}
	return all
}

// checkNobodyWasStoppedAtWork holds the moments at which ECS stopped tasks against their naps.
func checkNobodyWasStoppedAtWork(t *testing.T, all []types.Task, dozes []doze) {
	t.Helper()
	stopped := map[string]time.Time{}
	for _, task := range all {
		arn := *task.TaskArn
		stopped[arn[strings.LastIndexByte(arn, '/')+1:]] = aws.ToTime(task.StoppingAt)
		if task.StopCode != types.TaskStopCodeServiceSchedulerInitiated {
			t.Errorf("%s: %s, %s; want it stopped because the service shrank", arn, task.StopCode, aws.ToString(task.StoppedReason))
		}
	}
	runs := map[int]int{}
	for _, d := range dozes {
		at, known := stopped[d.task]
		switch {
		case !known:
			t.Errorf("a nap of task %s, which ECS does not know", d.task)
		case d.end.IsZero() || !at.IsZero() && at.After(d.begin) && at.Before(d.end):
			t.Errorf("task %s was stopped at %v in its nap %d, from %v to %v", d.task, at, d.index, d.begin, d.end)
		}
		runs[d.index]++
	}
	if len(runs) != tasks || len(dozes) != tasks {
		t.Errorf("%d naps of %d tasks; want %d, each once", len(dozes), len(runs), tasks)
	}
}

// checkQuota holds the number of tasks at any moment against the quota.
func checkQuota(t *testing.T, all []types.Task) (peak int) {
	t.Helper()
	type step struct {
		at time.Time
		by int
	}
	var steps []step
	for _, task := range all {
		steps = append(steps, step{*task.CreatedAt, 1}, step{aws.ToTime(task.StoppedAt), -1})
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	n := 0
	for _, s := range steps {
		n += s.by
		peak = max(peak, n)
	}
	if peak > quota {
		t.Errorf("%d tasks at once of 1 vCPU each; the quota is %d", peak, quota)
	}
	return peak
}

// checkLaunches holds the launches against the rate, whose bucket holds as many as a second brings, and the start-up.
func checkLaunches(t *testing.T, all []types.Task) {
	t.Helper()
	for i := range all {
		for j := i; j < len(all); j++ {
			within := all[j].CreatedAt.Sub(*all[i].CreatedAt) + 10*time.Millisecond
			if n := j - i + 1; float64(n) > launchRate+launchRate*within.Seconds()+1e-9 {
				t.Errorf("%d launches within %v; %d a second are allowed", n, within, launchRate)
			}
		}
		if took := aws.ToTime(all[i].StartedAt).Sub(*all[i].CreatedAt); took < startUp {
			t.Errorf("a worker started in %v; the start-up is %v", took, startUp)
		}
	}
}

// checkResults reads the job's results, which are its arguments.
func (f *fleet) checkResults(t *testing.T, job store.Job) {
	t.Helper()
	want := naps()
	n := 0
	for s, err := range f.store.Results(t.Context(), job, store.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		var got float64
		if err := codec.Unmarshal(s.Value, &got); err != nil || got != want[s.Index] || s.Index != n {
			t.Errorf("result %d: %v, %v; want %v", s.Index, got, err, want[s.Index])
		}
		n++
	}
	if n != tasks {
		t.Errorf("%d results of %d", n, tasks)
	}
}

// decisions are those of the autoscaler, in order.
func (f *fleet) decisions(t *testing.T) (all []store.Decision) {
	t.Helper()
	for d, err := range f.store.Decisions(t.Context(), f.Fleet, time.Now().Add(-time.Hour), time.Now().Add(time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}
