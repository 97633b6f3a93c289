package quota

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/starburst-go/starburst/internal/awserr"
)

// limit asks Service Quotas for the applied value. Not for the default: it is not what a new account has.
func (r *Reader) limit(ctx context.Context, k Kind) Figure {
	out, err := r.cfg.Limits.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{
		ServiceCode: aws.String(ServiceCode), QuotaCode: aws.String(k.Code()),
	})
	switch {
	case err != nil && awserr.IsAccess(err):
		return unknown("Service Quotas refuses to tell (servicequotas:GetServiceQuota): %v", err)
	case err != nil:
		if _, none := errors.AsType[*types.NoSuchResourceException](err); none {
			return unknown("Service Quotas has no applied value of %s for this account and Region", k.Code())
		}
		return unknown("ask Service Quotas for %s: %v", k.Code(), err)
	case out.Quota == nil || out.Quota.Value == nil:
		return unknown("Service Quotas answers without a value of %s", k.Code())
	}
	return known(*out.Quota.Value, r.cfg.Now(), "Service Quotas")
}

// window is how far back data points of the usage are looked for; what is older tells nothing of now.
const window = 15 * time.Minute

// usage asks CloudWatch, and counts in ECS where CloudWatch has nothing.
func (r *Reader) usage(ctx context.Context, k Kind) Figure {
	end := r.cfg.Now().UTC().Truncate(time.Minute).Add(time.Minute)
	out, err := r.cfg.Usage.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(end.Add(-window - time.Minute)), EndTime: aws.Time(end), ScanBy: cwtypes.ScanByTimestampDescending,
		MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("used"), MetricStat: &cwtypes.MetricStat{
			Metric: UsageMetric(k), Period: aws.Int32(60), Stat: aws.String("Maximum"),
		}}},
	})
	switch {
	case err != nil && awserr.IsAccess(err):
		return unknown("CloudWatch refuses to tell (cloudwatch:GetMetricData): %v", err)
	case err != nil:
		return unknown("ask CloudWatch for the %s vCPUs in use: %v", k, err)
	}
	for _, res := range out.MetricDataResults {
		switch {
		case res.StatusCode != cwtypes.StatusCodeComplete && res.StatusCode != cwtypes.StatusCodePartialData:
			return unknown("CloudWatch answers %q for the %s vCPUs in use", res.StatusCode, k)
		case len(res.Values) > 0 && len(res.Timestamps) == len(res.Values):
			return newest(res)
		}
	}
	if r.cfg.ECS == nil {
		return unknown("CloudWatch has no data point of the last %v", window)
	}
	vcpu, err := count(ctx, r.cfg.ECS, k)
	if err != nil {
		return unknown("CloudWatch has no data point of the last %v, and the tasks cannot be counted in ECS: %v", window, err)
	}
	return known(vcpu, r.cfg.Now(), "tasks in ECS")
}

// UsageMetric is the metric of the vCPUs that anybody's tasks and pods of the kind have.
func UsageMetric(k Kind) *cwtypes.Metric {
	dim := func(name, value string) cwtypes.Dimension {
		return cwtypes.Dimension{Name: &name, Value: &value}
	}
	return &cwtypes.Metric{
		Namespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount"),
		Dimensions: []cwtypes.Dimension{
			dim("Service", "Fargate"), dim("Type", "Resource"), dim("Resource", "vCPU"), dim("Class", k.Class()),
		},
	}
}

// newest is the youngest point, in whatever order they come.
func newest(res cwtypes.MetricDataResult) Figure {
	at := 0
	for i, t := range res.Timestamps {
		if t.After(res.Timestamps[at]) {
			at = i
		}
	}
	return known(res.Values[at], res.Timestamps[at], "CloudWatch")
}

// known believes a figure only if it can be one.
func known(vcpu float64, at time.Time, source string) Figure {
	if math.IsNaN(vcpu) || vcpu < 0 || vcpu > maxVCPU {
		return unknown("%s says %v vCPUs, which cannot be", source, vcpu)
	}
	return Figure{VCPU: vcpu, Known: true, At: at, Source: source}
}

func unknown(format string, args ...any) Figure { return Figure{Why: fmt.Sprintf(format, args...)} }
