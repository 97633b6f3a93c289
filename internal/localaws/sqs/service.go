package sqs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// TargetPrefix is what X-Amz-Target holds before the operation's name.
const TargetPrefix = "AmazonSQS."

const (
	// DefaultRegion is the region of ARNs.
	DefaultRegion = "us-east-1"
	// DefaultAccount is the account of ARNs and queue URLs.
	DefaultAccount = "000000000000"
	// Polls wait this long while Hurry is on: at first briefly, since the workers that it is for end in a moment, and then as long as it
	// has been on, up to the longer. Not 0: workers that poll in a loop would keep the machine busy.
	firstHurriedWait = 2 * time.Millisecond
	hurriedWait      = 50 * time.Millisecond
	// maxBody bounds a request: 1 MiB of message text in its longest JSON form
	// (six bytes for a control character) and the entries around it.
	maxBody = 8 << 20
)

// Options configures New.
type Options struct {
	// Region of the ARNs. Default: DefaultRegion.
	Region string
	// Account of the ARNs and queue URLs. Default: DefaultAccount.
	Account string
	// BaseURL starts queue URLs, without a slash at its end. Default: http://
	// and the Host that the client asked, so that the URL works for this client.
	BaseURL string
	// OnRequests is told how many requests SQS would bill: one per call, and one more for each further 64 KB of
	// the messages it carries (Amazon SQS pricing). Default: nothing.
	OnRequests func(n int64)
	// Log receives what no caller can be told. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Region = cmp.Or(o.Region, DefaultRegion)
	o.Account = cmp.Or(o.Account, DefaultAccount)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.OnRequests == nil {
		o.OnRequests = func(int64) {}
	}
	return o
}

// Service is the SQS endpoint of one account in one region.
type Service struct {
	opts    Options
	db      *db.DB
	handler *awsjson.Handler
	ids     idSource
	kept    keptBytes

	mu      sync.RWMutex // protects the fields up to the blank line
	queues  map[string]*queue
	moves   []*moveTask   // oldest first
	hurried time.Time     // when Hurry was turned on; zero while it is off
	hurry   chan struct{} // closed while it is on

	ctx        context.Context //nolint:containedctx // of the moving tasks; ends with Close
	cancel     context.CancelFunc
	background sync.WaitGroup
}

var _ http.Handler = (*Service)(nil)

// New creates the service's tables if they are missing, and loads its queues and
// messages. Messages that were in flight still are, until their deadlines. The
// database stays the caller's: close it after the service.
func New(d *db.DB, o Options) (*Service, error) {
	s := &Service{
		opts:   o.withDefaults(),
		db:     d,
		queues: map[string]*queue{},
		hurry:  make(chan struct{}),
	}
	// The queue index outlives a request, and so do the moving tasks.
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	s.handler, err = awsjson.NewHandler(awsjson.Config{
		TargetPrefix: TargetPrefix,
		Namespace:    "com.amazonaws.sqs",
		MaxBody:      maxBody,
		Operations:   s.operations(),
	})
	if err != nil {
		return nil, err
	}
	s.ids.raise(time.Now().UnixMicro())
	if err := d.Update(s.ctx, prepareTables); err != nil {
		return nil, fmt.Errorf("create the SQS tables: %w", err)
	}
	if err := s.load(s.ctx); err != nil {
		return nil, fmt.Errorf("load the SQS queues: %w", err)
	}
	s.resumeMoves()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.opts.OnRequests(1)
	s.handler.ServeHTTP(w, r)
}

// billedPayload is what one billed request carries.
const billedPayload = 64 << 10

// carried bills the payload of a call beyond the first 64 KB.
func (s *Service) carried(bytes int) {
	if more := (bytes - 1) / billedPayload; more > 0 {
		s.opts.OnRequests(int64(more))
	}
}

// Close ends open long polls and moving tasks, which continue when the service
// is opened again.
func (s *Service) Close() {
	s.cancel()
	s.background.Wait()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, q := range s.queues {
		q.stop()
	}
}

// Hurry has open long polls answered at once, and new ones within 50 ms, while it is on: a
// worker that is stopping waits for its open poll, and a person waits for the worker.
func (s *Service) Hurry(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on == !s.hurried.IsZero():
	case on:
		s.hurried = time.Now()
		close(s.hurry)
	default:
		s.hurried = time.Time{}
		s.hurry = make(chan struct{})
	}
}

// patience returns how long a poll may wait, and the channel that ends it early.
func (s *Service) patience(wait time.Duration) (time.Duration, <-chan struct{}) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.hurried.IsZero() {
		return min(wait, max(firstHurriedWait, min(time.Since(s.hurried), hurriedWait))), nil
	}
	return wait, s.hurry
}

// operations is the dispatch table.
func (s *Service) operations() map[string]awsjson.Operation {
	return map[string]awsjson.Operation{
		"CreateQueue":                  op(s.createQueue),
		"GetQueueUrl":                  op(s.getQueueURL),
		"ListQueues":                   op(s.listQueues),
		"DeleteQueue":                  op(s.deleteQueue),
		"PurgeQueue":                   op(s.purgeQueue),
		"GetQueueAttributes":           op(s.getQueueAttributes),
		"SetQueueAttributes":           op(s.setQueueAttributes),
		"TagQueue":                     op(s.tagQueue),
		"UntagQueue":                   op(s.untagQueue),
		"ListQueueTags":                op(s.listQueueTags),
		"AddPermission":                op(s.addPermission),
		"RemovePermission":             op(s.removePermission),
		"SendMessage":                  op(s.sendMessage),
		"SendMessageBatch":             op(s.sendMessageBatch),
		"ReceiveMessage":               op(s.receiveMessage),
		"DeleteMessage":                op(s.deleteMessage),
		"DeleteMessageBatch":           op(s.deleteMessageBatch),
		"ChangeMessageVisibility":      op(s.changeMessageVisibility),
		"ChangeMessageVisibilityBatch": op(s.changeMessageVisibilityBatch),
		"ListDeadLetterSourceQueues":   op(s.listDeadLetterSourceQueues),
		"StartMessageMoveTask":         op(s.startMessageMoveTask),
		"ListMessageMoveTasks":         op(s.listMessageMoveTasks),
		"CancelMessageMoveTask":        op(s.cancelMessageMoveTask),
	}
}

// op makes an operation of a method that also sees the request.
func op[In, Out any](serve func(ctx context.Context, r *awsjson.Request, in *In) (*Out, error)) awsjson.Operation {
	return func(ctx context.Context, r *awsjson.Request) (any, error) {
		in := new(In)
		if err := r.Decode(in); err != nil {
			return nil, err
		}
		out, err := serve(ctx, r, in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}
}

// none is the result of operations that return nothing.
type none struct{}

func (s *Service) arnOf(name string) string {
	return "arn:aws:sqs:" + s.opts.Region + ":" + s.opts.Account + ":" + name
}

func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

func isFIFO(name string) bool { return strings.HasSuffix(name, ".fifo") }

func (s *Service) urlOf(r *awsjson.Request, name string) string {
	return cmp.Or(s.opts.BaseURL, "http://"+r.HTTP.Host) + "/" + s.opts.Account + "/" + name
}

// queueAt finds the queue of a QueueUrl. Only its path counts: the same endpoint
// may be reached under several names. A bare name is accepted, as by SQS.
func (s *Service) queueAt(url string) (*queue, error) {
	if url == "" {
		return nil, missingParameter("QueueUrl")
	}
	name := url
	if i := strings.LastIndexByte(url, '/'); i >= 0 {
		name = url[i+1:]
		if !strings.HasSuffix(url[:i], "/"+s.opts.Account) {
			return nil, queueDoesNotExist()
		}
	}
	if q := s.queueNamed(name); q != nil {
		return q, nil
	}
	return nil, queueDoesNotExist()
}

func (s *Service) queueNamed(name string) *queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.queues[name]
}

// queueByARN returns nil for an ARN of another account or region as well.
func (s *Service) queueByARN(arn string) *queue {
	name := nameOf(arn)
	if arn != s.arnOf(name) {
		return nil
	}
	return s.queueNamed(name)
}

// update waits for a commit even when the client has gone: what is written must
// also reach the index.
func (s *Service) update(ctx context.Context, write func(tx *db.Tx) error) error {
	return s.db.Update(context.WithoutCancel(ctx), write)
}

// flush writes the rows of messages that were received or hidden, later and all
// at once. The caller holds q.mu.
func (s *Service) flush(q *queue) {
	if q.flushing || len(q.dirty) == 0 {
		return
	}
	q.flushing = true
	s.db.Queue(func(tx *db.Tx) error {
		q.mu.Lock()
		rows := make([]received, 0, len(q.dirty))
		for i, m := range q.dirty {
			q.dirty[i] = nil
			m.dirty = false
			if m.state != gone {
				rows = append(rows, received{m.id, m.visibleAt, m.first, m.received, m.receives})
			}
		}
		q.dirty, q.flushing = q.dirty[:0], false
		q.mu.Unlock()
		for _, r := range rows {
			if err := writeReceived(tx, r); err != nil {
				return fmt.Errorf("write the state of received messages: %w", err)
			}
		}
		return nil
	})
}

// drop deletes the rows of messages whose retention has ended, later.
func (s *Service) drop(expired []*message) {
	if len(expired) == 0 {
		return
	}
	rows := deletions(expired)
	s.db.Queue(func(tx *db.Tx) error { return deleteMessages(tx, rows) })
}

// idSource gives ids to queues and messages. They start at the clock's
// microseconds, so that an id is not used again after a restart although its
// row, the largest one, was deleted: an old receipt handle must not fit a new
// message. No process creates a million messages a second for long enough to
// run ahead of the clock.
type idSource struct{ last atomic.Int64 }

func (s *idSource) next() int64 { return s.last.Add(1) }

// raise makes later ids larger than id.
func (s *idSource) raise(id int64) { s.last.Store(max(s.last.Load(), id)) }
