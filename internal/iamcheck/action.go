package iamcheck

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// services are IAM's names of the services behind the JSON protocols' targets.
var services = map[string]string{
	"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb", "AmazonEC2ContainerServiceV20141113": "ecs", "AmazonSSM": "ssm",
	"ServiceQuotasV20190624": "servicequotas", "GraniteServiceVersion20100801": "cloudwatch", "Logs_20140328": "logs",
	"AmazonEC2ContainerRegistry_V20150921": "ecr", "AWSPriceListService": "pricing",
}

// actions are the operations that IAM knows under another name.
var actions = map[string]string{
	"sqs:SendMessageBatch": "sqs:SendMessage", "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
	"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}

// maxForm bounds how much of a form is read to find its operation.
const maxForm = 1 << 20

// Action is the IAM action that a request to AWS needs. An operation that it does
// not know is named "unknown:" and what there is to say of it; no list has that.
func Action(r *http.Request) (string, error) {
	service, operation, err := call(r)
	if err != nil {
		return "", err
	}
	action := service + ":" + operation
	if other, ok := actions[action]; ok {
		action = other
	}
	return action, nil
}

func call(r *http.Request) (service, operation string, err error) {
	if target, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		if service := services[target]; service != "" {
			return service, op, nil
		}
		return "unknown", r.Header.Get("X-Amz-Target"), nil
	}
	// RPC over CBOR: /service/TARGET/operation/NAME.
	if parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); len(parts) == 4 && parts[0] == "service" && parts[2] == "operation" {
		if service := services[parts[1]]; service != "" {
			return service, parts[3], nil
		}
	}
	switch scope := scopeService(r); {
	case scope == "s3" || scope == "":
		return "s3", s3Operation(r), nil
	case scope == "lambda" && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/invocations"):
		return "lambda", "InvokeFunction", nil
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		operation, err := formOperation(r)
		if scope == "monitoring" {
			scope = "cloudwatch"
		}
		return scope, operation, err
	default:
		return "unknown", scope + " " + r.Method + " " + r.URL.Path, nil
	}
}

// scopeService is the service that the request is signed for: Credential=KEY/DATE/REGION/SERVICE/aws4_request.
func scopeService(r *http.Request) string {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.Split(credential, "/"); ok && len(parts) >= 4 {
		return parts[3]
	}
	return ""
}

// s3Operation is for the calls that the product makes, with the bucket in the path.
func s3Operation(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut && key != "" && r.URL.Query().Get("uploadId") == "":
		return "PutObject"
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && key != "":
		return "GetObject"
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return "ListBucket"
	default:
		return r.Method + " " + r.URL.String()
	}
}

// formOperation reads the operation out of a form and leaves the body as it was.
func formOperation(r *http.Request) (string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	if err != nil {
		return "", err
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", err
	}
	return form.Get("Action"), nil
}
