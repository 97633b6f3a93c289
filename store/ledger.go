package store

import "time"

// Ledger is a worker's cumulative account of itself: a snapshot that only its
// owner writes, so that it can lag but never count twice (design §7).
type Ledger struct {
	Fleet, Worker string
	// Seq rises with every snapshot; an item is replaced only by a higher one.
	Seq int64
	// Started is when the process began, Updated when this snapshot was taken.
	Started, Updated time.Time
	// Final is true in the last snapshot before exit.
	Final bool
	// Slots, Busy and Held: handlers at once, handlers running now, messages leased now.
	Slots, Busy, Held int
	// EmptySince is since when every long poll has come back empty; zero when the last one brought something.
	EmptySince time.Time
	// Protected says that ECS stops other workers before this one when the service's count is lowered: it can
	// only be released by name (Control.Released). Released is the worker's answer to that: it polls no more, holds
	// nothing, is not protected any more, and the count may be lowered by one for it.
	Protected, Released bool
	// Jobs holds the counts per job, at most MaxLedgerJobs; the rest is folded into OtherJobs.
	Jobs map[string]JobCount
	// Hist is the sparse histogram of task durations: bucket → count, 8 buckets an octave from 1 ms.
	Hist map[int]int64
	// Cost is the part that prices the worker.
	Cost CostSample
	// End is what EndWorker noted; PutLedger does not write it.
	End WorkerEnd
}

// MaxLedgerJobs is how many jobs a ledger names before it folds the rest.
const MaxLedgerJobs = 8

// OtherJobs is the key of the fold in Ledger.Jobs.
const OtherJobs = "~other"

// JobCount is one worker's cumulative work for one job.
type JobCount struct {
	// OK and Failed count the indices that this worker's own puts settled. An
	// index that `retry --failed` sent again moves: its new outcome adds one and
	// takes one from Failed, which is below zero when others had counted the failures.
	OK, Failed int64
	// BusyMS is slot-time spent in handlers, with that of the runs under way; WastedMS is the part that came to nothing.
	BusyMS, WastedMS int64
	// FailedMS (attempts that failed) and InterruptedMS (runs that were cut off, or not recorded) are parts of WastedMS;
	// the rest of it did again what another worker had recorded.
	FailedMS, InterruptedMS int64
	// RunningMS is the part of BusyMS that belongs to runs under way. In the last snapshot of a worker that was killed it is lost work.
	RunningMS int64
}

// CostSample prices a worker: what it is, since when it is billed, and the requests it made.
type CostSample struct {
	// Provider is FARGATE, FARGATE_SPOT or LOCAL (a process on the user's machine, priced "as if on Fargate").
	Provider string
	// Arch is X86_64 or ARM64.
	Arch                          string
	VCPUMilli, MemoryMiB, DiskGiB int64
	// Launched is when billing starts (Fargate: start of the image pull).
	Launched time.Time
	// Ready is when the worker could take work.
	Ready time.Time
	// IdleMS is slot-time without a handler since Ready.
	IdleMS int64
	// CPUMS is the process's own CPU time, user and system.
	CPUMS int64
	// Requests counts what the worker's own calls are billed for: "sqs.receive" in
	// requests, "ddb.wru" in units, "bytes.in", …
	Requests map[string]int64
}
