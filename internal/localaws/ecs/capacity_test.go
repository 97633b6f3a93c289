//go:build unix

package ecs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

func TestTasksBeyondTheQuotaAreNotPlaced(t *testing.T) {
	t.Parallel()
	l := setup(t, func(o *Options) { o.VCPUQuota = 2 })
	l.create(t, "worker", 3)
	l.counts(t, "worker", 2)
	v := l.describe(t, "worker")
	if v.DesiredCount != 3 || v.PendingCount != 0 {
		t.Errorf("%d wanted, %d pending; want 3 and 0: what has no place is no task", v.DesiredCount, v.PendingCount)
	}
	told := 0
	for _, e := range v.Events {
		if strings.Contains(*e.Message, "(service worker) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d events say that a task was not placed, want 1", told)
	}

	_, err := l.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("worker")})
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "ClientException" || !strings.Contains(refused.ErrorMessage(), "number of vCPUs") {
		t.Errorf("RunTask beyond the quota: %v", err)
	}

	l.scale(t, "worker", 1)
	l.counts(t, "worker", 1)
	out := must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("worker"), Count: aws.Int32(2)}))
	if len(out.Tasks) != 1 || len(out.Failures) != 1 {
		t.Errorf("%d tasks and %d failures where one has a place, want 1 and 1", len(out.Tasks), len(out.Failures))
	}
}

func TestSpotInterruptsWithNotice(t *testing.T) {
	t.Parallel()
	l := setup(t, func(o *Options) { o.SpotLife = time.Millisecond })
	l.define(t, "stubborn", func(d *containerDefinition) { d.StopTimeout = new(int32(1)) })
	must[*sdk.RunTaskOutput](t)(l.RunTask(t.Context(), &sdk.RunTaskInput{
		TaskDefinition: aws.String("stubborn"), CapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: 1}},
	}))
	eventually(t, "it has ended", func() bool {
		return len(l.tasks(t, "STOPPED")) == 1 && *l.tasks(t, "STOPPED")[0].LastStatus == "STOPPED"
	})
	task := l.tasks(t, "STOPPED")[0]
	if task.StopCode != types.TaskStopCodeSpotInterruption || *task.StoppedReason != "Your Spot Task was interrupted." || *task.CapacityProviderName != "FARGATE_SPOT" {
		t.Errorf("%s, %q on %s", task.StopCode, *task.StoppedReason, *task.CapacityProviderName)
	}
}
