//go:build unix

package waves

import (
	"cmp"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
)

// TestWavesOnTheLocalECS: waves as planned, never above the quota, no busy worker stopped, zero at the end. Start-up, launch rate,
// quota and Service Quotas are the embedded endpoint's.
func TestWavesOnTheLocalECS(t *testing.T) {
	t.Parallel()
	requireEnabled(t, "waves")
	bin := command(t)
	for _, mode := range []autoscale.Mode{autoscale.Efficiency, autoscale.Fast} {
		t.Run(cmp.Or(string(mode), "fast"), func(t *testing.T) {
			t.Parallel()
			srv := localawstest.Start(t, localawstest.WithConfig(func(c *localaws.Config) {
				c.VCPUQuota = quota
				c.ECS.StartupDelay, c.ECS.LaunchRate, c.ECS.LaunchBurst = startUp, launchRate, launchRate
			}))
			f := newFleet(t, srv.URL(), srv.URL())
			all := f.play(t, bin, mode)
			checkLaunches(t, all)
		})
	}
}

// play submits the job, lets the autoscaler size the fleet until all is over, and holds the run against what must always be
// so. It returns the service's tasks in the order of their launches.
func (f *fleet) play(t *testing.T, bin string, mode autoscale.Mode, args ...string) []types.Task {
	t.Helper()
	begun := time.Now()
	job := f.submit(t)
	f.start(t, bin, append([]string{
		"autoscale", "--max-workers", "100", "--mode", cmp.Or(string(mode), "fast"), "--start-up", startUp.String(),
		"--launch-rate", strconv.Itoa(launchRate), "--launch-burst", strconv.Itoa(launchRate), "--interval", interval.String(),
	}, args...)...)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	f.watch(ctx, t)
	t.Logf("at zero after %v", time.Since(begun).Round(time.Second))

	all := f.tasks(t, types.DesiredStatusStopped)
	dozes := f.dozes(t)
	f.checkResults(t, job)
	checkNobodyWasStoppedAtWork(t, all, dozes)
	t.Logf("%d workers at most", checkQuota(t, all))
	var last time.Time
	for _, d := range dozes {
		if d.end.After(last) {
			last = d.end
		}
	}
	checkWaves(t, mode, f.decisions(t), last.Sub(begun))
	f.checkReport(t, bin, job, mode)
	return all
}
