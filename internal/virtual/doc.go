// Package virtual has an SQS queue and a DynamoDB table in memory, for tests
// that run on the virtual time of testing/synctest: whatever takes hours in the
// world (visibility timeouts, outages, the twelve hours of a lease) takes
// milliseconds, and thousands of runs fit into a minute.
//
//	synctest.Test(t, func(t *testing.T) {
//		queue := virtual.NewQueue(virtual.QueueOptions{Visibility: 30 * time.Second}, bodies...)
//		results := store.New(virtual.NewTable(), "t")
//		worker, err := consumer.New(consumer.Config{Queue: queue, QueueURL: "q", Results: results, …})
//		…
//	})
//
// [Queue] behaves like a standard queue and, where SQS leaves a choice, chooses
// what is worse for the caller. [Table] evaluates expressions with the local
// endpoint's engine, so that the real package store works on it.
//
// The tests of this package are the virtual tier of docs/reliability.md: the real
// consumer on these two, behind connections that drop, delay, refuse and freeze
// by a plan drawn from a seed. `make virtual SEEDS=1000` runs so many of them.
package virtual
