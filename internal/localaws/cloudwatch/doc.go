// Package cloudwatch is the part of CloudWatch that the local endpoint has: GetMetricData of the
// vCPUs that Fargate tasks use (AWS/Usage, ResourceCount), as of now. Every other metric has no data points, as in AWS.
//
//	s, err := cloudwatch.New(cloudwatch.Options{Used: func(spot bool) float64 { … }})
//
// Newer SDKs, the Go one among them, speak Smithy's RPC v2 with CBOR to CloudWatch, others AWS JSON; both are served.
package cloudwatch
