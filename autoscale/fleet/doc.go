// Package fleet connects the autoscaler's loop to AWS: it observes SQS, the store's
// ledgers and jobs, sizes an ECS service, and keeps decisions and the leader's lease
// in the store.
//
//	f, err := fleet.New(fleet.Config{
//		SQS: sqsClient, ECS: ecsClient, Store: st,
//		QueueURL: url, Cluster: "default", Service: "workers", Fleet: "default", Owner: "laptop/4711",
//	})
//	loop, err := autoscale.New(autoscale.LoopConfig{Policy: autoscale.Config{Max: 100}}, f.Parts())
//	go loop.Run(ctx)
//	…
//	f.Watch(job)   // count this job's tasks from now on; others are found in the job index
//	loop.Nudge()
//
// A tick asks SQS for the queue's counts, ECS for the services', and the table for what people ask for; and for ledgers, jobs, the free
// addresses and what has become of tasks only as often as they can have changed.
package fleet
