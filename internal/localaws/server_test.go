package localaws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
)

func TestEveryServiceIsReachedByItsSDK(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	cfg := localawstest.AWSConfig(t, srv)
	ctx := t.Context()
	if _, err := sqs.NewFromConfig(cfg).ListQueues(ctx, nil); err != nil {
		t.Error(err)
	}
	if _, err := dynamodb.NewFromConfig(cfg).ListTables(ctx, nil); err != nil {
		t.Error(err)
	}
	if _, err := ecs.NewFromConfig(cfg).ListClusters(ctx, nil); err != nil {
		t.Error(err)
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, nil); err != nil {
		t.Error(err)
	}
	want := map[string]int64{"sqs.ListQueues": 1, "dynamodb.ListTables": 1, "ecs.ListClusters": 1, "s3.GET": 1}
	stats := readStats(t, srv)
	if diff := cmp.Diff(want, stats.Requests); diff != "" {
		t.Error(diff)
	}
	if stats.PID != os.Getpid() || stats.Heap == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func readStats(t *testing.T, srv *localaws.Server) (s localaws.Stats) {
	t.Helper()
	_, body := do(t, srv, "GET", "/_starburst/stats", nil)
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends a request and returns its status and body. A header "Host" sets the host.
func do(t *testing.T, srv *localaws.Server, method, path string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	if host := header["Host"]; host != "" {
		r.Host = host
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRouting(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	signed := func(service string) map[string]string {
		return map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=AK/ID/20261124/eu-west-1/" + service + "/aws4_request, SignedHeaders=host, Signature=00"}
	}
	cases := []struct {
		name, method, path string
		header             map[string]string
		status             int
		says               string
	}{
		{"health is answered", "GET", "/_starburst/health", nil, 200, `{"status":"ok"}`},
		{"an unknown administrative path is not a bucket", "GET", "/_starburst/nope", nil, 404, "404"},
		{"the target decides", "POST", "/", map[string]string{"X-Amz-Target": "AmazonSQS.Dance"}, 400, "AmazonSQS.Dance"},
		{"the credential scope decides where there is no target", "POST", "/", signed("sqs"), 400, "X-Amz-Target"},
		{"a service that is not here is named", "POST", "/", signed("lambda"), 400, "the service lambda is not supported"},
		{"an unsigned request is S3's", "GET", "/", nil, 200, "ListAllMyBucketsResult"},
		{"a presigned request is that of its scope", "GET", "/b/k?X-Amz-Credential=AK%2F20261124%2Fus-east-1%2Fs3%2Faws4_request", nil, 404, "NoSuchBucket"},
		{"a name under localhost is this machine", "GET", "/_starburst/health", map[string]string{"Host": "bucket.localhost:1"}, 200, "ok"},
		{"IPv6's loopback is this machine", "GET", "/_starburst/health", map[string]string{"Host": "[::1]:99"}, 200, "ok"},
		{"another host name is DNS rebinding", "GET", "/_starburst/health", map[string]string{"Host": "evil.example"}, 403, "evil.example"},
		{"localhost as a part of a name is another name", "GET", "/", map[string]string{"Host": "localhost.evil.example:80"}, 403, "AccessDenied"},
		{"a web page is refused", "POST", "/", map[string]string{"Origin": "http://localhost:3000", "X-Amz-Target": "AmazonSQS.ListQueues"}, 403, "Origin"},
		{"a cross-site image or script is refused", "GET", "/b/k", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, "Sec-Fetch-Site"},
		{"an address typed into a browser is served", "GET", "/_starburst/health", map[string]string{"Sec-Fetch-Site": "none"}, 200, "ok"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, body := do(t, srv, c.method, c.path, c.header)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("status %d, want %d; body %q does not say %q", status, c.status, body, c.says)
			}
		})
	}
}

func TestADirectoryIsServedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := localawstest.Start(t, localawstest.WithDir(dir))
	_, err := localaws.Start(t.Context(), localaws.Config{Dir: dir})
	var inUse *localaws.InUseError
	if !errors.As(err, &inUse) {
		t.Fatalf("got %v, want an InUseError", err)
	}
	want := &localaws.InUseError{Dir: dir, PID: os.Getpid(), URL: srv.URL()}
	if diff := cmp.Diff(want, inUse); diff != "" {
		t.Error(diff)
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	localawstest.Start(t, localawstest.WithDir(dir)) // free again
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	addr := strings.TrimPrefix(srv.URL(), "http://")
	dir := t.TempDir()
	_, err := localaws.Start(t.Context(), localaws.Config{Dir: dir, Addr: addr})
	var inUse *localaws.PortInUseError
	if !errors.As(err, &inUse) {
		t.Fatalf("got %v, want a PortInUseError", err)
	}
	if diff := cmp.Diff(&localaws.PortInUseError{Addr: addr}, inUse, cmpopts.IgnoreUnexported(localaws.PortInUseError{})); diff != "" {
		t.Error(diff)
	}
	localawstest.Start(t, localawstest.WithDir(dir)) // the failed start left no lock behind
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cases := []struct {
		name   string
		config localaws.Config
		says   string
	}{
		{"a directory is required", localaws.Config{}, "Dir is empty"},
		{"the address is host and port", localaws.Config{Dir: dir, Addr: "4566"}, "not host:port"},
		{"all interfaces are refused", localaws.Config{Dir: dir, Addr: ":4566"}, "not a loopback address"},
		{"another address is refused", localaws.Config{Dir: dir, Addr: "10.0.0.1:4566"}, "not a loopback address"},
		{"an account is twelve digits", localaws.Config{Dir: dir, Account: "1"}, "twelve digits"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := localaws.Start(t.Context(), c.config); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}

func TestStateSurvivesARestartOnAnotherPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := t.Context()
	first := localawstest.Start(t, localawstest.WithDir(dir))
	cfg := localawstest.AWSConfig(t, first)
	q, err := sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(cfg).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("hello")}); err != nil {
		t.Fatal(err)
	}
	bucket := func(o *s3.Options) { o.UsePathStyle = true }
	if _, err := s3.NewFromConfig(cfg, bucket).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("data")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg, bucket).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k"), Body: bytes.NewReader([]byte("v"))}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}

	cfg = localawstest.AWSConfig(t, localawstest.Start(t, localawstest.WithDir(dir)))
	// The old queue URL names the old port; only its path counts.
	out, err := sqs.NewFromConfig(cfg).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != "hello" {
		t.Errorf("received %+v, %v", out, err)
	}
	got, err := s3.NewFromConfig(cfg, bucket).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil || string(body) != "v" {
		t.Errorf("read %q, %v", body, err)
	}
}

func TestCloseEndsLongPolls(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	client := sqs.NewFromConfig(localawstest.AWSConfig(t, srv))
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 20})
		done <- err
	}()
	for readStats(t, srv).Requests["sqs.ReceiveMessage"] == 0 {
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the open poll ended with %v, want an empty answer", err)
	}
}
