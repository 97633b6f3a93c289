package fleet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/store"
)

// stoppedTask is a Fargate task as DescribeTasks shows it for an hour after its end.
func stoppedTask(id string, edit func(*ecstypes.Task)) ecstypes.Task {
	t := ecstypes.Task{
		TaskArn: aws.String("arn:aws:ecs:us-east-1:111122223333:task/main/" + id), LastStatus: aws.String("STOPPED"),
		Cpu: aws.String("256"), Memory: aws.String("512"), LaunchType: ecstypes.LaunchTypeFargate,
		PullStartedAt: aws.Time(noon), StoppedAt: aws.Time(noon.Add(time.Hour)), StopCode: ecstypes.TaskStopCodeServiceSchedulerInitiated,
		EphemeralStorage: &ecstypes.EphemeralStorage{SizeInGiB: 21},
		Attributes:       []ecstypes.Attribute{{Name: aws.String("ecs.cpu-architecture"), Value: aws.String("x86_64")}},
	}
	if edit != nil {
		edit(&t)
	}
	return t
}

func TestStoppedTasksAreSettledOnce(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.stopped = []ecstypes.Task{
		stoppedTask("a", nil),
		stoppedTask("b", func(t *ecstypes.Task) {
			t.CapacityProviderName, t.StopCode = aws.String("FARGATE_SPOT"), ecstypes.TaskStopCodeSpotInterruption
			t.Attributes[0].Value = aws.String("arm64")
		}),
		stoppedTask("c", func(t *ecstypes.Task) { t.PullStartedAt, t.StopCode = nil, ecstypes.TaskStopCodeTaskFailedToStart }),
		stoppedTask("d", func(t *ecstypes.Task) { t.LastStatus, t.StoppedAt = aws.String("DEPROVISIONING"), nil }),
		stoppedTask("e", func(t *ecstypes.Task) { t.Cpu, t.Memory, t.EphemeralStorage = aws.String("much"), nil, nil }),
	}
	f := open(t, c, nil)
	end := store.WorkerEnd{
		PullStarted: noon, Stopped: noon.Add(time.Hour), Provider: "FARGATE", Arch: "X86_64",
		VCPUMilli: 250, MemoryMiB: 512, DiskGiB: 21, Code: "ServiceSchedulerInitiated",
	}
	a, b, unpulled, odd := end, end, end, end
	b.Provider, b.Arch, b.Code = "FARGATE_SPOT", "ARM64", "SpotInterruption"
	unpulled.PullStarted, unpulled.Code = time.Time{}, "TaskFailedToStart"
	odd.VCPUMilli, odd.MemoryMiB, odd.DiskGiB = 0, 0, 0
	want := map[string]store.WorkerEnd{"a": a, "b": b, "c": unpulled, "e": odd}
	for range 2 {
		if err := f.Settler.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, c.ends); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		c.endErr = errors.New("the settled ones are noted again") // which the second pass must not do
		c.stopped[3] = stoppedTask("a", nil)
	}
}

func TestSettlingIsPartOfObservingAndNeverStopsIt(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.stopped = []ecstypes.Task{stoppedTask("a", nil)}
	c.endErr = errors.New("the table is throttled")
	f := open(t, c, nil)
	observe := func(now time.Time, lists int) {
		t.Helper()
		if _, err := f.Observer.Observe(t.Context(), now, autoscale.Standing{}); err != nil {
			t.Error(err)
		}
		if c.lists != lists {
			t.Errorf("%d lists of tasks, want %d", c.lists, lists)
		}
	}
	observe(noon, 1)
	observe(noon.Add(30*time.Second), 1)
	c.endErr = nil
	observe(noon.Add(61*time.Second), 2)
	if len(c.ends) != 1 {
		t.Errorf("%d ends noted, want the one that failed before", len(c.ends))
	}
}

func TestADryRunNotesNoEnds(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.stopped = []ecstypes.Task{stoppedTask("a", nil)}
	f := open(t, c, func(cfg *fleet.Config) { cfg.ReadOnly = true })
	if _, err := f.Observer.Observe(t.Context(), noon, autoscale.Standing{}); err != nil || len(c.ends) != 0 || c.lists != 0 {
		t.Errorf("%d ends noted after %d lists of tasks: %v", len(c.ends), c.lists, err)
	}
}
