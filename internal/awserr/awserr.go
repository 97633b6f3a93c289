package awserr

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	s3 "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sqs "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// IsThrottle reports whether the service refused the request because too many
// came: waiting and asking again is right, and asking less often too.
func IsThrottle(err error) bool {
	if err == nil {
		return false
	}
	// ECS's LimitExceededException is a quota, not a rate, although the SDK's table counts the code as throttling.
	if isQuota(err) {
		return false
	}
	if as[*sqs.OverLimit](err) || as[*sqs.KmsThrottled](err) || status(err) == http.StatusTooManyRequests {
		return true
	}
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

// IsTransient reports whether the same request may succeed when it is sent
// again: throttling, a server's fault (HTTP 5xx), a connection that failed or
// an answer that was cut off. The request may have taken effect nevertheless.
// It is false for a cancelled or expired context of the caller's own and for
// errors of access.
func IsTransient(err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled), as[*smithy.CanceledError](err):
		return false
	case errors.Is(err, context.DeadlineExceeded) && !as[*smithyhttp.RequestSendError](err):
		return false // inside a send error it is the time limit of a dial or of the HTTP client, which net reports alike
	case IsThrottle(err):
		return true
	case IsAccess(err), isQuota(err):
		return false
	case status(err) >= http.StatusInternalServerError, serverFault(err):
		return true
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return true // the connection ended inside the answer; no table of the SDK knows it
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// IsNotFound reports whether the named thing (table, queue, cluster, service,
// bucket, object) does not exist.
func IsNotFound(err error) bool {
	return as[*ddb.ResourceNotFoundException](err) ||
		as[*ddb.TableNotFoundException](err) ||
		as[*sqs.QueueDoesNotExist](err) ||
		as[*sqs.ResourceNotFoundException](err) ||
		as[*ecs.ClusterNotFoundException](err) ||
		as[*ecs.ServiceNotFoundException](err) ||
		as[*ecs.ServiceNotActiveException](err) ||
		as[*ecs.ResourceNotFoundException](err) ||
		as[*s3.NoSuchKey](err) ||
		as[*s3.NoSuchBucket](err) ||
		as[*s3.NotFound](err) ||
		hasCode(err, absentCodes) ||
		status(err) == http.StatusNotFound && !modelled(err)
}

// IsExists reports whether a thing of that name exists already (table, queue, bucket).
func IsExists(err error) bool {
	return as[*ddb.ResourceInUseException](err) ||
		as[*ddb.TableAlreadyExistsException](err) ||
		as[*sqs.QueueNameExists](err) ||
		as[*s3.BucketAlreadyOwnedByYou](err) ||
		as[*s3.BucketAlreadyExists](err)
}

// IsConditionFailed reports whether the condition of a conditional write did not hold.
func IsConditionFailed(err error) bool {
	return as[*ddb.ConditionalCheckFailedException](err) || status(err) == http.StatusPreconditionFailed
}

// IsAccess reports whether the request was refused, or never sent, for want of
// credentials or permission. Asking again without changing something is useless, except as IsExpired says.
func IsAccess(err error) bool {
	switch {
	case err == nil, IsThrottle(err): // SQS answers OverLimit with status 403
		return false
	case as[*ecs.AccessDeniedException](err), as[*sqs.KmsAccessDenied](err), as[*s3.AccessDenied](err), as[*sqs.InvalidSecurity](err):
		return true
	case noCredentials(err):
		return true
	case status(err) == http.StatusUnauthorized, status(err) == http.StatusForbidden:
		return true
	}
	return hasCode(err, accessCodes)
}

// IsExpired reports whether the credentials were good once: a long-running
// process may see them refreshed.
func IsExpired(err error) bool {
	return err != nil && (hasCode(err, expiredCodes) || as[*ssocreds.InvalidTokenError](err))
}

// accessCodes are the access errors that AWS's front end adds to every service
// ("Common errors" in each API reference); service packages do not model them.
var accessCodes = map[string]bool{
	"AccessDenied": true, "AccessDeniedException": true, "UnauthorizedOperation": true,
	"UnrecognizedClientException": true, "InvalidClientTokenId": true, "InvalidAccessKeyId": true,
	"MissingAuthenticationToken": true, "MissingAuthenticationTokenException": true,
	"IncompleteSignature": true, "IncompleteSignatureException": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true,
	"OptInRequired": true, "NotAuthorized": true,
	"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true,
}

// absentCodes are of services that are asked without an SDK package (awscall), and SQS's code in the query protocol.
var absentCodes = map[string]bool{
	"ParameterNotFound": true, "NoSuchEntity": true, "RepositoryNotFoundException": true, "ImageNotFoundException": true,
	"InvalidSubnetID.NotFound": true, "AWS.SimpleQueueService.NonExistentQueue": true, "ResourceNotFoundException": true,
}

var expiredCodes = map[string]bool{"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true}

// noCredentials reports whether the SDK failed to find or refresh credentials.
// The default chain ends with the instance metadata service; its failure shows
// as an operation error of one of the credential services inside the error of
// the operation that was asked for.
func noCredentials(err error) bool {
	if as[*credentials.StaticCredentialsEmptyError](err) ||
		as[*processcreds.ProviderError](err) || as[*ssocreds.InvalidTokenError](err) ||
		as[*v4.SigningError](err) || as[config.SharedConfigProfileNotExistError](err) ||
		as[config.AssumeRoleTokenProviderNotSetError](err) {
		return true
	}
	var op *smithy.OperationError
	for errors.As(err, &op) {
		switch op.ServiceID {
		case "ec2imds", "SSO", "SSO OIDC", "STS", "Signin", "endpoint-credentials":
			return true
		}
		err = op.Err
	}
	return false
}

// as reports whether err's tree holds an error of type E.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func hasCode(err error, codes map[string]bool) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && codes[api.ErrorCode()]
}

func isQuota(err error) bool { return as[*ecs.LimitExceededException](err) }

// serverFault reports whether the service's model calls the error its own fault.
func serverFault(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorFault() == smithy.FaultServer
}

// modelled reports whether a service package has a type for the error.
func modelled(err error) bool {
	return as[smithy.APIError](err) && !as[*smithy.GenericAPIError](err)
}

// status returns the HTTP status of the answer that carried err, or 0.
func status(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}
