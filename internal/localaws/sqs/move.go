package sqs

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// The states of a moving task.
const (
	moveRunning   = "RUNNING"
	moveCompleted = "COMPLETED"
	moveCancelled = "CANCELLED"
	moveFailed    = "FAILED"
)

const (
	moveBatch      = 100 // messages taken at once by an unlimited move
	moveVisibility = 30 * time.Second
	maxMovesListed = 10
	maxMovesKept   = 100 // of all queues; SQS keeps the last 10 of a queue
)

// moveTask moves a dead-letter queue's messages back, or elsewhere. The
// service's mutex protects it.
type moveTask struct {
	id          int64
	source      string // ARN, as destination
	destination string // "": each message's own source
	rate        int    // messages a second; 0: unlimited
	started     int64
	toMove      int
	moved       int
	status      string
	failure     string
	cancel      context.CancelFunc
}

func (t *moveTask) handle() string {
	return base64.RawURLEncoding.EncodeToString([]byte("move-" + strconv.FormatInt(t.id, 10) + "@" + t.source))
}

type startMoveInput struct {
	SourceArn                    string
	DestinationArn               string
	MaxNumberOfMessagesPerSecond *int64
}

type moveHandle struct {
	TaskHandle string
}

func (s *Service) startMessageMoveTask(ctx context.Context, _ *awsjson.Request, in *startMoveInput) (*moveHandle, error) {
	source, err := s.moveSource(in.SourceArn)
	if err != nil {
		return nil, err
	}
	if in.DestinationArn != "" {
		destination := s.queueByARN(in.DestinationArn)
		switch {
		case destination == nil:
			return nil, resourceNotFound("The resource that you specified for the DestinationArn parameter doesn't exist.")
		case destination == source:
			return nil, invalidParameter("Source queue arn and destination queue arn cannot be the same.")
		case destination.ready.fifo != source.ready.fifo:
			return nil, invalidParameter("The destination queue must be of the same type as the source queue.")
		}
	}
	rate, err := within("MaxNumberOfMessagesPerSecond", in.MaxNumberOfMessagesPerSecond, 1, maxMovesPerSecond, 0)
	if err != nil {
		return nil, err
	}
	source.mu.Lock()
	s.drop(source.advance(now()))
	toMove := source.ready.n
	source.mu.Unlock()
	t := &moveTask{
		id: s.ids.next(), source: in.SourceArn, destination: in.DestinationArn, rate: int(rate),
		started: now(), toMove: toMove, status: moveRunning,
	}
	s.mu.Lock()
	for _, other := range s.moves {
		if other.source == t.source && other.status == moveRunning {
			s.mu.Unlock()
			return nil, unsupported("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
	}
	s.moves = append(s.moves, t)
	s.launch(t)
	s.mu.Unlock()
	if err := s.saveMove(ctx, t); err != nil {
		return nil, err
	}
	return &moveHandle{t.handle()}, nil
}

// moveSource finds a queue that may be the source of a move: some queue's
// dead-letter queue.
func (s *Service) moveSource(arn string) (*queue, error) {
	if arn == "" {
		return nil, missingParameter("SourceArn")
	}
	source := s.queueByARN(arn)
	if source == nil {
		return nil, resourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, q := range s.queues {
		if p := q.snapshot().redrive; p != nil && p.Target == arn {
			return source, nil
		}
	}
	return nil, invalidParameter("Source queue must be configured as a Dead Letter Queue.")
}

// launch runs t in the background. The caller holds s.mu.
func (s *Service) launch(t *moveTask) {
	ctx, cancel := context.WithCancel(s.ctx)
	t.cancel = cancel
	s.background.Go(func() {
		defer cancel()
		s.runMove(ctx, t)
	})
}

// resumeMoves continues the tasks that ran when the endpoint ended.
func (s *Service) resumeMoves() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.moves {
		if t.status == moveRunning {
			s.launch(t)
		}
	}
}

// runMove moves what can be received until nothing is left or ctx ends.
func (s *Service) runMove(ctx context.Context, t *moveTask) {
	batch, pause := moveBatch, time.Duration(0)
	if t.rate > 0 {
		// Ten steps a second, or one message a step when that is slower.
		batch = max(1, t.rate/10)
		pause = time.Second * time.Duration(batch) / time.Duration(t.rate)
	}
	for {
		moved, err := s.moveSome(t, batch)
		s.mu.Lock()
		t.moved += moved
		switch {
		case t.status != moveRunning: // cancelled
		case err != nil:
			t.status, t.failure = moveFailed, err.Error()
		case moved == 0:
			t.status = moveCompleted
		}
		running := t.status == moveRunning
		s.mu.Unlock()
		// A kill before this commit repeats no move; only the count is older.
		if err := s.saveMove(ctx, t); err != nil {
			s.opts.Log.Error("moving task", "source", t.source, "err", err)
		}
		if !running {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// moveSome moves up to limit messages. They become new messages of their
// destinations: new ids, sent now, never received (developer guide, "Configure a
// dead-letter queue redrive").
func (s *Service) moveSome(t *moveTask, limit int) (moved int, err error) {
	source := s.queueByARN(t.source)
	if source == nil {
		return 0, fmt.Errorf("the source queue %s does not exist any more", t.source)
	}
	source.mu.Lock()
	s.drop(source.advance(now()))
	messages := source.take(now(), limit, moveVisibility.Milliseconds(), false).delivered
	source.mu.Unlock()
	for i, m := range messages {
		if err := s.moveOne(t, source, m); err != nil {
			s.giveBack(source, claimsOf(messages[i:]))
			return i, err
		}
	}
	return len(messages), nil
}

func (s *Service) moveOne(t *moveTask, source *queue, m message) error {
	arn := t.destination
	if arn == "" && m.extra != nil {
		arn = m.extra.Source
	}
	if arn == "" {
		return fmt.Errorf("message %s has no original source queue; name a destination", appendUUID(nil, m.uuid))
	}
	to := s.queueByARN(arn)
	if to == nil {
		return fmt.Errorf("the destination queue %s does not exist", arn)
	}
	at := now()
	text := m.body
	if m.stored {
		var err error
		if text, err = readBody(context.Background(), s.db, m.id); err != nil {
			return fmt.Errorf("read the body of message %d: %w", m.id, err)
		}
	}
	fresh := &message{
		id: s.ids.next(), uuid: newUUID(), body: m.body, stored: m.stored, size: m.size, bodyMD5: m.bodyMD5,
		sent: at, visibleAt: at,
	}
	if m.extra != nil {
		x := *m.extra
		x.Source = ""
		if to.ready.fifo {
			x.Sequence = fmt.Sprintf("%020d", fresh.id)
		}
		fresh.extra = &x
	}
	// One transaction: a kill leaves the message in one of the two queues.
	err := s.update(context.Background(), func(tx *db.Tx) error {
		if err := insertMessage(tx, to.id, fresh, text); err != nil {
			return err
		}
		return deleteMessages(tx, []deletion{{m.id, m.stored}})
	})
	if err != nil {
		return fmt.Errorf("move message %d: %w", m.id, err)
	}
	source.mu.Lock()
	if old := source.messages[m.id]; old != nil {
		source.remove(old)
	}
	source.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	to.add(fresh, at)
	to.wake()
	return nil
}

type listMovesInput struct {
	SourceArn  string
	MaxResults *int64
}

type listMovesResult struct {
	Results []moveEntry
}

type moveEntry struct {
	TaskHandle                        string `json:",omitempty"`
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      int    `json:",omitempty"`
	Status                            string
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
}

func (s *Service) listMessageMoveTasks(_ context.Context, _ *awsjson.Request, in *listMovesInput) (*listMovesResult, error) {
	if in.SourceArn == "" {
		return nil, missingParameter("SourceArn")
	}
	limit, err := within("MaxResults", in.MaxResults, 1, maxMovesListed, 1)
	if err != nil {
		return nil, err
	}
	if s.queueByARN(in.SourceArn) == nil {
		return nil, resourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &listMovesResult{Results: []moveEntry{}}
	for i := len(s.moves) - 1; i >= 0 && int64(len(out.Results)) < limit; i-- {
		t := s.moves[i]
		if t.source != in.SourceArn {
			continue
		}
		e := moveEntry{
			SourceArn: t.source, DestinationArn: t.destination, MaxNumberOfMessagesPerSecond: t.rate,
			Status: t.status, FailureReason: t.failure, StartedTimestamp: t.started,
			ApproximateNumberOfMessagesMoved: t.moved, ApproximateNumberOfMessagesToMove: t.toMove,
		}
		if t.status == moveRunning {
			e.TaskHandle = t.handle()
		}
		out.Results = append(out.Results, e)
	}
	return out, nil
}

type cancelMoveResult struct {
	ApproximateNumberOfMessagesMoved int
}

func (s *Service) cancelMessageMoveTask(_ context.Context, _ *awsjson.Request, in *moveHandle) (*cancelMoveResult, error) {
	text, err := base64.RawURLEncoding.DecodeString(in.TaskHandle)
	if err != nil || !strings.HasPrefix(string(text), "move-") {
		return nil, invalidParameter("Value for parameter TaskHandle is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.moves {
		if t.handle() != in.TaskHandle {
			continue
		}
		if t.status != moveRunning {
			return nil, unsupported("Only active tasks can be cancelled. This one is %s.", t.status)
		}
		t.status = moveCancelled
		t.cancel()
		return &cancelMoveResult{t.moved}, nil
	}
	return nil, resourceNotFound("Task does not exist.")
}

// saveMove stores a task as it is when the writer comes to it.
func (s *Service) saveMove(ctx context.Context, t *moveTask) error {
	return s.update(ctx, func(tx *db.Tx) error {
		s.mu.RLock()
		c := *t
		s.mu.RUnlock()
		_, err := tx.Exec(`INSERT OR REPLACE INTO sqs_move(id, source, destination, rate, started, to_move, moved, status, failure)
			VALUES (?,?,?,?,?,?,?,?,?)`, c.id, c.source, c.destination, c.rate, c.started, c.toMove, c.moved, c.status, c.failure)
		if err != nil {
			return fmt.Errorf("store a moving task: %w", err)
		}
		_, err = tx.Exec(`DELETE FROM sqs_move WHERE id IN (SELECT id FROM sqs_move ORDER BY id DESC LIMIT -1 OFFSET ?)`, maxMovesKept)
		return err
	})
}

func (s *Service) loadMoves(c *db.Conn, _ map[int64]*queue) error {
	return each(c, `SELECT id, source, destination, rate, started, to_move, moved, status, failure FROM sqs_move ORDER BY id`,
		func(scan func(...any) error) error {
			t := &moveTask{}
			if err := scan(&t.id, &t.source, &t.destination, &t.rate, &t.started, &t.toMove, &t.moved, &t.status, &t.failure); err != nil {
				return err
			}
			s.moves = append(s.moves, t)
			return nil
		})
}
