package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	s3 "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sqs "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/awserr"
)

// classes is what the package says about an error.
type classes struct {
	Throttle, Transient, NotFound, Exists, ConditionFailed, Access, Expired bool
}

func classify(err error) classes {
	return classes{
		Throttle: awserr.IsThrottle(err), Transient: awserr.IsTransient(err), NotFound: awserr.IsNotFound(err), Exists: awserr.IsExists(err),
		ConditionFailed: awserr.IsConditionFailed(err), Access: awserr.IsAccess(err), Expired: awserr.IsExpired(err),
	}
}

// answered wraps err as the SDK does when a service answered with the status.
func answered(status int, err error) error {
	return &smithy.OperationError{ServiceID: "X", OperationName: "Y", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}}
}

func unmodelled(code string) error { return &smithy.GenericAPIError{Code: code} }

func TestClasses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		want classes
	}{
		{"no error", nil, classes{}},
		{"an error of ours", errors.New("x"), classes{}},
		{"a hot partition", answered(400, &ddb.ProvisionedThroughputExceededException{}), classes{Throttle: true, Transient: true}},
		{"the account's rate", answered(400, &ddb.RequestLimitExceeded{}), classes{Throttle: true, Transient: true}},
		{"throttled by the front end", answered(400, unmodelled("ThrottlingException")), classes{Throttle: true, Transient: true}},
		{"S3 says slow down", answered(503, unmodelled("SlowDown")), classes{Throttle: true, Transient: true}},
		{"status 429", answered(429, unmodelled("Whatever")), classes{Throttle: true, Transient: true}},
		{"SQS's in-flight limit", answered(403, &sqs.OverLimit{}), classes{Throttle: true, Transient: true}},
		{"an ECS quota is no rate", answered(400, &ecs.LimitExceededException{}), classes{}},
		{"a server's fault by status", answered(500, unmodelled("InternalFailure")), classes{Transient: true}},
		{"a server's fault by its model", &ddb.InternalServerError{}, classes{Transient: true}},
		{"connection refused", &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, classes{Transient: true}},
		{"connection reset", &smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, classes{Transient: true}},
		{"an answer cut off", fmt.Errorf("read body: %w", io.ErrUnexpectedEOF), classes{Transient: true}},
		{"our own context", &smithy.CanceledError{Err: context.Canceled}, classes{}},
		{"our own deadline", fmt.Errorf("op: %w", context.DeadlineExceeded), classes{}},
		{"no table", answered(400, &ddb.ResourceNotFoundException{}), classes{NotFound: true}},
		{"no queue, whatever code an emulator gives it", answered(400, &sqs.QueueDoesNotExist{ErrorCodeOverride: aws.String("com.x#Y")}), classes{NotFound: true}},
		{"no object", answered(404, &s3.NoSuchKey{}), classes{NotFound: true}},
		{"no object, asked for by HEAD", answered(404, unmodelled("NotFound")), classes{NotFound: true}},
		{"no service", answered(400, &ecs.ServiceNotFoundException{}), classes{NotFound: true}},
		{"the table is there", answered(400, &ddb.ResourceInUseException{}), classes{Exists: true}},
		{"the bucket is ours", answered(409, &s3.BucketAlreadyOwnedByYou{}), classes{Exists: true}},
		{"a condition", answered(400, &ddb.ConditionalCheckFailedException{}), classes{ConditionFailed: true}},
		{"a precondition", answered(412, unmodelled("PreconditionFailed")), classes{ConditionFailed: true}},
		{"no permission", answered(400, unmodelled("AccessDeniedException")), classes{Access: true}},
		{"no permission for ECS", answered(400, &ecs.AccessDeniedException{}), classes{Access: true}},
		{"a wrong key", answered(400, unmodelled("UnrecognizedClientException")), classes{Access: true}},
		{"an expired token", answered(400, unmodelled("ExpiredTokenException")), classes{Access: true, Expired: true}},
		{"a malformed request", answered(400, unmodelled("ValidationException")), classes{}},
	} {
		if d := cmp.Diff(tc.want, classify(tc.err)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
		if tc.err != nil {
			if d := cmp.Diff(tc.want, classify(fmt.Errorf("wrapped: %w", tc.err))); d != "" {
				t.Errorf("%s, wrapped (-want +got):\n%s", tc.name, d)
			}
		}
	}
}

// The errors that the SDK itself makes, through a real client.
func TestErrorsOfARealClient(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"Item":`)
	}))
	t.Cleanup(cut.Close)
	ended := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(ended) })
	static := credentials.NewStaticCredentialsProvider("id", "secret", "")
	for _, tc := range []struct {
		name  string
		url   string
		creds aws.CredentialsProvider
		want  classes
	}{
		{"nobody listens", closed.URL, static, classes{Transient: true}},
		{"the answer ends early", cut.URL, static, classes{Transient: true}},
		{"no answer within the HTTP client's limit", hangs.URL, static, classes{Transient: true}},
		{"a server's fault", answer(500, `{"__type":"InternalServerError"}`), static, classes{Transient: true}},
		{"a gateway's page", answer(502, `<html>`), static, classes{Transient: true}},
		{"throttling", answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}`), static, classes{Throttle: true, Transient: true}},
		{"no table", answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}`), static, classes{NotFound: true}},
		{"no permission", answer(400, `{"__type":"com.amazon.coral.service#AccessDeniedException"}`), static, classes{Access: true}},
		{"no credentials", "http://127.0.0.1:1", credentials.NewStaticCredentialsProvider("", "", ""), classes{Access: true}},
	} {
		transport := &http.Transport{DisableKeepAlives: true}
		c := dynamodb.New(dynamodb.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(tc.url), Credentials: tc.creds,
			Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: transport, Timeout: time.Second},
		})
		_, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: aws.String("t"), Key: map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: "x"}},
		})
		if d := cmp.Diff(tc.want, classify(err)); d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, d)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(hangs.URL), Credentials: static}).
		GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: "x"}}})
	if d := cmp.Diff(classes{}, classify(err)); d != "" {
		t.Errorf("our own deadline: %v (-want +got):\n%s", err, d)
	}
}
