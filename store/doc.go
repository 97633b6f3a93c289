// Package store is the DynamoDB table that jobs, results and the fleet's
// bookkeeping live in: its schema, and a reader and a writer for each item.
//
//	s := store.New(dynamodb.NewFromConfig(cfg), "starburst", store.WithBlobs(store.S3Blobs{API: s3, Bucket: "…"}))
//	err := s.CreateTable(ctx)                         // idempotent
//	err = s.CreateJob(ctx, job)                       // *JobExistsError when the id is taken
//	outcome, err := s.PutResult(ctx, job, result)     // Written, Mine or Refused
//	for task, err := range s.Results(ctx, job, store.ReadOptions{Follow: true}) { … }
//
// # One rule
//
// Every message gets one result item, written once under the message's
// identity and never changed. It settles some of the message's tasks and names
// children for the others, so that each task is settled by exactly one item.
// PutResult holds the first half (a conditional write, decided by a token when
// an answer is lost), Recount and Results verify the second and fail with an *InconsistentError where it is broken.
//
// Counts are never added up in the table: an addition that is retried counts
// twice. Workers write cumulative snapshots of themselves (Ledger), of which an older
// one never replaces a newer; Progress sums them, lags and never exceeds the truth. Recount is exact.
//
// # Where things are
//
//	store.go retry.go errors.go          the Store, how long it asks again, what can go wrong
//	keys.go shard.go attrs.go query.go   key layout, spread over partitions, items by hand, pages
//	job.go plan.go jobs.go jobstate.go jobindex.go    jobs
//	result.go results.go record.go resultcodec.go blobs.go    writing and reading one result item
//	walk.go lane.go roots.go read.go recount.go ahead.go    reading a whole job
//	ledger.go ledgers.go controls.go handlers.go decisions.go lease.go markers.go bad.go    the fleet
//
// Reading a job back has three layers. A lane reads one shard's items in order
// and asks again where something was missing. walk, which is pure, follows one
// root message to its leaves and says which item speaks for which task. roots
// joins both into the sequence of root messages, from which results, counts
// and the messages still missing are taken.
//
// # Time
//
// Times are kept to the millisecond, expiries to the second. All items of a
// job expire together (ExtendJob moves them); DynamoDB deletes within days
// after that, and what has expired is not read in the meantime. A job's id may then be used again.
package store
