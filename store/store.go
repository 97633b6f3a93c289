package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// API is the part of DynamoDB that the store uses; *dynamodb.Client has it.
type API interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// TableAPI is what CreateTable needs on top of API; *dynamodb.Client has it.
type TableAPI interface {
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
}

var (
	_ API      = (*dynamodb.Client)(nil)
	_ TableAPI = (*dynamodb.Client)(nil)
)

// Blobs holds what is too large for an item. S3Blobs is the implementation.
type Blobs interface {
	// Put stores b under key. The same key is only ever put with the same
	// bytes, so it may be repeated. The caller retries transient errors.
	Put(ctx context.Context, key string, b []byte) error
	// Get returns the object's bytes; an error that wraps ErrNotFound when there is
	// none, a *TooLargeError when it has more than limit bytes, which are not read then.
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
}

// Defaults of the options.
const (
	// DefaultPatience is how long a call asks again after transient errors.
	DefaultPatience = 20 * time.Second
	// DefaultRetention is how long ledgers, decisions and bad messages are kept.
	DefaultRetention = 30 * 24 * time.Hour
)

// Store reads and writes the table. It is safe for concurrent use.
type Store struct {
	api       API
	table     *string
	blobs     Blobs
	now       func() time.Time
	rand      func() float64 // in [0,1), for jitter
	patience  time.Duration
	retention time.Duration
	replica   int // which copy of the control item this process reads
	zstd      *compressor

	mu      sync.Mutex
	pointed map[key]struct{} // guarded by mu: the P# items this process has written
}

// Option changes a default of New.
type Option func(*Store)

// WithBlobs gives the store a place for results and plans that do not fit an
// item. Default: none; what does not fit is refused with a *TooLargeError.
func WithBlobs(b Blobs) Option { return func(s *Store) { s.blobs = b } }

// WithClock replaces time.Now, which decides what has expired and stamps
// retention. Waiting itself uses timers (in tests: testing/synctest).
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithRand replaces the source of jitter: a function that returns a number in
// [0,1) and may be called concurrently. Default: math/rand/v2.
func WithRand(f func() float64) Option { return func(s *Store) { s.rand = f } }

// WithPatience sets how long a call other than PutResult asks again after
// transient errors that are not throttling. Throttling is retried until the
// context ends, as PutResult retries both. 0 means not at all.
// Default: 20 s.
func WithPatience(d time.Duration) Option { return func(s *Store) { s.patience = d } }

// WithRetention sets how long ledgers, decisions and bad messages are kept.
// Jobs and their results have an expiry of their own. Default: 30 days.
func WithRetention(d time.Duration) Option { return func(s *Store) { s.retention = d } }

// New returns a store over the table, which need not exist yet (see CreateTable).
func New(api API, table string, opts ...Option) *Store {
	s := &Store{
		api: api, table: aws.String(table), now: time.Now, rand: rand.Float64,
		patience: DefaultPatience, retention: DefaultRetention,
		zstd: newCompressor(maxUnpacked), pointed: map[key]struct{}{},
	}
	for _, o := range opts {
		o(s)
	}
	s.replica = int(s.rand() * controlCopies)
	return s
}

// Table returns the table's name.
func (s *Store) Table() string { return *s.table }
