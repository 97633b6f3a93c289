package iamcheck_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/doctor"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

var _ http.Handler = (*account)(nil)

// account answers for the services that the embedded endpoint lacks, and hands on the rest.
type account struct {
	endpoint *httputil.ReverseProxy
}

func newAccount(endpoint *url.URL) *account {
	return &account{endpoint: &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(endpoint); p.Out.Host = endpoint.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signed := func(service string) bool {
		return strings.Contains(r.Header.Get("Authorization"), "/"+service+"/aws4_request")
	}
	switch {
	case signed("sts"):
		_, _ = io.WriteString(w, `<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account></GetCallerIdentityResult></R>`)
	case signed("ec2"):
		_, _ = io.WriteString(w, `<R><subnetSet><item><subnetId>subnet-1</subnetId><availableIpAddressCount>250</availableIpAddressCount></item></subnetSet></R>`)
	case signed("iam"):
		_ = r.ParseForm() // a form that is none has no actions
		_, _ = io.WriteString(w, `<R><SimulatePrincipalPolicyResult><EvaluationResults>`)
		for i := 1; r.PostForm.Get(fmt.Sprintf("ActionNames.member.%d", i)) != ""; i++ {
			_, _ = io.WriteString(w, `<member><EvalDecision>allowed</EvalDecision></member>`)
		}
		_, _ = io.WriteString(w, `</EvaluationResults></SimulatePrincipalPolicyResult></R>`)
	case signed("ssm"):
		_, _ = io.WriteString(w, `{"Parameter":{"Value":"{\"schema\":1,\"name\":\"lab\"}"}}`)
	case signed("ecr"):
		_, _ = io.WriteString(w, `{"authorizationData":[{"authorizationToken":"QVdTOng="}]}`)
	default:
		a.endpoint.ServeHTTP(w, r)
	}
}

// person is somebody with a policy of the module's.
type person struct {
	site    deploy.Site
	clients *stack.Clients
	ask     *awscall.Caller
	table   *store.Store
}

// person finds the stack as the commands do: by its parameter, by what ECS says of it.
func (w *world) person(ctx context.Context, t *testing.T, policy string) person {
	t.Helper()
	s := w.as(policy)
	c, err := stack.Open(ctx, stack.Stack{Endpoint: s.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	p := person{clients: c, ask: awscall.New(c.AWS), table: s.Store(c)}
	_, _ = deploy.FromParameter(ctx, p.ask, "lab") // it tells of another stack than this
	if _, _, err := p.ask.RegistryLogin(ctx); err != nil {
		t.Error(err)
	}
	if p.site, err = deploy.Derive(ctx, c.ECS, s, stack.LocalRegion); err != nil {
		t.Fatal(err)
	}
	p.site.Account, p.site.Subnets, p.site.Alarms = "123456789012", []string{"subnet-1"}, []string{"lab-dead-letters"}
	p.site.QueueARN, p.site.DLQARN = "arn:aws:sqs:us-east-1:123456789012:lab", "arn:aws:sqs:us-east-1:123456789012:lab-dlq"
	return p
}

// From a program to a fleet at rest: deploy, doctor --fix, hello, quota, down.
func TestNobodyWhoShipsAndLooksDoesWhatIAMForbids(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w := newWorld(t)
	w.deploy(ctx, t)
	operator := w.person(ctx, t, "operator")
	w.doctor(ctx, t, operator)
	w.hello(ctx, t)
	w.down(ctx, t, operator)
	w.judge(t, map[string][]string{
		"deployer": {
			"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "ecr:GetAuthorizationToken", "ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks",
			"ecs:ListTasks", "ecs:RegisterTaskDefinition", "ecs:UpdateService", "ssm:GetParameter",
		},
		"operator": {
			"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:UpdateTimeToLive", "ec2:DescribeSubnets",
			"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks", "ecs:StopTask", "ecs:UpdateService",
			"iam:SimulatePrincipalPolicy", "s3:ListBucket", "servicequotas:GetServiceQuota", "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
			"sqs:GetQueueAttributes", "sqs:SetQueueAttributes", "ssm:GetParameter",
		},
		"producer": {"dynamodb:PutItem", "dynamodb:Query", "sqs:SendMessage"},
	})
}

func (w *world) deploy(ctx context.Context, t *testing.T) {
	t.Helper()
	p := w.person(ctx, t, "deployer")
	done, err := deploy.Deploy(ctx, deploy.Config{
		Site: p.site, ECS: p.clients.ECS, Workers: p.table, Scale: p.table, Image: "workers@sha256:" + strings.Repeat("0", 64), Every: 50 * time.Millisecond,
	})
	if err != nil || done.Worker == "" {
		t.Fatalf("%+v, %v", done, err)
	}
}

// doctor has something to mend in each place that it mends.
func (w *world) doctor(ctx context.Context, t *testing.T, p person) {
	t.Helper()
	for url, attributes := range map[string]map[string]string{w.stack.QueueURL: {"VisibilityTimeout": "5"}, w.stack.DLQURL: {"MessageRetentionPeriod": "3600"}} {
		if _, err := w.direct.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.direct.DB.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &w.stack.Table, TimeToLiveSpecification: &ddb.TimeToLiveSpecification{AttributeName: aws.String("exp"), Enabled: aws.Bool(false)},
	}); err != nil {
		t.Fatal(err)
	}
	limits := servicequotas.NewFromConfig(p.clients.AWS)
	quotas, err := quota.New(quota.Config{Limits: limits, Usage: cloudwatch.NewFromConfig(p.clients.AWS), ECS: p.clients.ECS})
	if err != nil {
		t.Fatal(err)
	}
	fixed := 0
	for _, c := range doctor.Run(ctx, doctor.Config{Site: p.site, Clients: p.clients, Ask: p.ask, Quota: quotas, Fix: true}) {
		if c.State == doctor.Fixed {
			fixed++
		}
	}
	if fixed != 3 {
		t.Errorf("the doctor mended %d of 3", fixed)
	}
	_, _ = quota.Requests(ctx, limits, quota.Spot) // the embedded endpoint has none to tell of
	// Where CloudWatch has no figure, tasks are counted.
	quotas, err = quota.New(quota.Config{Limits: limits, Usage: noUsage{}, ECS: p.clients.ECS})
	if err != nil {
		t.Fatal(err)
	}
	if q, err := quotas.Read(ctx, quota.Spot); err != nil || q.Used.Source != "tasks in ECS" {
		t.Errorf("%+v, %v; want the tasks counted", q, err)
	}
}

// noUsage is CloudWatch in an account in which nothing has run of late.
type noUsage struct{}

func (noUsage) GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	return &cloudwatch.GetMetricDataOutput{}, nil
}

// hello is what the command does: anybody who may submit can run it.
func (w *world) hello(ctx context.Context, t *testing.T) {
	t.Helper()
	one := int32(1)
	if _, err := w.direct.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &w.stack.Cluster, Service: &w.stack.Service, DesiredCount: &one}); err != nil {
		t.Fatal(err)
	}
	w.greet(ctx, t, w.session(t, "producer"))
}

func (w *world) greet(ctx context.Context, t *testing.T, s *burst.Session) {
	t.Helper()
	job, err := s.Submit(ctx, producer.Spec{Handler: role.Hello, Source: producer.Slice([]int{1, 2, 3}), Chunk: 1, MaxWorkers: 1, Slots: 1})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range s.Follow(ctx, job) {
		var got int
		if err == nil {
			err = codec.Unmarshal(r.Value, &got)
		}
		if err != nil || got != r.Index+1 {
			t.Fatalf("task %d answers %d, %v", r.Index, got, err)
		}
	}
	bills, err := s.Bills()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bills.Job(ctx, job.ID); err != nil {
		t.Error(err)
	}
}

// down looks for jobs that run and tells the autoscaler, as the command does.
func (w *world) down(ctx context.Context, t *testing.T, p person) {
	t.Helper()
	for _, err := range p.table.Jobs(ctx, time.Now().Add(-time.Hour)) {
		if err != nil {
			t.Error(err)
		}
	}
	gone, err := deploy.Down(ctx, deploy.DownConfig{Site: p.site, ECS: p.clients.ECS, Scale: p.table, By: "test", Every: 50 * time.Millisecond})
	if err != nil || len(gone.Stopped) != 1 || len(gone.Left) != 0 {
		t.Errorf("%+v, %v; want the one worker stopped", gone, err)
	}
}

// front puts an account in front of the endpoint.
func front(t *testing.T, endpoint *url.URL) *url.URL {
	t.Helper()
	s := httptest.NewServer(newAccount(endpoint))
	t.Cleanup(func() {
		s.CloseClientConnections() // as below
		s.Close()
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
