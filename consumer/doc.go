// Package consumer runs tasks: it takes messages from an SQS queue, calls the
// registered handlers and records the results in the table.
//
// A Worker holds a lease on every message from the moment it arrives and keeps
// it alive; it records a message's outcome under the message's identity, sends
// what is left to do as child messages, and only then deletes the message. A
// crash anywhere in between is repaired by the message's next delivery, which
// finds the item and carries on from there. Running is at least once; the
// recorded effect is exactly once.
//
//	poll.go      receives messages, as many as there are free slots for
//	lease.go     the ledger of leases and its heartbeat
//	delivery.go  checks and decodes; what cannot be used is recorded and left to the DLQ
//	desk.go      hands, which run a message in a slot and then record it
//	run.go       calls the handlers; contains panics
//	record.go    item → children → ack
//	ack.go       deletes in batches
//	account.go   counts for the worker's ledger item
//	duty.go      polls while protected, until the leader releases the worker by name
//	group.go     what the tasks of one message share, for handlers that send several at once
//	process.go   a handler that runs a program per task; template.go its arguments, processio.go its input and output
package consumer
