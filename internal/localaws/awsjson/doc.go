// Package awsjson is the part that the AWS JSON 1.0 and 1.1 protocols share: a
// POST whose X-Amz-Target header names the operation, a JSON document in, a JSON
// document or a typed error out.
//
// A service is a table of operations:
//
//	h, err := awsjson.NewHandler(awsjson.Config{
//		TargetPrefix: "AmazonSQS.",
//		Version:      awsjson.V10,
//		Namespace:    "com.amazonaws.sqs",
//		Operations: map[string]awsjson.Operation{
//			"GetQueueUrl": awsjson.Op(service.getQueueURL), // func(context.Context, *In) (*Out, error)
//		},
//	})
//
// An operation returns an [*Error] to name an AWS error; every other error is
// answered as InternalFailure with status 500. An operation that the table does
// not hold is refused with UnknownOperationException, naming it.
package awsjson
