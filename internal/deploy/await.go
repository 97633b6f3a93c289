package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/awserr"
)

// NoHelloError says that no worker of the new revision has said hello.
type NoHelloError struct {
	// After is how long was waited.
	After time.Duration
	// Reasons are ECS's words for tasks that have stopped or could not be started, the newest first.
	Reasons []string
	// Advice explains them.
	Advice awserr.Advice
}

// Error says it, with the first reason.
func (e *NoHelloError) Error() string {
	text := fmt.Sprintf("no worker has said hello within %v", e.After.Round(time.Second))
	if e.Advice.What != "" {
		text += ": " + e.Advice.What
	}
	if len(e.Reasons) > 0 {
		text += fmt.Sprintf(" (ECS: %s)", e.Reasons[0])
	}
	return text
}

// stoppedEnough is after how many tasks that ended before they said anything no more are waited for.
const stoppedEnough = 3

// await waits for the first hello.
func (d *deployment) await(ctx context.Context) (worker string, err error) {
	deadline := d.began.Add(d.Wait)
	tick := time.NewTicker(d.Every)
	defer tick.Stop()
	for {
		s, err := d.survey(ctx)
		if err != nil {
			return "", err
		}
		worker, err := d.hello(ctx, s)
		if worker != "" || err != nil {
			return worker, err
		}
		now := d.Now()
		// An image that is not there, or not for this architecture, will not be at the next try either.
		hopeless := s.advice.Kind == awserr.ImageAbsent || s.advice.Kind == awserr.WrongArch
		if s.stopped >= stoppedEnough || hopeless && s.stopped > 0 || !now.Before(deadline) {
			return "", &NoHelloError{After: now.Sub(d.began), Reasons: s.reasons, Advice: s.advice}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for a worker: %w", context.Cause(ctx))
		}
	}
}

// survey is what ECS says of the revision's tasks.
type survey struct {
	mine, others map[string]bool // by the task's id
	stopped      int             // of mine
	reasons      []string
	advice       awserr.Advice
}

func (s *survey) reason(text string) {
	s.reasons = append(s.reasons, text)
	if a := awserr.ExplainTask(text); s.advice.Kind == awserr.Unknown {
		s.advice = a
	}
}

func (d *deployment) survey(ctx context.Context) (*survey, error) {
	s := &survey{mine: map[string]bool{}, others: map[string]bool{}}
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		if err := d.tasks(ctx, s, status); err != nil {
			return nil, err
		}
	}
	services, err := describe(ctx, d.ECS, d.Site)
	if err != nil {
		return nil, err
	}
	// Without a single task, what hinders is among the service's events.
	for _, e := range services[0].Events {
		text := aws.ToString(e.Message)
		if e.CreatedAt != nil && !e.CreatedAt.Before(d.began) && awserr.ExplainTask(text).Kind != awserr.Unknown {
			s.reason(text)
		}
	}
	return s, nil
}

func (d *deployment) tasks(ctx context.Context, s *survey, status types.DesiredStatus) error {
	for _, sv := range d.Site.serviceNames() {
		// One page of 100 is enough to find one that says hello, and three that do not.
		list, err := d.ECS.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &d.Site.Cluster, ServiceName: &sv, DesiredStatus: status})
		if err != nil {
			return fmt.Errorf("list the tasks of service %s: %w", sv, err)
		}
		if len(list.TaskArns) == 0 {
			continue
		}
		out, err := d.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.Site.Cluster, Tasks: list.TaskArns})
		if err != nil {
			return fmt.Errorf("describe the tasks of service %s: %w", sv, err)
		}
		for i := range out.Tasks {
			s.see(&out.Tasks[i], d.revision)
		}
	}
	return nil
}

func (s *survey) see(t *types.Task, revision string) {
	id := lastPart(aws.ToString(t.TaskArn))
	if aws.ToString(t.TaskDefinitionArn) != revision {
		s.others[id] = true
		return
	}
	s.mine[id] = true
	if aws.ToString(t.LastStatus) != "STOPPED" {
		return
	}
	s.stopped++
	reason := aws.ToString(t.StoppedReason)
	for _, c := range t.Containers {
		if c.Reason != nil {
			reason = *c.Reason
		} else if c.ExitCode != nil {
			reason = fmt.Sprintf("%s, exit code %d", cmp.Or(reason, "the container has ended"), *c.ExitCode)
		}
	}
	s.reason(reason)
}

// hello looks for a worker of the revision among the ledgers. A worker's name is its task's; where ECS shows no task of
// that name, one that began after the deploy is taken to be of it.
func (d *deployment) hello(ctx context.Context, s *survey) (string, error) {
	ledgers, err := d.Workers.Ledgers(ctx, cmp.Or(d.Site.Fleet, "default"))
	if err != nil {
		return "", err
	}
	for i := range ledgers {
		l := &ledgers[i]
		switch {
		case s.mine[l.Worker] && !l.Updated.IsZero():
			return l.Worker, nil
		case !s.others[l.Worker] && len(s.mine) == 0 && l.Started.After(d.began):
			return l.Worker, nil
		}
	}
	return "", nil
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// AdviceOf returns what is to be done about a deploy that failed.
func AdviceOf(err error) awserr.Advice {
	if e, ok := errors.AsType[*NoHelloError](err); ok && e.Advice.Kind != awserr.Unknown {
		return e.Advice
	}
	return awserr.Explain(err)
}
