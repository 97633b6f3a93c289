package quota_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"

	"github.com/starburst-go/starburst/internal/quota"
)

// account is an AWS account in memory.
type account struct {
	now time.Time

	limit    float64
	limitErr error
	points   map[string]map[time.Time]float64 // by class
	usageErr error
	status   cwtypes.StatusCode
	requests []types.RequestedServiceQuotaChange
	raiseErr error

	clusters map[string][]ecstypes.Task
	ecsErr   error

	limitCalls, usageCalls int
	asked                  []*cloudwatch.GetMetricDataInput
}

var noon = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

func newAccount() *account {
	return &account{now: noon, limit: 100, status: cwtypes.StatusCodeComplete, points: map[string]map[time.Time]float64{}}
}

func (a *account) reader(t *testing.T, edit func(*quota.Config)) *quota.Reader {
	t.Helper()
	c := quota.Config{Limits: a, Usage: a, ECS: a, Now: func() time.Time { return a.now }}
	if edit != nil {
		edit(&c)
	}
	r, err := quota.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (a *account) GetServiceQuota(ctx context.Context, in *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	a.limitCalls++
	if err := errors.Join(context.Cause(ctx), a.limitErr); err != nil {
		return nil, err
	}
	if aws.ToString(in.ServiceCode) != "fargate" || aws.ToString(in.QuotaCode) != "L-3032A538" && aws.ToString(in.QuotaCode) != "L-36FBB829" {
		return nil, fmt.Errorf("asked for %s %s", aws.ToString(in.ServiceCode), aws.ToString(in.QuotaCode))
	}
	return &servicequotas.GetServiceQuotaOutput{Quota: &types.ServiceQuota{Value: &a.limit}}, nil
}

// ListRequestedServiceQuotaChangeHistoryByQuota has a page for each request.
func (a *account) ListRequestedServiceQuotaChangeHistoryByQuota(_ context.Context, in *servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaOutput, error) {
	page := len(aws.ToString(in.NextToken))
	out := &servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaOutput{}
	if page < len(a.requests) {
		out.RequestedQuotas = a.requests[page : page+1]
	}
	if page+1 < len(a.requests) {
		out.NextToken = aws.String(aws.ToString(in.NextToken) + "x")
	}
	return out, nil
}

func (a *account) RequestServiceQuotaIncrease(_ context.Context, in *servicequotas.RequestServiceQuotaIncreaseInput, _ ...func(*servicequotas.Options)) (*servicequotas.RequestServiceQuotaIncreaseOutput, error) {
	if a.raiseErr != nil {
		return nil, a.raiseErr
	}
	r := types.RequestedServiceQuotaChange{Id: aws.String("r1"), Status: types.RequestStatusPending, DesiredValue: in.DesiredValue, Created: &a.now, QuotaCode: in.QuotaCode}
	a.requests = append(a.requests, r)
	return &servicequotas.RequestServiceQuotaIncreaseOutput{RequestedQuota: &r}, nil
}

func (a *account) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	a.usageCalls++
	a.asked = append(a.asked, in)
	if a.usageErr != nil {
		return nil, a.usageErr
	}
	res := cwtypes.MetricDataResult{StatusCode: a.status}
	for _, d := range in.MetricDataQueries[0].MetricStat.Metric.Dimensions {
		for at, v := range a.points[aws.ToString(d.Value)] {
			if !at.Before(*in.StartTime) && at.Before(*in.EndTime) {
				res.Timestamps, res.Values = append(res.Timestamps, at), append(res.Values, v)
			}
		}
	}
	return &cloudwatch.GetMetricDataOutput{MetricDataResults: []cwtypes.MetricDataResult{res}}, nil
}

func (a *account) ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	out := &ecs.ListClustersOutput{}
	for c := range a.clusters {
		out.ClusterArns = append(out.ClusterArns, c)
	}
	return out, a.ecsErr
}

// ListTasks has two tasks a page.
func (a *account) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	out := &ecs.ListTasksOutput{}
	from := len(aws.ToString(in.NextToken))
	for i, t := range a.clusters[*in.Cluster] {
		if i >= from && i < from+2 {
			out.TaskArns = append(out.TaskArns, *t.TaskArn)
		}
	}
	if from+2 < len(a.clusters[*in.Cluster]) {
		out.NextToken = aws.String(aws.ToString(in.NextToken) + "xx")
	}
	return out, nil
}

func (a *account) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	out := &ecs.DescribeTasksOutput{}
	for _, arn := range in.Tasks {
		for _, t := range a.clusters[*in.Cluster] {
			if *t.TaskArn == arn {
				out.Tasks = append(out.Tasks, t)
			}
		}
	}
	return out, nil
}

// task makes a task of ECS.
func task(arn, cpu, status string, edit func(*ecstypes.Task)) ecstypes.Task {
	t := ecstypes.Task{TaskArn: &arn, Cpu: &cpu, LastStatus: &status, LaunchType: ecstypes.LaunchTypeFargate}
	if edit != nil {
		edit(&t)
	}
	return t
}

var denied = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}
