// Package awscall asks the services of AWS that Starburst needs one or two
// answers from: who am I (STS), what does a parameter say (SSM), may this role
// do that (IAM), are there free addresses (EC2), log me in to the image
// registry (ECR).
//
// It speaks AWS's two oldest protocols, JSON with a target header and the query
// protocol, with the SDK's signer. The SDK's own clients for these five would
// be more than half of what the command is built from. What is called in the course of
// work (SQS, DynamoDB, ECS, S3) goes through the SDK.
//
// Errors are the SDK's own kinds, so that package awserr classifies them.
package awscall
