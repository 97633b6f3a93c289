package iamcheck_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/iamcheck"
)

func TestActionOfACall(t *testing.T) {
	t.Parallel()
	const signed = "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/%/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct {
		says, method, path, target, service, form, want string
	}{
		{says: "a JSON protocol", method: "POST", path: "/", target: "DynamoDB_20120810.PutItem", want: "dynamodb:PutItem"},
		{says: "a batch is the permission of one", method: "POST", path: "/", target: "AmazonSQS.SendMessageBatch", want: "sqs:SendMessage"},
		{says: "an object is read", method: "GET", path: "/bucket/in/a/b", service: "s3", want: "s3:GetObject"},
		{says: "an object is written", method: "PUT", path: "/bucket/out/a", service: "s3", want: "s3:PutObject"},
		{says: "a bucket is listed", method: "GET", path: "/bucket", service: "s3", want: "s3:ListBucket"},
		{says: "an object is deleted, which nobody here does", method: "DELETE", path: "/bucket/a", service: "s3", want: "s3:DELETE /bucket/a"},
		{says: "a form", method: "POST", path: "/", service: "ec2", form: "Action=DescribeSubnets&Version=2016-11-15", want: "ec2:DescribeSubnets"},
		{says: "CloudWatch's scope is not its name", method: "POST", path: "/", service: "monitoring", form: "Action=GetMetricData", want: "cloudwatch:GetMetricData"},
		{says: "RPC over CBOR", method: "POST", path: "/service/GraniteServiceVersion20100801/operation/GetMetricData", service: "monitoring", want: "cloudwatch:GetMetricData"},
		{says: "a function is invoked", method: "POST", path: "/2015-03-31/functions/x/invocations", service: "lambda", want: "lambda:InvokeFunction"},
		{says: "a service nobody knows", method: "POST", path: "/", target: "Other.Do", want: "unknown:Other.Do"},
		{says: "a call nobody knows", method: "GET", path: "/x", service: "glacier", want: "unknown:glacier GET /x"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.form))
		r.Header.Set("X-Amz-Target", c.target)
		if c.service != "" {
			r.Header.Set("Authorization", strings.Replace(signed, "%", c.service, 1))
		}
		if c.form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		}
		got, err := iamcheck.Action(r)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.says, got, err, c.want)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != c.form {
			t.Errorf("%s: the body is now %q, %v", c.says, body, err)
		}
	}
}

func TestARecorderChangesNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(body))
	}))
	defer server.Close()
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	recorder := iamcheck.NewRecorder(endpoint)
	proxy := httptest.NewServer(recorder)
	defer proxy.Close()
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, proxy.URL+"/", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", "AmazonSQS.PurgeQueue")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || res.StatusCode != http.StatusTeapot || string(body) != "POST / hello" {
			t.Errorf("%d %q, %v", res.StatusCode, body, err)
		}
	}
	if n := recorder.Count("sqs:PurgeQueue"); n != 2 {
		t.Errorf("%d calls were seen, of 2", n)
	}
	lists := iamcheck.Lists{"worker": {"sqs:SendMessage"}}
	if diff := cmp.Diff([]string{"sqs:PurgeQueue"}, lists.Missing("worker", recorder.Actions())); diff != "" {
		t.Errorf("what is missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"sqs:SendMessage"}, lists.Unused("worker", recorder.Actions())); diff != "" {
		t.Errorf("what is not used (-want +got):\n%s", diff)
	}
}
