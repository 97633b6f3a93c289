package awserr

import (
	"errors"
	"net"
	"regexp"
	"strings"
	"sync"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	s3 "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sqs "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// Kind of what went wrong between a user and AWS.
type Kind string

// The kinds. Unknown is what none of the others is.
const (
	Unknown       Kind = ""
	NoCredentials Kind = "no credentials"
	Expired       Kind = "expired credentials"
	BadKey        Kind = "wrong credentials"
	Denied        Kind = "access denied"
	Unreachable   Kind = "wrong region or no network"
	Absent        Kind = "not found"
	QuotaReached  Kind = "quota"
	ImageAbsent   Kind = "image not found"
	WrongArch     Kind = "wrong architecture"
	NoRoute       Kind = "no way out of the network"
	NoAddress     Kind = "no free address"
	NoCapacity    Kind = "no capacity"
	OutOfMemory   Kind = "out of memory"
)

// Advice is an error in words for a user: what happened and what to do next.
type Advice struct {
	Kind Kind
	// What happened, and why as far as it is known, in one sentence without an end mark.
	What string
	// Next is what to do, a command where there is one.
	Next string
}

// Explain returns what a new user should know of an error of AWS; its Kind is Unknown when there is nothing to add.
func Explain(err error) Advice {
	switch {
	case err == nil:
		return Advice{}
	case IsExpired(err):
		return Advice{Expired, "the AWS credentials have expired", "sign in again: aws sso login, or renew the keys that you exported"}
	case noCredentials(err):
		return Advice{NoCredentials, "no AWS credentials were found", "aws configure, or aws sso login and export AWS_PROFILE=…; then see who you are: aws sts get-caller-identity"}
	case hasCode(err, keyCodes):
		return Advice{BadKey, "AWS does not accept these credentials", "see who you are: aws sts get-caller-identity. A wrong clock or a mistyped key gives the same answer: starburst doctor"}
	case IsAccess(err):
		return denied(err)
	case isUnresolved(err):
		return Advice{Unreachable, "the name of AWS's endpoint is not known: the Region is misspelt, or there is no network", "compare AWS_REGION with the stack's Region: starburst doctor"}
	case isQuota(err):
		return Advice{QuotaReached, "a quota of the account is reached", "starburst doctor shows the quotas"}
	}
	return absent(err)
}

// keyCodes are of keys that AWS does not know, or of signatures that are not theirs.
var keyCodes = map[string]bool{
	"UnrecognizedClientException": true, "InvalidClientTokenId": true, "InvalidAccessKeyId": true,
	"InvalidSignatureException": true, "SignatureDoesNotMatch": true, "IncompleteSignature": true, "IncompleteSignatureException": true, "RequestTimeTooSkewed": true,
}

// action is how AWS names what it refused: "… is not authorized to perform: sqs:SendMessage on resource: …".
// It is compiled when it is needed: a program has this package in all its processes, and seldom an error.
var action = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`not authorized to perform: ([a-z0-9-]{1,40}:[A-Za-z0-9]{1,80})`)
})

func denied(err error) Advice {
	a := Advice{Denied, "these AWS credentials may not do that", "attach the stack's policy for it (terraform output: producer_policy_arn, operator_policy_arn, deployer_policy_arn); what else is missing: starburst doctor"}
	if m := action().FindStringSubmatch(err.Error()); m != nil {
		a.What = "these AWS credentials may not do " + m[1]
	}
	return a
}

// isUnresolved reports whether the address of an endpoint has no such host.
func isUnresolved(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

func absent(err error) Advice {
	var what, next string
	switch {
	case !IsNotFound(err):
		return Advice{}
	case as[*sqs.QueueDoesNotExist](err), hasCode(err, map[string]bool{"AWS.SimpleQueueService.NonExistentQueue": true}):
		what, next = "there is no such queue in this account and Region", "compare STARBURST_QUEUE_URL and AWS_REGION with the stack's: starburst init --stack NAME prints them; then starburst doctor"
	case as[*ddb.ResourceNotFoundException](err), as[*ddb.TableNotFoundException](err):
		what, next = "there is no such table in this account and Region", "compare STARBURST_TABLE and AWS_REGION with the stack's: starburst init --stack NAME prints them; then starburst doctor"
	case as[*s3.NoSuchBucket](err):
		what, next = "there is no such bucket", "compare STARBURST_BUCKET with the stack's: starburst init --stack NAME prints it"
	case as[*ecs.ClusterNotFoundException](err), as[*ecs.ServiceNotFoundException](err), as[*ecs.ServiceNotActiveException](err):
		what, next = "there is no such ECS cluster or service", "compare STARBURST_CLUSTER and STARBURST_SERVICE with the stack's: starburst init --stack NAME prints them"
	case codeOf(err) == "ParameterNotFound":
		what, next = "there is no stack of that name in this account and Region", "terraform apply in infra/terraform makes one; is AWS_REGION the stack's?"
	case codeOf(err) == "RepositoryNotFoundException", codeOf(err) == "ImageNotFoundException":
		return Advice{ImageAbsent, "there is no such image or repository", "starburst deploy builds the image and sends it"}
	default:
		return Advice{}
	}
	return Advice{Absent, what, next}
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// reasons are the texts by which ECS says why a task did not start or has stopped (ECS developer guide, "Stopped tasks
// error messages" and "Service event messages"). The first that fits counts.
var reasons = []struct {
	texts  []string // one of these, in lower case
	advice Advice
}{
	{[]string{"does not contain descriptor matching platform", "no matching manifest", "exec format error"},
		Advice{WrongArch, "the image is not for the architecture of the workers", "starburst image push --arch arm64,amd64 sends both; the stack's own is in the task definition (runtimePlatform)"}},
	{[]string{"limit on the number of vcpus", "reached the limit on the number of tasks"},
		Advice{QuotaReached, "the account's quota of vCPUs is reached; new accounts often have next to none", "starburst quota shows it and asks for more"}},
	{[]string{"cannotpullcontainererror", "cannotpullimagemanifesterror"}, Advice{ImageAbsent, "ECS cannot pull the image", "starburst deploy builds the image and sends it; the execution role needs ecr:BatchGetImage on the repository"}},
	{[]string{"unable to pull secrets or registry auth", "i/o timeout", "no route to host"},
		Advice{NoRoute, "the workers' network has no way to the image registry", "give the subnets a public address, a NAT or endpoints for ecr.api, ecr.dkr, logs and S3: infra/terraform/README.md"}},
	{[]string{"insufficient free addresses", "insufficientfreeaddressesinsubnet"},
		Advice{NoAddress, "the workers' subnets have no free address left", "larger or more subnets; each worker takes an address"}},
	{[]string{"capacity is unavailable at this time", "resource:"}, Advice{NoCapacity, "AWS has no capacity of this kind just now", "wait, or use On-Demand beside Spot (spot = false in Terraform)"}},
	{[]string{"outofmemory", "oom"}, Advice{OutOfMemory, "the worker ran out of memory", "a larger memory_mib in Terraform"}},
}

// ExplainTask does the same for the reason that ECS gives for a task that did not start or has stopped.
func ExplainTask(reason string) Advice {
	low := strings.ToLower(reason)
	// A pull that failed because the network has no way out is the network's.
	if strings.Contains(low, "i/o timeout") {
		low = strings.ReplaceAll(low, "cannotpullcontainererror", "")
	}
	for _, r := range reasons {
		for _, t := range r.texts {
			if strings.Contains(low, t) {
				return r.advice
			}
		}
	}
	return Advice{}
}

// RequestID is the id that AWS gave to the request that failed, "" when it does not say: what AWS's support asks for.
func RequestID(err error) string {
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return e.ServiceRequestID()
	}
	return ""
}
