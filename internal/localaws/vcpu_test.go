package localaws_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/quota"
)

func withQuota(vcpu float64) localawstest.Option {
	return localawstest.WithConfig(func(c *localaws.Config) { c.VCPUQuota = vcpu })
}

// clients are those of package quota: what it reads here, it reads on AWS.
func quotaReader(t *testing.T, srv *localaws.Server) (*quota.Reader, *servicequotas.Client, aws.Config) {
	t.Helper()
	cfg := localawstest.AWSConfig(t, srv)
	limits := servicequotas.NewFromConfig(cfg)
	r, err := quota.New(quota.Config{Limits: limits, Usage: cloudwatch.NewFromConfig(cfg), LimitEvery: time.Nanosecond, UsageEvery: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return r, limits, cfg
}

func TestTheQuotaAndItsUseThroughTheSDK(t *testing.T) {
	t.Parallel()
	r, _, cfg := quotaReader(t, localawstest.Start(t, withQuota(6)))
	api, ctx := ecs.NewFromConfig(cfg), t.Context()
	if _, err := api.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("c"), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("sleep"), Cpu: aws.String("512"), Memory: aws.String("1024"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("w"), Image: aws.String("local"), Command: []string{"sleep", "60"}}},
	}); err != nil {
		t.Fatal(err)
	}
	run := func(provider string, n int32) {
		t.Helper()
		if _, err := api.RunTask(ctx, &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("sleep"), Count: &n,
			CapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: &provider, Weight: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	run("FARGATE", 3)
	run("FARGATE_SPOT", 1)
	for kind, used := range map[quota.Kind]float64{quota.OnDemand: 1.5, quota.Spot: .5} {
		q, err := r.Read(ctx, kind)
		left, known := q.Available()
		if err != nil || !known || q.Limit.VCPU != 6 || q.Used.VCPU != used || left != 6-used || q.Used.Source != "CloudWatch" {
			t.Errorf("%s: %+v (%s), %v", kind, q, q.Why(), err)
		}
	}
}

func TestAnEndpointWithoutAQuotaHasNone(t *testing.T) {
	t.Parallel()
	r, _, _ := quotaReader(t, localawstest.Start(t))
	q, err := r.Read(t.Context(), quota.OnDemand)
	if err != nil || q.Limit.Known || !strings.Contains(q.Why(), "no applied value") || !q.Used.Known {
		t.Errorf("%+v, %v", q, err)
	}
}

// The endpoint is started again in between: requests are state like any other.
func TestRaisesArePendingForGood(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	first, err := localaws.Start(ctx, localaws.Config{Dir: dir, VCPUQuota: 6})
	if err != nil {
		t.Fatal(err)
	}
	_, api, _ := quotaReader(t, first)
	limit := quota.Figure{VCPU: 6, Known: true}
	filed, err := quota.Raise(ctx, api, quota.OnDemand, limit, 100)
	if err != nil || filed.Status != "PENDING" || filed.VCPU != 100 || time.Since(filed.Created) > time.Hour {
		t.Fatalf("%+v, %v", filed, err)
	}
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}
	_, api, _ = quotaReader(t, localawstest.Start(t, localawstest.WithDir(dir), withQuota(6)))
	_, err = quota.Raise(ctx, api, quota.OnDemand, limit, 200)
	if dup, ok := errors.AsType[*quota.DuplicateError](err); !ok || cmp.Diff(filed, dup.Open) != "" {
		t.Errorf("a second request: %v", err)
	}
	// Who does not look first is refused by the service itself.
	_, err = api.RequestServiceQuotaIncrease(ctx, &servicequotas.RequestServiceQuotaIncreaseInput{
		ServiceCode: aws.String("fargate"), QuotaCode: aws.String("L-3032A538"), DesiredValue: aws.Float64(200)})
	wantCode(t, err, "ResourceAlreadyExistsException")
	if _, err := quota.Raise(ctx, api, quota.Spot, limit, 12); err != nil {
		t.Errorf("the other quota: %v", err)
	}
	all, err := quota.Requests(ctx, api, quota.OnDemand)
	if diff := cmp.Diff([]quota.Request{filed}, all); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestQuotasAndMetricsThatAreNotHere(t *testing.T) {
	t.Parallel()
	_, api, cfg := quotaReader(t, localawstest.Start(t, withQuota(6)))
	watch, ctx := cloudwatch.NewFromConfig(cfg), t.Context()
	_, err := api.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")})
	wantCode(t, err, "NoSuchResourceException")
	_, err = api.RequestServiceQuotaIncrease(ctx, &servicequotas.RequestServiceQuotaIncreaseInput{
		ServiceCode: aws.String("fargate"), QuotaCode: aws.String("L-3032A538"), DesiredValue: aws.Float64(6)})
	wantCode(t, err, "IllegalArgumentException")
	_, err = api.ListServices(ctx, &servicequotas.ListServicesInput{})
	wantCode(t, err, "UnknownOperationException")
	_, err = watch.ListMetrics(ctx, &cloudwatch.ListMetricsInput{})
	wantCode(t, err, "UnknownOperationException")

	ask := func(change func(*cloudwatch.GetMetricDataInput)) (*cloudwatch.GetMetricDataOutput, error) {
		in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Minute)),
			MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("q"), MetricStat: &cwtypes.MetricStat{
				Metric: quota.UsageMetric(quota.Spot), Period: aws.Int32(60), Stat: aws.String("Maximum")}}}}
		change(in)
		return watch.GetMetricData(ctx, in)
	}
	for because, change := range map[string]func(*cloudwatch.GetMetricDataInput){
		"a dimension is missing": func(in *cloudwatch.GetMetricDataInput) {
			m := in.MetricDataQueries[0].MetricStat.Metric
			m.Dimensions = m.Dimensions[:3]
		},
		"another service's": func(in *cloudwatch.GetMetricDataInput) {
			in.MetricDataQueries[0].MetricStat.Metric.Dimensions[0].Value = aws.String("EC2")
		},
		"nothing is known of yesterday": func(in *cloudwatch.GetMetricDataInput) {
			in.StartTime, in.EndTime = aws.Time(time.Now().Add(-48*time.Hour)), aws.Time(time.Now().Add(-24*time.Hour))
		},
	} {
		out, err := ask(change)
		if err != nil || len(out.MetricDataResults) != 1 || len(out.MetricDataResults[0].Values) != 0 || out.MetricDataResults[0].StatusCode != cwtypes.StatusCodeComplete {
			t.Errorf("%s: %+v, %v", because, out, err)
		}
	}
	_, err = ask(func(in *cloudwatch.GetMetricDataInput) { in.StartTime = in.EndTime })
	wantCode(t, err, "InvalidParameterValueException")
	_, err = ask(func(in *cloudwatch.GetMetricDataInput) {
		in.MetricDataQueries[0] = cwtypes.MetricDataQuery{Id: aws.String("e"), Expression: aws.String("1+1")}
	})
	wantCode(t, err, "InvalidParameterValueException")
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != code {
		t.Errorf("%v, want %s", err, code)
	}
}
