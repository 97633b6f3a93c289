package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Defaults of Config.
const (
	DefaultSlots        = 1
	DefaultGrace        = 25 * time.Second
	DefaultIdleWait     = 20 * time.Second
	DefaultBusyWait     = 2 * time.Second
	DefaultLedgerEvery  = 30 * time.Second
	DefaultLedgerEdge   = 5 * time.Second
	DefaultControl      = 5 * time.Second
	DefaultRetryBase    = time.Second
	DefaultBadBackoff   = 2 * time.Second
	DefaultUnknown      = 60 * time.Second
	DefaultMaxPrefetch  = 100
	DefaultPrefetchWork = 100 * time.Millisecond
	DefaultMaxAttempts  = 3
	DefaultHandOver     = 5 * time.Second
	DefaultProtectFor   = time.Hour
	DefaultOutOfTouch   = 2 * time.Minute
)

// Queue is the part of the SQS client that a worker uses.
type Queue interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Results is where a worker records what it did; *store.Store satisfies it.
//
//nolint:interfacebloat // one table's calls, which no part of the worker uses without the others
type Results interface {
	// Job returns the job's META item, or an error that wraps store.ErrNotFound.
	Job(ctx context.Context, id string) (store.Job, error)
	// PutResult writes a result item once; it must be safe to repeat with the same token.
	PutResult(ctx context.Context, job store.Job, r store.Result) (store.PutOutcome, error)
	// Result reads a result item, strongly consistent.
	Result(ctx context.Context, job store.Job, id codec.Identity) (store.Result, bool, error)
	// LooseResult is Result for the task without a job that has the id.
	LooseResult(ctx context.Context, id string, m codec.Identity) (store.Result, bool, error)
	// HasResults tells which of the identities have an item.
	HasResults(ctx context.Context, job store.Job, ids []codec.Identity) (map[codec.Identity]bool, error)
	// AddStart notes that start begins to run a message and returns the starts
	// of it that were not taken back, this one included; RemoveStart takes one back. The Loose forms are for tasks without a job.
	AddStart(ctx context.Context, job store.Job, id codec.Identity, start string) ([]string, error)
	AddLooseStart(ctx context.Context, id string, m codec.Identity, start string) ([]string, error)
	RemoveStart(ctx context.Context, job store.Job, id codec.Identity, start string) error
	RemoveLooseStart(ctx context.Context, id string, m codec.Identity, start string) error
	PutLedger(ctx context.Context, l store.Ledger) error
	PutBad(ctx context.Context, b store.BadMessage) error
	PutHandler(ctx context.Context, fleet string, h store.HandlerInfo) error
	Control(ctx context.Context, fleet string) (store.Control, error)
}

// Blobs holds arguments too large for a message; store.S3Blobs satisfies it.
type Blobs interface {
	Put(ctx context.Context, key string, b []byte) error
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
}

// Config says what a Worker works on and how. Queue, QueueURL, Results and
// Handlers are required.
type Config struct {
	Queue    Queue
	QueueURL string
	Results  Results
	// Blobs reads offloaded arguments; nil refuses such messages as bad.
	Blobs    Blobs
	Handlers Registry

	// Fleet the worker belongs to. Default: "default".
	Fleet string
	// Name of the worker, unique among all workers that ever wrote to the table. Required.
	Name string
	// Slots is how many handlers run at once. Default: 1.
	Slots int
	// MaxPrefetch bounds the messages held beyond the free slots. The number in use
	// follows the tasks' duration, see PrefetchWork. −1 means none. Default: 100.
	MaxPrefetch int
	// PrefetchWork is how much work of each slot those messages should amount to: some round trips to the queue, so that
	// slots do not wait, and no more, so that other workers do not wait either. Default: 100 ms.
	PrefetchWork time.Duration
	// Visibility is the lease asked for with each receive. Default: the queue's own.
	Visibility time.Duration
	// Grace is how long handlers may go on after Run's context has ended. Default: 25 s,
	// which fits ECS's stop timeout of 30 s.
	Grace time.Duration
	// IdleWait and BusyWait are the long poll's length when no slot is busy and when
	// one is, at most 20 s (SQS API reference). Defaults: 20 s and 2 s.
	IdleWait, BusyWait time.Duration
	// LedgerEvery is the longest time between two ledger snapshots while there is
	// work, LedgerEdge the shortest. Defaults: 30 s and 5 s.
	LedgerEvery, LedgerEdge time.Duration
	// ControlEvery is how often the control item is read. Default: 5 s.
	ControlEvery time.Duration
	// RetryBase scales the delay before a failed task's next attempt, which is
	// uniform in [0, RetryBase·2^(attempt−1)], at most 15 minutes, and the time for
	// which a message is put back that the table or the queue kept the worker from
	// dealing with, which doubles with each receive up to 5 minutes. Default: 1 s.
	RetryBase time.Duration
	// BadBackoff scales the time for which a message that cannot be understood is
	// hidden, doubling with each receive up to Unknown. Default: 2 s.
	BadBackoff time.Duration
	// Unknown is how long a message is hidden whose handler or job this worker does
	// not know; a deploy may be under way. Default: 60 s.
	Unknown time.Duration
	// HandOver is how long a message's tasks run before the worker asks whether the
	// queue is empty; if it is, idle workers can have the rest. −1 means never. Default: 5 s.
	HandOver time.Duration
	// GiveUp makes Run return an error when no call to the queue has succeeded for
	// so long: a laptop's worker whose endpoint is gone. Zero means never.
	GiveUp time.Duration
	// DeadMan is how long the fleet's leader may be silent before this worker takes no new
	// work: without a leader nobody holds the cost limits. A fleet that never had one goes on. Zero means never.
	DeadMan time.Duration
	// Guard protects the worker while it polls, so that only its leader stops it, by name. Default: nothing does.
	Guard Guard
	// ProtectFor is how long it is protected at a time, renewed when half of it is over: so long a worker that hangs cannot
	// be stopped by shrinking the fleet. At least 2 min. Default: 1 h.
	ProtectFor time.Duration
	// OutOfTouch is for how long the ledger may not be written, or the control item not be read, before the worker gives its
	// protection up while it goes on: its leader cannot release it by name. Default: 2 min.
	OutOfTouch time.Duration
	// Cost is the fixed part of the worker's cost sample: provider, size, launch time.
	Cost store.CostSample
	// Requests returns the totals of what this process's calls to AWS are billed
	// for, by name (see internal/meter). Default: none are reported.
	Requests func() map[string]int64
	// Trace returns the context in which a message's outcome is recorded, given the traceparent that the message brought
	// ("" for none). Default: its lease's context as it is.
	Trace func(ctx context.Context, traceparent string) context.Context
	// Beats is told after each heartbeat how many leases were extended, how many could not be and are held still, and how
	// many are lost. It must not block. Default: nobody is told.
	Beats func(extended, failed, lost int)
	// Build names the program's build in the handler list.
	Build string
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
	// Rand supplies jitter. The worker keeps it to itself: two workers need two.
	// Default: seeded by the runtime.
	Rand *rand.Rand
}

func (c Config) withDefaults() Config {
	c.Fleet = cmp.Or(c.Fleet, "default")
	c.Slots = cmp.Or(c.Slots, DefaultSlots)
	c.MaxPrefetch = max(0, cmp.Or(c.MaxPrefetch, DefaultMaxPrefetch))
	c.PrefetchWork = cmp.Or(c.PrefetchWork, DefaultPrefetchWork)
	c.Grace = cmp.Or(c.Grace, DefaultGrace)
	c.IdleWait = cmp.Or(c.IdleWait, DefaultIdleWait)
	c.BusyWait = cmp.Or(c.BusyWait, DefaultBusyWait)
	c.LedgerEvery = cmp.Or(c.LedgerEvery, DefaultLedgerEvery)
	c.LedgerEdge = cmp.Or(c.LedgerEdge, DefaultLedgerEdge)
	c.ControlEvery = cmp.Or(c.ControlEvery, DefaultControl)
	c.RetryBase = cmp.Or(c.RetryBase, DefaultRetryBase)
	c.BadBackoff = cmp.Or(c.BadBackoff, DefaultBadBackoff)
	c.Unknown = cmp.Or(c.Unknown, DefaultUnknown)
	c.HandOver = cmp.Or(c.HandOver, DefaultHandOver)
	c.ProtectFor = cmp.Or(c.ProtectFor, DefaultProtectFor)
	c.OutOfTouch = cmp.Or(c.OutOfTouch, DefaultOutOfTouch)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Requests == nil {
		c.Requests = func() map[string]int64 { return nil }
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return c
}

// maxWait is the longest long poll (SQS API reference, ReceiveMessage).
const maxWait = 20 * time.Second

func (c Config) validate() error {
	switch {
	case c.Queue == nil || c.QueueURL == "" || c.Results == nil:
		return errors.New("consumer: Queue, QueueURL and Results are required")
	case c.DeadMan < 0:
		return fmt.Errorf("consumer: DeadMan is %v, must not be negative", c.DeadMan)
	case c.OutOfTouch < 0:
		return fmt.Errorf("consumer: OutOfTouch is %v, must not be negative", c.OutOfTouch)
	case c.PrefetchWork < 0:
		return fmt.Errorf("consumer: PrefetchWork is %v, must not be negative", c.PrefetchWork)
	case c.ProtectFor < 2*time.Minute:
		return fmt.Errorf("consumer: ProtectFor is %v, must be at least 2 min", c.ProtectFor)
	case len(c.Handlers) == 0:
		return errors.New("consumer: Handlers is empty: a worker without handlers could only refuse messages")
	case c.Name == "":
		return errors.New("consumer: Name is required")
	case c.Slots < 1 || c.Slots > 1024:
		return fmt.Errorf("consumer: Slots is %d, must be 1 to 1024", c.Slots)
	case c.IdleWait < 0 || c.IdleWait > maxWait || c.BusyWait < 0 || c.BusyWait > maxWait:
		return fmt.Errorf("consumer: IdleWait %v and BusyWait %v must be 0 to %v", c.IdleWait, c.BusyWait, maxWait)
	case c.Visibility != 0 && (c.Visibility < 3*time.Second || c.Visibility > maxLease):
		return fmt.Errorf("consumer: Visibility is %v, must be 3 s to 12 h", c.Visibility)
	case c.LedgerEdge > c.LedgerEvery:
		return fmt.Errorf("consumer: LedgerEdge %v is longer than LedgerEvery %v", c.LedgerEdge, c.LedgerEvery)
	}
	return nil
}
