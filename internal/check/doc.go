// Package check judges what a run under faults has left behind.
//
// [TotalQueue] is Jepsen's total-queue check over a history: what went in must
// come out. An enqueue that was acknowledged and never came out is lost; what came out
// and was never tried to be enqueued is unexpected; either makes the history invalid.
// Duplicates, and enqueues of unknown outcome that came out (recovered), are
// counted and allowed.
//
// [Table] is our own check of the final state: one result a task, ledgers that
// do not exceed the truth, an exact recount, empty queues. It looks at the raw
// result items and not through the readers of package store, whose errors it is to find.
//
// Both are pure functions; [Read] fetches what Table judges.
package check
