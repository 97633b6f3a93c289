// Package meter counts what a process's own use of SQS, DynamoDB and S3 is billed
// for, below everything that calls them: no call can be forgotten, and calls that the SDK
// repeats count as often as they are made.
//
//	m := new(meter.Meter)
//	cfg.APIOptions = append(cfg.APIOptions, m.Register)
//	client := sqs.NewFromConfig(cfg)
//	…
//	fmt.Println(m.Counts()) // map[sqs.receive:3 sqs.send:1 …]
//
// SQS bills a request per 64 KB of payload, so that a call may count several.
// DynamoDB bills units, which it names in its answers when asked. Bytes are those of
// the HTTP bodies.
package meter
