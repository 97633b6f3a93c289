package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/store"
)

// Queue is the call of SQS that a producer makes; *sqs.Client has it.
type Queue interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Jobs is the part of the table that a producer uses; *store.Store has it.
type Jobs interface {
	// CreateJob returns a *store.JobExistsError when the id is taken.
	CreateJob(context.Context, store.Job) error
	// SetConfirmed raises the number of confirmed tasks; it never lowers it.
	SetConfirmed(ctx context.Context, job string, n int) error
	// Seal records that all tasks are confirmed. It may be repeated.
	Seal(ctx context.Context, job string) error
	// Pending yields the messages that have no result item, those of one root
	// together and the roots in order.
	Pending(context.Context, store.Job) iter.Seq2[store.Child, error]
}

// Blobs is where arguments go that are too large for a message; store.S3Blobs is one.
type Blobs interface {
	// Put stores b under key. It may be repeated with the same bytes.
	Put(ctx context.Context, key string, b []byte) error
}

var (
	_ Queue = (*sqs.Client)(nil)
	_ Jobs  = (*store.Store)(nil)
	_ Blobs = (store.Blobs)(nil)
)

// Defaults of Config.
const (
	DefaultInFlight     = 8
	DefaultMaxArgument  = 64 << 20
	DefaultGiveUpAfter  = 2 * time.Minute
	DefaultConfirmEvery = time.Second
	DefaultLinger       = 2 * time.Second
)

// Config of a Producer.
type Config struct {
	// Queue and QueueURL are where messages go. Required.
	Queue    Queue
	QueueURL string
	// Jobs is the table. Required.
	Jobs Jobs
	// Blobs takes arguments that do not fit a message. Default: none; such arguments are refused.
	Blobs Blobs
	// InFlight is how many batches are sent at once. Default: 8.
	InFlight int
	// MaxBody is the largest message the queue takes, and the most bytes in one
	// batch, 128 KiB to 1 MiB. Default: 1 MiB, as SQS does.
	MaxBody int
	// MaxArgument is the largest argument, offloaded ones included, in bytes of
	// msgpack, at most codec.MaxOffload. Default: 64 MiB.
	MaxArgument int
	// GiveUpAfter is how long one batch is tried before Submit ends with a
	// *PartlyEnqueuedError; -1 means until the context ends. Default: 2 min.
	GiveUpAfter time.Duration
	// ConfirmEvery is how often the job's confirmed count is written while sending. Default: 1 s.
	ConfirmEvery time.Duration
	// Linger is how long batches under way may still finish after the context has
	// ended, so that the count of what is enqueued is right. Default: 2 s.
	Linger time.Duration
	// Now tells the time of a job's creation. Default: time.Now.
	Now func() time.Time
	// NewID names jobs that have no id. Default: NewJobID.
	NewID func(now time.Time) string
}

// minBody leaves room for a default chunk (64 KiB as base64).
const minBody = 128 << 10

func (c Config) withDefaults() Config {
	c.InFlight = cmp.Or(c.InFlight, DefaultInFlight)
	c.MaxBody = cmp.Or(c.MaxBody, codec.MaxBody)
	c.MaxArgument = cmp.Or(c.MaxArgument, DefaultMaxArgument)
	c.GiveUpAfter = cmp.Or(c.GiveUpAfter, DefaultGiveUpAfter)
	c.ConfirmEvery = cmp.Or(c.ConfirmEvery, DefaultConfirmEvery)
	c.Linger = cmp.Or(c.Linger, DefaultLinger)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = NewJobID
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Queue == nil || c.QueueURL == "":
		return errors.New("producer: Queue and QueueURL are required")
	case c.Jobs == nil:
		return errors.New("producer: Jobs is required")
	case c.InFlight < 1:
		return fmt.Errorf("producer: InFlight is %d; at least 1 batch is in flight", c.InFlight)
	case c.MaxBody < minBody || c.MaxBody > codec.MaxBody:
		return fmt.Errorf("producer: MaxBody is %d; %d to %d are allowed", c.MaxBody, minBody, codec.MaxBody)
	case c.MaxArgument < 1 || c.MaxArgument > codec.MaxOffload-arrayHeader:
		return fmt.Errorf("producer: MaxArgument is %d; 1 to %d are allowed", c.MaxArgument, codec.MaxOffload-arrayHeader)
	case c.ConfirmEvery < 0 || c.Linger < 0 || c.GiveUpAfter < -1:
		return errors.New("producer: times cannot be negative")
	}
	return nil
}

// Producer makes jobs of sources and puts their tasks on the queue. It is safe
// for concurrent use.
type Producer struct {
	cfg    Config
	policy sqsbatch.Policy
}

// New returns a Producer, or an error that names the field of c that is wrong.
func New(c Config) (*Producer, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Producer{cfg: c, policy: sqsbatch.Policy{
		MaxBytes: c.MaxBody,
		// Somebody waits: a permission that is missing now will be missing in two minutes.
		Final: awserr.IsAccess,
	}}, nil
}

// Report is what Submit did.
type Report struct {
	// Job as it is after the call.
	Job store.Job
	// Sent and Skipped count tasks: those that SQS confirmed in this call, and
	// those of a resumed job that are settled or handed on and were not sent again.
	Sent, Skipped int
	// Messages counts the messages sent.
	Messages int
	// Resumed is true when the job existed before the call.
	Resumed bool
}

// Submit prepares the job and sends it: see Prepare and Send for the errors.
func (p *Producer) Submit(ctx context.Context, spec Spec) (Report, error) {
	prepared, err := p.Prepare(ctx, spec)
	if err != nil {
		return Report{}, err
	}
	return p.Send(ctx, prepared)
}
