package quota_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/quota"
)

func onSpot(t *ecstypes.Task) { t.CapacityProviderName = aws.String("FARGATE_SPOT") }

func TestWhatIsReadAndWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	minute := noon.Truncate(time.Minute)
	limit := quota.Figure{VCPU: 100, Known: true, At: noon, Source: "Service Quotas"}
	for _, c := range []struct {
		because string
		kind    quota.Kind
		edit    func(*account)
		limit   quota.Figure
		used    quota.Figure
		why     string
	}{
		{because: "the youngest point counts, in whatever order they come", kind: quota.OnDemand, edit: func(a *account) {
			a.points["Standard/OnDemand"] = map[time.Time]float64{minute.Add(-4 * time.Minute): 70, minute.Add(-2 * time.Minute): 12.5, minute.Add(-3 * time.Minute): 80}
			a.points["Standard/Spot"] = map[time.Time]float64{minute: 9}
		}, limit: limit, used: quota.Figure{VCPU: 12.5, Known: true, At: minute.Add(-2 * time.Minute), Source: "CloudWatch"}},
		{because: "Spot is counted for itself", kind: quota.Spot, edit: func(a *account) {
			a.points["Standard/OnDemand"] = map[time.Time]float64{minute: 70}
			a.points["Standard/Spot"] = map[time.Time]float64{minute: 9}
		}, limit: limit, used: quota.Figure{VCPU: 9, Known: true, At: minute, Source: "CloudWatch"}},
		{because: "an account where nothing runs has no points: its tasks are counted", kind: quota.OnDemand, edit: func(*account) {},
			limit: limit, used: quota.Figure{Known: true, At: noon, Source: "tasks in ECS"}},
		{because: "the tasks that count are Fargate's, of this kind, not yet stopped, on all pages", kind: quota.OnDemand, edit: func(a *account) {
			a.clusters = map[string][]ecstypes.Task{
				"one": {task("a", "1024", "RUNNING", nil), task("b", "512", "PENDING", nil), task("c", "1024", "RUNNING", onSpot), task("d", "256", "PROVISIONING", nil)},
				"two": {task("e", "4096", "STOPPED", nil), task("f", "1024", "RUNNING", func(t *ecstypes.Task) { t.LaunchType = ecstypes.LaunchTypeEc2 })},
			}
		}, limit: limit, used: quota.Figure{VCPU: 1.75, Known: true, At: noon, Source: "tasks in ECS"}},
		{because: "points of yesterday say nothing", kind: quota.OnDemand, edit: func(a *account) {
			a.points["Standard/OnDemand"] = map[time.Time]float64{minute.Add(-time.Hour): 70}
			a.ecsErr = denied
		}, limit: limit, why: "what is used is not known: CloudWatch has no data point of the last 15m0s, and the tasks cannot be counted"},
		{because: "a task whose size makes no sense is not skipped", kind: quota.OnDemand, edit: func(a *account) {
			a.clusters = map[string][]ecstypes.Task{"one": {task("a", "much", "RUNNING", nil)}}
		}, limit: limit, why: `task a has cpu "much"`},
		{because: "no permission, no limit", kind: quota.OnDemand, edit: func(a *account) { a.limitErr = denied },
			used: quota.Figure{Known: true, At: noon, Source: "tasks in ECS"}, why: "servicequotas:GetServiceQuota"},
		{because: "no applied value is no reason to assume the default", kind: quota.OnDemand, edit: func(a *account) { a.limitErr = &types.NoSuchResourceException{} },
			used: quota.Figure{Known: true, At: noon, Source: "tasks in ECS"}, why: "no applied value of L-3032A538"},
		{because: "a limit that cannot be is none", kind: quota.OnDemand, edit: func(a *account) { a.limit = -1 },
			used: quota.Figure{Known: true, At: noon, Source: "tasks in ECS"}, why: "which cannot be"},
		{because: "no permission, no usage; ECS is not asked instead", kind: quota.Spot, edit: func(a *account) { a.usageErr = denied },
			limit: limit, why: "cloudwatch:GetMetricData"},
		{because: "an error in the answer is one", kind: quota.Spot, edit: func(a *account) { a.status = cwtypes.StatusCodeInternalError },
			limit: limit, why: "InternalError"},
	} {
		a := newAccount()
		c.edit(a)
		q, err := a.reader(t, nil).Read(t.Context(), c.kind)
		if err != nil {
			t.Fatalf("%s: %v", c.because, err)
		}
		if !strings.Contains(q.Why(), c.why) || q.Known() != (c.why == "") {
			t.Errorf("%s: known %v, %q, want %q", c.because, q.Known(), q.Why(), c.why)
		}
		q.Limit.Why, q.Used.Why = "", ""
		if diff := cmp.Diff(quota.Quota{Kind: c.kind, Limit: c.limit, Used: c.used}, q); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

// The dimensions are those of the ECS developer guide's page on usage metrics; a wrong one finds nothing.
func TestTheUsageIsAskedForAsDocumented(t *testing.T) {
	t.Parallel()
	a := newAccount()
	if _, err := a.reader(t, nil).Read(t.Context(), quota.Spot); err != nil {
		t.Fatal(err)
	}
	m := a.asked[0].MetricDataQueries[0].MetricStat
	got := map[string]string{"Namespace": *m.Metric.Namespace, "MetricName": *m.Metric.MetricName}
	for _, d := range m.Metric.Dimensions {
		got[*d.Name] = *d.Value
	}
	want := map[string]string{"Namespace": "AWS/Usage", "MetricName": "ResourceCount", "Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/Spot"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnswersAreKeptForAsLongAsTheyAreGood(t *testing.T) {
	t.Parallel()
	a := newAccount()
	r := a.reader(t, nil)
	read := func() quota.Quota {
		t.Helper()
		q, err := r.Read(t.Context(), quota.OnDemand)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	calls := func(limit, usage int) {
		t.Helper()
		if a.limitCalls != limit || a.usageCalls != usage {
			t.Errorf("at %v: %d calls for the limit and %d for the usage, want %d and %d", a.now.Sub(noon), a.limitCalls, a.usageCalls, limit, usage)
		}
	}
	read()
	a.now = noon.Add(59 * time.Second)
	read()
	calls(1, 1)
	a.now = noon.Add(time.Minute)
	read()
	calls(1, 2)
	a.now = noon.Add(5 * time.Minute)
	read()
	calls(2, 3)

	// A failure leaves the last figures in force until they are 15 minutes old.
	a.limitErr, a.usageErr = errors.New("down"), errors.New("down")
	a.now = noon.Add(20 * time.Minute)
	if q := read(); !q.Known() || !q.Limit.At.Equal(noon.Add(5*time.Minute)) {
		t.Errorf("after 15 minutes: %+v", q)
	}
	a.now = noon.Add(26 * time.Minute)
	if q := read(); q.Limit.Known || q.Used.Known || !strings.Contains(q.Why(), "down") {
		t.Errorf("after 21 minutes: %+v", q)
	}
	before := a.limitCalls
	a.now = noon.Add(27 * time.Minute)
	a.limitErr, a.usageErr = nil, nil
	if q := read(); !q.Known() || a.limitCalls != before+1 {
		t.Errorf("an unknown limit is not asked for again after a minute: %+v", q)
	}
}

// hung is Service Quotas behind a network that swallows what is sent.
type hung struct{ *account }

func (hung) GetServiceQuota(ctx context.Context, _ *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAServiceThatHangsIsLeftAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount()
		r := a.reader(t, func(c *quota.Config) { c.Limits = hung{a} })
		for range 2 { // the second time it is not yet asked again
			q, err := r.Read(t.Context(), quota.OnDemand)
			if err != nil || q.Limit.Known || !q.Used.Known {
				t.Errorf("%+v, %v", q, err)
			}
		}
		if took := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnOperatorsOwnLimitAsksNobody(t *testing.T) {
	t.Parallel()
	r, err := quota.New(quota.Config{VCPU: 6})
	if err != nil {
		t.Fatal(err)
	}
	q, err := r.Read(t.Context(), quota.Spot)
	own := quota.Figure{VCPU: 6, Known: true, Source: "set by you"}
	want := quota.Quota{Kind: quota.Spot, Limit: own, Used: quota.Figure{Known: true, Source: "set by you"}}
	if left, known := q.Available(); err != nil || left != 6 || !known || cmp.Diff(want, q) != "" {
		t.Errorf("%v of %+v, %v", left, q, err)
	}
}

func TestTheEndOfTheContextIsTheOnlyError(t *testing.T) {
	t.Parallel()
	a := newAccount()
	r := a.reader(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx, quota.OnDemand); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if q, err := r.Read(t.Context(), quota.OnDemand); err != nil || !q.Known() {
		t.Errorf("the next caller is told %+v, %v", q, err)
	}
}

func TestMoreUsedThanAllowedLeavesNothing(t *testing.T) {
	t.Parallel()
	q := quota.Quota{Limit: quota.Figure{VCPU: 6, Known: true}, Used: quota.Figure{VCPU: 8, Known: true}}
	if left, known := q.Available(); left != 0 || !known {
		t.Errorf("%v, %v", left, known)
	}
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]quota.Config{
		"clients": {}, "VCPU is -1": {VCPU: -1}, "negative": {VCPU: 1, Keep: -1},
	} {
		if _, err := quota.New(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestOwnLimitsAreNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"": 0, "0": 0, "6": 6, "0.5": .5} {
		if got, err := quota.ParseVCPU(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "NaN", "inf", "six", "1e300"} {
		if _, err := quota.ParseVCPU(text); err == nil || !strings.Contains(err.Error(), quota.EnvVCPU) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
