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
// A tick makes at most four calls: GetQueueAttributes, DescribeServices, one read of the ledgers and
// one of a job, the latter two only as often as they can have changed.
package fleet
