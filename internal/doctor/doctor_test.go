package doctor_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	sqtypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/doctor"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// account is what STS, IAM, EC2 and CloudWatch say, and what Service Quotas says of the limits.
type account struct {
	quota.ServiceQuotas
	skew    time.Duration
	denied  string // an action
	free    int
	limit   float64
	refused bool
	alarms  []cwtypes.StateValue // of lab-0, lab-1, …
}

// answer speaks AWS's query protocol, and CloudWatch's alarms.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	w.Header().Set("Date", time.Now().Add(-a.skew).UTC().Format(http.TimeFormat))
	if a.refused {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>`)
		return
	}
	switch form.Get("Action") {
	case "GetCallerIdentity":
		_, _ = io.WriteString(w, `<R><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/me/x</Arn><Account>123456789012</Account></GetCallerIdentityResult></R>`)
	case "DescribeSubnets":
		_, _ = fmt.Fprintf(w, `<R><subnetSet><item><subnetId>subnet-1</subnetId><availabilityZone>a</availabilityZone><availableIpAddressCount>%d</availableIpAddressCount></item></subnetSet></R>`, a.free)
	case "SimulatePrincipalPolicy":
		_, _ = io.WriteString(w, `<R><SimulatePrincipalPolicyResult><EvaluationResults>`)
		for i := 1; form.Get(fmt.Sprintf("ActionNames.member.%d", i)) != ""; i++ {
			action, decision := form.Get(fmt.Sprintf("ActionNames.member.%d", i)), "allowed"
			if action == a.denied {
				decision = "implicitDeny"
			}
			_, _ = fmt.Fprintf(w, `<member><EvalActionName>%s</EvalActionName><EvalDecision>%s</EvalDecision></member>`, action, decision)
		}
		_, _ = io.WriteString(w, `</EvaluationResults></SimulatePrincipalPolicyResult></R>`)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// GetServiceQuota says the limit.
func (a *account) GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	return &servicequotas.GetServiceQuotaOutput{Quota: &sqtypes.ServiceQuota{Value: &a.limit}}, nil
}

// GetMetricData says that nothing is in use.
func (a *account) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	return &cloudwatch.GetMetricDataOutput{MetricDataResults: []cwtypes.MetricDataResult{
		{StatusCode: cwtypes.StatusCodeComplete, Values: []float64{0}, Timestamps: []time.Time{*in.EndTime}},
	}}, nil
}

// DescribeAlarms says the states of those that were asked for.
func (a *account) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	for i, state := range a.alarms {
		if name := fmt.Sprintf("lab-%d", i); slices.Contains(in.AlarmNames, name) {
			out.MetricAlarms = append(out.MetricAlarms, cwtypes.MetricAlarm{AlarmName: &name, StateValue: state, StateReason: aws.String("it is so")})
		}
	}
	return out, nil
}

// noAlarms is CloudWatch for somebody who may not look.
type noAlarms struct{}

func (noAlarms) DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "User: arn:aws:iam::123456789012:user/me is not authorized to perform: cloudwatch:DescribeAlarms"}
}

// watched gives the stack two alarms.
func watched(t *testing.T, c *doctor.Config) {
	t.Helper()
	c.Site.Alarms = []string{"lab-0", "lab-1"}
}

// setup is a healthy stack on the embedded endpoint, in an account of the test's.
func setup(t *testing.T, a *account) doctor.Config {
	t.Helper()
	srv := localawstest.Start(t)
	c, err := stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := laptop.Ensure(t.Context(), c, srv.URL(), laptop.Fleet{Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	site, err := deploy.Derive(t.Context(), c.ECS, s, stack.LocalRegion)
	if err != nil {
		t.Fatal(err)
	}
	site.Account, site.Subnets, site.MaxWorkers, site.CPUUnits = "123456789012", []string{"subnet-1"}, 100, 1024
	site.QueueARN, site.DLQARN = "arn:aws:sqs:us-east-1:123456789012:starburst", "arn:aws:sqs:us-east-1:123456789012:starburst-dlq"
	site.Services[0].Capacity = "FARGATE"
	set(t, c, s.QueueURL, "VisibilityTimeout", "60")
	if err := s.Store(c).PutHandler(t.Context(), site.Fleet, store.HandlerInfo{Name: "simulate", Seen: time.Now()}); err != nil {
		t.Fatal(err)
	}
	there := httptest.NewServer(a)
	transport := &http.Transport{}
	t.Cleanup(there.Close)
	t.Cleanup(transport.CloseIdleConnections)
	ask := awscall.New(aws.Config{Region: stack.LocalRegion, BaseEndpoint: &there.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: &http.Client{Transport: transport}})
	limits, err := quota.New(quota.Config{Limits: a, Usage: a})
	if err != nil {
		t.Fatal(err)
	}
	return doctor.Config{Site: site, Clients: c, Ask: ask, Quota: limits, Alarms: a}
}

func set(t *testing.T, c *stack.Clients, queue, attribute, value string) {
	t.Helper()
	if _, err := c.SQS.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &queue, Attributes: map[string]string{attribute: value}}); err != nil {
		t.Fatal(err)
	}
}

// states are those of all checks by name.
func states(all []doctor.Check) map[string]doctor.State {
	m := map[string]doctor.State{}
	for _, c := range all {
		m[c.Name] = c.State
	}
	return m
}

func healthy() *account { return &account{free: 250, limit: 100} }

// well is what a healthy stack's checks are: the image is in no registry that can be asked, and there are no alarms.
func well() map[string]doctor.State {
	m := map[string]doctor.State{"alarms": doctor.Unknown, "image": doctor.Bad, "quota on-demand": doctor.OK, "quota spot": doctor.OK}
	for _, name := range []string{
		"credentials", "clock", "region", "queue", "visibility", "dead-letter queue", "retention", "table", "expiry", "bucket", "services", "handlers", "subnets", "permissions",
	} {
		m[name] = doctor.OK
	}
	return m
}

// noneYet gives the service a task definition whose image nobody has deployed yet.
func noneYet(t *testing.T, c doctor.Config) {
	t.Helper()
	out, err := c.Clients.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("x"), ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("worker"), Image: aws.String("1.dkr.ecr.us-east-1.amazonaws.com/x:none-yet"), Command: []string{"true"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Clients.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: &c.Site.Cluster, Service: &c.Site.Services[0].Name, TaskDefinition: out.TaskDefinition.TaskDefinitionArn}); err != nil {
		t.Fatal(err)
	}
}

func TestEachIllnessIsSeenAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		account func(*account)
		ail     func(*testing.T, *doctor.Config)
		changed map[string]doctor.State
		says    string // in what was seen or is to be done
	}{
		{name: "nothing", says: "no program has been deployed yet"},
		{name: "wrong keys", account: func(a *account) { a.refused = true }, changed: map[string]doctor.State{
			"credentials": doctor.Bad, "clock": doctor.Unknown, "permissions": doctor.Unknown, "subnets": doctor.Bad,
		}, says: "aws sts get-caller-identity"},
		{name: "another account", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Account = "999999999999" }, changed: map[string]doctor.State{"credentials": doctor.Bad}, says: "999999999999"},
		{name: "a clock ten minutes ahead", account: func(a *account) { a.skew = 10 * time.Minute }, changed: map[string]doctor.State{"clock": doctor.Bad}, says: "timedatectl"},
		{name: "another Region", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Region = "eu-west-1" }, changed: map[string]doctor.State{"region": doctor.Bad}, says: "export AWS_REGION=eu-west-1"},
		{name: "no queue", ail: func(_ *testing.T, c *doctor.Config) { c.Site.QueueURL += "-none" }, changed: map[string]doctor.State{
			"queue": doctor.Bad, "visibility": doctor.Unknown, "dead-letter queue": doctor.Unknown, "retention": doctor.Unknown,
		}, says: "there is no such queue"},
		{name: "a visibility of 5 s", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			set(t, c.Clients, c.Site.QueueURL, "VisibilityTimeout", "5")
		}, changed: map[string]doctor.State{"visibility": doctor.Bad}, says: "--fix"},
		{name: "a visibility of an hour", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			set(t, c.Clients, c.Site.QueueURL, "VisibilityTimeout", "3600")
		}, changed: map[string]doctor.State{"visibility": doctor.Bad}, says: "1h0m0s"},
		{name: "tasks of a day", ail: func(_ *testing.T, c *doctor.Config) { c.TaskTime = 24 * time.Hour }, changed: map[string]doctor.State{"visibility": doctor.Bad}, says: "12 hours"},
		{name: "no dead-letter queue", ail: func(_ *testing.T, c *doctor.Config) { c.Site.DLQURL = "" }, changed: map[string]doctor.State{"dead-letter queue": doctor.Bad, "retention": doctor.Unknown}, says: "terraform apply"},
		{name: "given up after two receives", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			set(t, c.Clients, c.Site.QueueURL, "RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:starburst-dlq","maxReceiveCount":2}`)
		}, changed: map[string]doctor.State{"dead-letter queue": doctor.Bad}, says: "after 2 receives"},
		{name: "a dead letter", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			if _, err := c.Clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &c.Site.DLQURL, MessageBody: aws.String("x")}); err != nil {
				t.Fatal(err)
			}
		}, changed: map[string]doctor.State{"dead-letter queue": doctor.Bad}, says: "starburst dlq"},
		{name: "dead letters that are lost at once", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			set(t, c.Clients, c.Site.DLQURL, "MessageRetentionPeriod", "3600")
		}, changed: map[string]doctor.State{"retention": doctor.Bad}, says: "--fix"},
		{name: "no table", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Table += "-none" }, changed: map[string]doctor.State{"table": doctor.Bad, "expiry": doctor.Bad, "handlers": doctor.Bad}, says: "there is no such table"},
		{name: "no bucket", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Bucket += "-none" }, changed: map[string]doctor.State{"bucket": doctor.Bad}, says: "there is no bucket"},
		{name: "no service", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Services[0].Name = "none" }, changed: map[string]doctor.State{"services": doctor.Bad, "image": doctor.Unknown}, says: "STARBURST_SERVICE"},
		{name: "no worker has ever run", ail: func(_ *testing.T, c *doctor.Config) { c.Site.Fleet = "other" }, changed: map[string]doctor.State{"handlers": doctor.Bad}, says: "starburst deploy"},
		{name: "a quota of nothing", account: func(a *account) { a.limit = 0 }, changed: map[string]doctor.State{"quota on-demand": doctor.Bad}, says: "starburst quota --request"},
		{name: "no addresses", account: func(a *account) { a.free = 3 }, changed: map[string]doctor.State{"subnets": doctor.Bad}, says: "3 free addresses"},
		{name: "alarms that do not ring", account: func(a *account) {
			a.alarms = []cwtypes.StateValue{cwtypes.StateValueOk, cwtypes.StateValueInsufficientData}
		}, ail: watched,
			changed: map[string]doctor.State{"alarms": doctor.OK}, says: "2 alarms, none rings"},
		{name: "an alarm that rings", account: func(a *account) { a.alarms = []cwtypes.StateValue{cwtypes.StateValueOk, cwtypes.StateValueAlarm} }, ail: watched,
			changed: map[string]doctor.State{"alarms": doctor.Bad}, says: "alarm lab-1 rings: it is so"},
		{name: "an alarm that somebody has deleted", account: func(a *account) { a.alarms = []cwtypes.StateValue{cwtypes.StateValueOk} }, ail: watched,
			changed: map[string]doctor.State{"alarms": doctor.Bad}, says: "there is no alarm lab-1"},
		{name: "not allowed to see alarms", ail: func(t *testing.T, c *doctor.Config) {
			t.Helper()
			watched(t, c)
			c.Alarms = noAlarms{}
		}, changed: map[string]doctor.State{"alarms": doctor.Unknown}, says: "cloudwatch:DescribeAlarms"},
		{name: "not allowed to send", account: func(a *account) { a.denied = "sqs:SendMessage" }, changed: map[string]doctor.State{"permissions": doctor.Bad}, says: "submit jobs (sqs:SendMessage)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := healthy()
			if tc.account != nil {
				tc.account(a)
			}
			c := setup(t, a)
			noneYet(t, c)
			if tc.ail != nil {
				tc.ail(t, &c)
			}
			want := well()
			maps.Copy(want, tc.changed)
			all := doctor.Run(t.Context(), c)
			if d := cmp.Diff(want, states(all)); d != "" {
				t.Errorf("checks (-want +got):\n%s\n%+v", d, all)
			}
			var text strings.Builder
			for _, check := range all {
				if check.State == doctor.Bad && check.Next == "" {
					t.Errorf("%s is wrong, and nothing is said to be done", check.Name)
				}
				text.WriteString(check.Saw + " " + check.Next + "\n")
			}
			if !strings.Contains(text.String(), tc.says) {
				t.Errorf("nothing says %q:\n%s", tc.says, &text)
			}
		})
	}
}

func TestFixMendsSettingsAndOnlyThose(t *testing.T) {
	t.Parallel()
	c := setup(t, healthy())
	set(t, c.Clients, c.Site.QueueURL, "VisibilityTimeout", "5")
	set(t, c.Clients, c.Site.DLQURL, "MessageRetentionPeriod", "3600")
	if _, err := c.Clients.DB.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &c.Site.Table, TimeToLiveSpecification: &ddb.TimeToLiveSpecification{AttributeName: aws.String("exp"), Enabled: aws.Bool(false)},
	}); err != nil {
		t.Fatal(err)
	}
	c.Fix = true
	first := states(doctor.Run(t.Context(), c))
	for _, name := range []string{"visibility", "retention", "expiry"} {
		if first[name] != doctor.Fixed {
			t.Errorf("%s is %s, want it mended", name, first[name])
		}
	}
	second := doctor.Run(t.Context(), c)
	for _, check := range second {
		if check.State == doctor.Fixed || check.State == doctor.Bad && check.Name != "image" {
			t.Errorf("after mending: %+v", check)
		}
	}
	if !slices.ContainsFunc(second, func(c doctor.Check) bool { return c.State == doctor.Bad }) {
		t.Error("an image that is not there is healthy")
	}
}
