package faults

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// The services that the proxy knows; other requests are forwarded untouched.
const (
	SQS      = "sqs"
	DynamoDB = "dynamodb"
)

// splitTarget divides an X-Amz-Target header, such as "AmazonSQS.SendMessage".
func splitTarget(target string) (service, operation string) {
	prefix, operation, _ := strings.Cut(target, ".")
	switch {
	case prefix == "AmazonSQS":
		return SQS, operation
	case strings.HasPrefix(prefix, "DynamoDB_"):
		return DynamoDB, operation
	}
	return "", ""
}

// refusal is an error as the service would give it.
type refusal struct {
	status        int
	code, message string
}

// The SDK decides by these codes what it tries again (aws-sdk-go-v2, aws/retry).
var (
	throttles = map[string][]refusal{
		SQS: {
			{http.StatusBadRequest, "com.amazonaws.sqs#RequestThrottled", "The request was denied due to request throttling."},
			{http.StatusBadRequest, "com.amazon.coral.availability#ThrottlingException", "Rate exceeded"},
		},
		DynamoDB: {
			{http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded."},
			{http.StatusBadRequest, "com.amazon.coral.availability#ThrottlingException", "Throughput exceeds the current capacity of your table."},
			{http.StatusBadRequest, "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account."},
		},
	}
	overLimit = refusal{http.StatusBadRequest, "com.amazonaws.sqs#OverLimit", "Too many messages in flight"}
	breaks    = []refusal{
		{http.StatusInternalServerError, "com.amazon.coral.service#InternalFailure", "We encountered an internal error. Please try again."},
		{http.StatusServiceUnavailable, "com.amazon.coral.service#ServiceUnavailableException", "Service is unavailable."},
		{http.StatusBadGateway, "", ""}, // a balancer's, without a body that the SDK understands
	}
	expired = refusal{http.StatusBadRequest, "com.amazon.coral.service#ExpiredTokenException", "The security token included in the request is expired"}
)

// throttle chooses a throttling error. OverLimit is a receive's own (API reference, ReceiveMessage).
func throttle(service, operation string, pick int) refusal {
	all := throttles[service]
	if operation == "ReceiveMessage" && pick%3 == 0 {
		return overLimit
	}
	return all[pick%len(all)]
}

func (r refusal) write(w http.ResponseWriter) {
	var body []byte
	if r.code != "" {
		body, _ = json.Marshal(map[string]string{"__type": r.code, "message": r.message}) //nolint:errchkjson // strings always encode
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}
