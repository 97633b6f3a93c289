package store

import "time"

// State of a job.
type State string

const (
	// Open jobs are not sealed by their producer yet; more chunks may come.
	Open State = "open"
	// Sealed jobs have every chunk confirmed on the queue.
	Sealed State = "sealed"
	// Done jobs were recounted: every index is settled.
	Done State = "done"
	// Cancelled jobs have nothing started any more.
	Cancelled State = "cancelled"
)

// Job is the META item. All fields but Confirmed, State, Finished, Retried and Expires are fixed at creation.
type Job struct {
	ID      string
	Handler string
	// Fleet whose workers run the job.
	Fleet string
	// N is the number of tasks, 1..codec.MaxIndex+1.
	N int
	// InputSHA is the SHA-256 over the canonical arguments; the same id with other input is refused.
	InputSHA [32]byte
	// Plan tells how the tasks are cut into root messages.
	Plan Plan
	// Shards is S of design §7: the number of partitions results are spread over, 1..64.
	Shards int
	// MaxAttempts is how often a failing task is run in all, ≥ 1.
	MaxAttempts int
	// Timeout bounds one run of one task; zero means none.
	Timeout time.Duration
	// MaxCostPico caps the job's cost in pico-dollars; zero means no cap.
	MaxCostPico int64
	// Label is free text for people (the command line, the input file).
	Label string
	// Created and Expires are when the job was made and when its items may vanish (TTL "exp").
	Created, Expires time.Time

	// Confirmed counts tasks whose message SQS has confirmed. It lags while sending.
	Confirmed int
	State     State
	// Finished is when State became Done or Cancelled.
	Finished time.Time
	// Why is the reason for which the fleet itself cancelled the job, such as its cost
	// cap; empty when a person did.
	Why string
	// Retried is when the job's failed tasks were last sent again; zero means never.
	Retried time.Time
}

// Plan is the immutable cut of tasks 0..N-1 into root messages.
type Plan struct {
	// Chunk is the number of tasks in every message but the last, when Sizes is nil.
	Chunk int
	// Sizes is the number of tasks in each message in order; nil when the cut is regular.
	Sizes []int
}
