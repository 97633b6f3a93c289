// Package faults is a proxy that misbehaves: it stands between our code and an
// endpoint that speaks AWS's JSON protocol (SQS, DynamoDB) and does what
// networks and AWS do on bad days.
//
//	p, err := faults.Start(faults.Config{Upstream: endpoint, Plan: faults.Plan{
//		Seed:       7,
//		Rates:      faults.Rates{DropResponse: 0.05, Throttle: 0.02, Delay: 0.1, MaxDelay: time.Second},
//		Operations: map[string]faults.Rates{"ReceiveMessage": {Repeat: 0.2, Corrupt: 0.1}},
//		Windows:    []faults.Window{{Service: "dynamodb", Kind: faults.Freeze, From: 5 * time.Second, To: 8 * time.Second}},
//	}})
//	// … point AWS_ENDPOINT_URL_SQS at p.URL() …
//
// What can happen to a call: it is late; its request is cut off before it
// arrives; it is carried out and the answer is cut off; it is refused with a
// typed throttle or a server error; entries of a batch are reported as failed
// or not mentioned, whether or not they were carried out; messages are delivered once
// more, under a receipt handle of their own; a body's MD5 is wrong; credentials
// have expired for a while; a service does not answer at all for a while.
//
// The [Plan] is a value and decides by itself: the n-th call of an operation meets the
// same faults in every run with the same seed, however calls of different operations
// interleave. The [Proxy] carries it out and counts what it has done.
package faults
