package awserr_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	s3 "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sqs "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/starburst-go/starburst/internal/awserr"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		kind awserr.Kind
		what string // part of what is said
		next string
	}{
		{"no error", nil, awserr.Unknown, "", ""},
		{"an error of ours", errors.New("x"), awserr.Unknown, "", ""},
		{"throttling needs no advice", answered(400, unmodelled("ThrottlingException")), awserr.Unknown, "", ""},
		{"no profile of that name", config.SharedConfigProfileNotExistError{Profile: "x"}, awserr.NoCredentials, "no AWS credentials", "aws configure"},
		{"no keys anywhere", &smithy.OperationError{ServiceID: "SQS", Err: &smithy.OperationError{ServiceID: "ec2imds", Err: errors.New("no route")}}, awserr.NoCredentials, "no AWS credentials", "aws sts get-caller-identity"},
		{"an expired token", answered(400, unmodelled("ExpiredTokenException")), awserr.Expired, "expired", "aws sso login"},
		{"a wrong key", answered(403, unmodelled("InvalidClientTokenId")), awserr.BadKey, "does not accept", "clock"},
		{"no permission", answered(400, &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:SendMessage on resource: y"}), awserr.Denied, "sqs:SendMessage", "policy"},
		{"no permission, without a name", answered(403, unmodelled("AccessDenied")), awserr.Denied, "may not do that", "starburst doctor"},
		{"a Region that is none", &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "sqs.eu-wets-1.amazonaws.com", IsNotFound: true}}}, awserr.Unreachable, "Region is misspelt", "AWS_REGION"},
		{"no such queue", answered(400, &sqs.QueueDoesNotExist{}), awserr.Absent, "queue", "STARBURST_QUEUE_URL"},
		{"no such table", answered(400, &ddb.ResourceNotFoundException{}), awserr.Absent, "table", "STARBURST_TABLE"},
		{"no such bucket", answered(404, &s3.NoSuchBucket{}), awserr.Absent, "bucket", "STARBURST_BUCKET"},
		{"no such cluster", answered(400, &ecs.ClusterNotFoundException{}), awserr.Absent, "ECS", "STARBURST_CLUSTER"},
		{"no such stack", answered(400, unmodelled("ParameterNotFound")), awserr.Absent, "no stack of that name", "terraform apply"},
		{"no such repository", answered(400, unmodelled("RepositoryNotFoundException")), awserr.ImageAbsent, "repository", "starburst deploy"},
		{"no such object is no user's mistake", answered(404, &s3.NoSuchKey{}), awserr.Unknown, "", ""},
		{"a quota of ECS", answered(400, &ecs.LimitExceededException{}), awserr.QuotaReached, "quota", "starburst doctor"},
	} {
		for _, err := range []error{tc.err, wrapped(tc.err)} {
			a := awserr.Explain(err)
			if a.Kind != tc.kind || !strings.Contains(a.What, tc.what) || !strings.Contains(a.Next, tc.next) || (a.Kind != "") != (a.Next != "") {
				t.Errorf("%s: %+v, want %q with %q and %q", tc.name, a, tc.kind, tc.what, tc.next)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("send: %w", err)
}

// The texts are those of ECS's documentation.
func TestExplainTask(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]awserr.Kind{
		"": awserr.Unknown, "Scaling activity initiated by (deployment ecs-svc/1)": awserr.Unknown,
		"CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'": awserr.WrongArch,
		"exec /app/montecarlo: exec format error":                                                                                                                   awserr.WrongArch,
		"CannotPullContainerError: 1.dkr.ecr.us-east-1.amazonaws.com/starburst-workers:none-yet: not found":                                                         awserr.ImageAbsent,
		"CannotPullContainerError: Error response from daemon: Get https://1.dkr.ecr.us-east-1.amazonaws.com/v2/: dial tcp 1.2.3.4:443: i/o timeout":                awserr.NoRoute,
		"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed":                                                 awserr.NoRoute,
		"(service starburst) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run concurrently.":                         awserr.QuotaReached,
		"Unexpected EC2 error while attempting to Create Network Interface: InsufficientFreeAddressesInSubnet":                                                      awserr.NoAddress,
		"(service starburst) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.": awserr.NoCapacity,
		"OutOfMemoryError: Container killed due to memory usage":                                                                                                    awserr.OutOfMemory,
	} {
		if got := awserr.ExplainTask(reason); got.Kind != want {
			t.Errorf("%q: %q, want %q", reason, got.Kind, want)
		}
	}
}
