package burst

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// A fleet is in a crash loop when quickDeaths tasks in a row ended by
// themselves within quickDeath of their start and nothing was settled meanwhile.
const (
	quickDeaths = 5
	quickDeath  = 5 * time.Second
)

// crashLoop returns an error when the laptop's workers only start to die, so
// that a wrong command does not become an endless wait. Where settled is not above zero, the job's ledgers say whether they do.
func (s *Session) crashLoop(ctx context.Context, job store.Job, settled int) error {
	if s.endpoint == nil || settled > 0 {
		return nil
	}
	list, err := s.clients.ECS.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &s.stack.Cluster, ServiceName: &s.stack.Service, DesiredStatus: types.DesiredStatusStopped,
	})
	if err != nil || len(list.TaskArns) < quickDeaths {
		return nil //nolint:nilerr // the next look may do better
	}
	tasks, err := s.clients.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.stack.Cluster, Tasks: list.TaskArns})
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	deaths, reason := 0, ""
	for _, t := range tasks.Tasks {
		if t.StopCode == types.TaskStopCodeEssentialContainerExited && t.StartedAt != nil && t.StoppedAt != nil &&
			t.StartedAt.After(s.opened) && t.StoppedAt.Sub(*t.StartedAt) < quickDeath {
			deaths++
			reason = aws.ToString(t.StoppedReason)
		}
	}
	if deaths < quickDeaths {
		return nil
	}
	if n, err := s.reported(ctx, job); job.ID != "" && (err != nil || n > 0) {
		return nil //nolint:nilerr // as above
	}
	return fmt.Errorf("the workers do not stay up: %w", exit.Errorf(exit.Failed, "%d ended within seconds of their start; the last one: %s", deaths, strings.TrimSpace(reason)))
}

// Crashed returns an error when the laptop's workers have only started to die since
// the session was opened; for callers that wait for results without Follow.
func (s *Session) Crashed(ctx context.Context) error { return s.crashLoop(ctx, store.Job{}, 0) }
