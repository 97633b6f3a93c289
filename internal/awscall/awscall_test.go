package awscall

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/awserr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world answers as AWS would.
func world(t *testing.T, answer func(w http.ResponseWriter, form url.Values, target, body string)) *Caller {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(b))
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/") {
			t.Errorf("the request is not signed: %q", r.Header.Get("Authorization"))
		}
		answer(w, form, r.Header.Get("X-Amz-Target"), string(b))
	}))
	transport := &http.Transport{}
	t.Cleanup(s.Close)
	t.Cleanup(transport.CloseIdleConnections)
	c := New(aws.Config{Region: "eu-west-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: &http.Client{Transport: transport}})
	c.getenv = func(string) string { return "" }
	return c
}

func say(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	c := world(t, func(w http.ResponseWriter, form url.Values, target, body string) {
		switch {
		case form.Get("Action") == "GetCallerIdentity" && form.Get("Version") == "2011-06-15":
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			say(w, 200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case target == "AmazonSSM.GetParameter" && body == `{"Name":"/starburst/x/config"}`:
			say(w, 200, `{"Parameter":{"Name":"/starburst/x/config","Value":"{}"}}`)
		case target == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken":
			say(w, 200, `{"authorizationData":[{"authorizationToken":"QVdTOnNlY3JldA=="}]}`)
		case form.Get("Action") == "DescribeSubnets" && form.Get("SubnetId.2") == "subnet-2":
			say(w, 200, `<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><availabilityZone>a</availabilityZone><availableIpAddressCount>250</availableIpAddressCount></item></subnetSet></DescribeSubnetsResponse>`)
		case form.Get("Action") == "SimulatePrincipalPolicy" && form.Get("ActionNames.member.2") == "sqs:PurgeQueue":
			say(w, 200, `<R><SimulatePrincipalPolicyResult><EvaluationResults><member><EvalActionName>sqs:SendMessage</EvalActionName><EvalDecision>allowed</EvalDecision></member><member><EvalActionName>sqs:PurgeQueue</EvalActionName><EvalDecision>implicitDeny</EvalDecision></member></EvaluationResults></SimulatePrincipalPolicyResult></R>`)
		default:
			t.Errorf("asked %q %q", target, body)
		}
	})
	ctx := t.Context()
	if id, a, err := c.WhoAmI(ctx); err != nil || id.Account != "1" || id.ARN != "arn:aws:iam::1:user/x" || a.Skew < 59*time.Minute || a.Skew > 61*time.Minute {
		t.Errorf("%+v %+v %v", id, a, err)
	}
	if v, err := c.Parameter(ctx, "/starburst/x/config"); err != nil || v != "{}" {
		t.Errorf("%q %v", v, err)
	}
	if user, password, err := c.RegistryLogin(ctx); err != nil || user != "AWS" || password != "secret" {
		t.Errorf("%s %s %v", user, password, err)
	}
	if s, err := c.Subnets(ctx, []string{"subnet-1", "subnet-2"}); err != nil || !slices.Equal(s, []Subnet{{"subnet-1", "a", 250}}) {
		t.Errorf("%+v %v", s, err)
	}
	if d, err := c.Denied(ctx, "arn:aws:iam::1:role/x", "*", []string{"sqs:SendMessage", "sqs:PurgeQueue"}); err != nil || !slices.Equal(d, []string{"sqs:PurgeQueue"}) {
		t.Errorf("%v %v", d, err)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		body   string
		is     func(error) bool
		tries  int
	}{
		{"JSON's access error", 400, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}`, awserr.IsAccess, 1},
		{"the query protocol's", 403, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>`, awserr.IsAccess, 1},
		{"EC2's", 403, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`, awserr.IsAccess, 1},
		{"a parameter that is not there", 400, `{"__type":"ParameterNotFound"}`, awserr.IsNotFound, 1},
		{"a server's fault", 500, `oops`, awserr.IsTransient, tries},
		{"throttling", 400, `{"__type":"ThrottlingException"}`, awserr.IsThrottle, tries},
	} {
		n := 0
		c := world(t, func(w http.ResponseWriter, _ url.Values, _, _ string) { n++; say(w, tc.status, tc.body) })
		call := func() error { _, err := c.Parameter(t.Context(), "x"); return err }
		if strings.HasPrefix(tc.body, "<") {
			call = func() error { _, _, err := c.WhoAmI(t.Context()); return err }
		}
		if err := call(); !tc.is(err) || n != tc.tries {
			t.Errorf("%s: %v after %d tries, want %d", tc.name, err, n, tc.tries)
		}
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		service Service
		region  string
		want    string
	}{
		{ECR, "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com"},
		{IAM, "eu-west-1", "https://iam.amazonaws.com"},
		{STS, "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"},
	} {
		c := New(aws.Config{Region: tc.region})
		c.getenv = func(string) string { return "" }
		if got := c.endpoint(tc.service); got != tc.want {
			t.Errorf("%s in %s: %s, want %s", tc.service.ID, tc.region, got, tc.want)
		}
		c.getenv = func(name string) string {
			return map[string]string{"AWS_ENDPOINT_URL_" + tc.service.ID: "http://x/"}[name]
		}
		if got := c.endpoint(tc.service); got != "http://x" {
			t.Errorf("one's own: %s", got)
		}
	}
}

func TestPrincipalOf(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:iam::1:user/x":                  "arn:aws:iam::1:user/x",
		"arn:aws:sts::1:assumed-role/admin/me":   "arn:aws:iam::1:role/admin",
		"arn:aws-cn:sts::1:assumed-role/a.b/i-0": "arn:aws-cn:iam::1:role/a.b",
	} {
		if got := PrincipalOf(arn); got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
}
