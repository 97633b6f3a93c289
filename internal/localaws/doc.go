// Package localaws is AWS on one loopback port: SQS, DynamoDB, ECS and S3 for the
// laptop mode and for tests, with their state in a directory.
//
//	srv, err := localaws.Start(ctx, localaws.Config{Dir: dir})
//	…
//	defer srv.Close(ctx)
//	os.Setenv("AWS_ENDPOINT_URL", srv.URL()) // any AWS SDK finds it
//
// The services are subpackages: sqs, dynamodb, ecs (whose tasks are processes of
// this machine) and s3; of servicequotas and cloudwatch, what the vCPU quota needs. They share one SQLite file (package db) and the AWS JSON
// protocol (package awsjson). What is not supported is refused with the AWS
// error that names it.
//
// # Which service a request is for
//
// The X-Amz-Target header says it for SQS, DynamoDB and ECS. Without one, the
// service is that of the signature's credential scope; paths under /ecs-agent/
// are what tasks ask about themselves; and everything else is S3, which alone
// has requests without a signature (presigned ones, and plain GETs of a browser
// or curl). Signatures are not checked: who reaches loopback can have it all.
//
// # Who may ask
//
// The endpoint listens on loopback only, and refuses requests whose Host is not a
// loopback name or that come from a web page (an Origin, or a cross-site fetch):
// no site that the user visits can reach it, by DNS rebinding or otherwise.
//
// # Durability
//
// All services survive kill -9 of the endpoint: see package db. The directory
// is locked while it is served.
package localaws
