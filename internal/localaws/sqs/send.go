package sqs

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's checksum
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// sendInput is a message to send: SendMessage's input and, with an Id, an entry
// of a batch.
type sendInput struct {
	ID                      string `json:"Id"`
	QueueURL                string `json:"QueueUrl"`
	MessageBody             *string
	DelaySeconds            *int64
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageDeduplicationID  *string `json:"MessageDeduplicationId"`
	MessageGroupID          *string `json:"MessageGroupId"`
}

// sendBatchInput is SendMessageBatch's.
type sendBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendInput
}

// outgoing is a message on its way into a queue.
type outgoing struct {
	*message
	text      string // the body, whether the index keeps it or not
	traceMD5  string
	dedupKey  string // FIFO
	duplicate bool   // not to be stored: uuid and sequence are the first one's
}

// size counts what SQS counts: the body and the attributes' names, types and values.
func (in *sendInput) size() int {
	n := 0
	if in.MessageBody != nil {
		n = len(*in.MessageBody)
	}
	for name, a := range in.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.BinaryValue) + len(a.text())
	}
	return n
}

// prepare checks one message against a queue's settings.
func (s *Service) prepare(in *sendInput, set *settings, at int64) (*outgoing, error) {
	if in.MessageBody == nil {
		return nil, missingParameter("MessageBody")
	}
	body := *in.MessageBody
	if body == "" {
		return nil, invalidParameter("One or more parameters are invalid. Reason: Message must be at least one character.")
	}
	if !isBodyText(body) {
		return nil, coded("InvalidMessageContents", "", "Invalid characters were found in the message body. The valid characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if err := checkAttributes(in.MessageAttributes); err != nil {
		return nil, err
	}
	if size := in.size(); size > set.maxSize {
		return nil, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", set.maxSize)
	}
	delay := set.delay
	if in.DelaySeconds != nil {
		if *in.DelaySeconds < 0 || *in.DelaySeconds > int64(maxDelay/time.Second) {
			return nil, invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", *in.DelaySeconds, int64(maxDelay/time.Second))
		}
		if set.fifo && *in.DelaySeconds != 0 {
			return nil, invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.", *in.DelaySeconds)
		}
		if !set.fifo {
			delay = *in.DelaySeconds * 1000
		}
	}
	m := &message{
		uuid: newUUID(), size: int32(in.size()), bodyMD5: md5.Sum([]byte(body)), //nolint:gosec // SQS's checksum
		sent: at, visibleAt: at + delay,
	}
	out := &outgoing{message: m, text: body}
	if len(body) <= inlineBody && s.kept.hasRoom(len(body)) {
		m.body = body
	} else {
		m.stored = true
	}
	return out, out.addExtra(in, set)
}

// addExtra checks and stores what most messages do not have.
func (out *outgoing) addExtra(in *sendInput, set *settings) error {
	x := extra{Attributes: in.MessageAttributes, MD5: attributesMD5(in.MessageAttributes)}
	for name, a := range in.MessageSystemAttributes {
		if name != "AWSTraceHeader" {
			return invalidParameter("Message system attribute name %q is invalid. The only one that can be sent is AWSTraceHeader.", name)
		}
		if a.DataType != "String" || a.text() == "" {
			return invalidParameter("The message system attribute AWSTraceHeader must be a non-empty String.")
		}
		x.Trace, out.traceMD5 = a.text(), attributesMD5(in.MessageSystemAttributes)
	}
	if in.MessageGroupID != nil {
		if !isToken(*in.MessageGroupID) {
			return invalidParameter("Value %s for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.", *in.MessageGroupID)
		}
		x.Group = *in.MessageGroupID
	}
	if in.MessageDeduplicationID != nil {
		if !set.fifo {
			return invalidParameter("The request includes a parameter that is not valid for this queue type. Reason: MessageDeduplicationId is for FIFO queues.")
		}
		if !isToken(*in.MessageDeduplicationID) {
			return invalidParameter("Value %s for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.", *in.MessageDeduplicationID)
		}
		x.Dedup = *in.MessageDeduplicationID
	}
	if set.fifo {
		if x.Group == "" {
			return missingParameter("MessageGroupId")
		}
		if x.Dedup == "" && !set.contentDedup {
			return invalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		if x.Dedup == "" {
			sum := sha256.Sum256([]byte(out.text))
			x.Dedup = hex.EncodeToString(sum[:])
		}
		out.dedupKey = x.Dedup
		if set.dedupPerGroup {
			out.dedupKey = x.Group + " " + x.Dedup // a space is in neither
		}
	}
	if x.Attributes != nil || x.Trace != "" || x.Group != "" || x.Dedup != "" {
		out.extra = &x
	}
	return nil
}

// dedupEntry remembers the message that was sent first under a deduplication id.
type dedupEntry struct {
	expires  int64
	uuid     [16]byte
	sequence string
}

// send stores the messages, in order, and puts them into the index after their
// commit.
func (s *Service) send(ctx context.Context, q *queue, out []*outgoing, at int64) error {
	if len(out) == 0 {
		return nil
	}
	fifo := q.ready.fifo
	if fifo {
		q.sending.Lock()
		defer q.sending.Unlock()
		s.deduplicate(q, out, at)
	} else {
		for _, m := range out {
			m.id = s.ids.next()
		}
	}
	err := s.update(ctx, func(tx *db.Tx) error {
		for _, m := range out {
			if m.duplicate {
				continue
			}
			if err := insertMessage(tx, q.id, m.message, m.text); err != nil {
				return err
			}
			if fifo {
				if _, err := tx.Exec(`INSERT OR REPLACE INTO sqs_dedup(queue, key, expires, uuid, sequence) VALUES (?,?,?,?,?)`,
					q.id, m.dedupKey, at+dedupInterval.Milliseconds(), m.uuid[:], m.extra.Sequence); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store %d messages in %s: %w", len(out), q.arn, err)
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return queueDoesNotExist()
	}
	entered := now()
	for _, m := range out {
		if m.duplicate {
			continue
		}
		q.add(m.message, entered)
		if fifo {
			q.dedup[m.dedupKey] = dedupEntry{at + dedupInterval.Milliseconds(), m.uuid, m.extra.Sequence}
			q.dedupOrder = append(q.dedupOrder, m.dedupKey)
		}
	}
	q.wake()
	q.arm(entered)
	return nil
}

// deduplicate numbers the messages of a FIFO queue and marks those whose
// deduplication id was sent within five minutes, here or earlier in out.
func (s *Service) deduplicate(q *queue, out []*outgoing, at int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var forgotten []string
	for len(q.dedupOrder) > 0 {
		key := q.dedupOrder[0]
		if e, ok := q.dedup[key]; ok && e.expires > at {
			break
		}
		delete(q.dedup, key)
		forgotten = append(forgotten, key)
		q.dedupOrder = q.dedupOrder[1:]
	}
	if len(forgotten) > 0 {
		s.db.Queue(func(tx *db.Tx) error {
			for _, key := range forgotten {
				if _, err := tx.Exec(`DELETE FROM sqs_dedup WHERE queue=? AND key=?`, q.id, key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	first := map[string]dedupEntry{}
	for _, m := range out {
		e, seen := q.dedup[m.dedupKey]
		if !seen {
			e, seen = first[m.dedupKey]
		}
		if seen {
			m.duplicate, m.uuid, m.extra.Sequence = true, e.uuid, e.sequence
			continue
		}
		m.id = s.ids.next()
		m.extra.Sequence = fmt.Sprintf("%020d", m.id)
		first[m.dedupKey] = dedupEntry{uuid: m.uuid, sequence: m.extra.Sequence}
	}
}

func (s *Service) sendMessage(ctx context.Context, _ *awsjson.Request, in *sendInput) (*sendResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	set := q.snapshot()
	at := now()
	m, err := s.prepare(in, &set, at)
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, q, []*outgoing{m}, at); err != nil {
		return nil, err
	}
	s.carried(in.size())
	return &sendResult{m}, nil
}

func (s *Service) sendMessageBatch(ctx context.Context, _ *awsjson.Request, in *sendBatchInput) (*sendBatchResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(len(in.Entries), func(i int) string { return in.Entries[i].ID }); err != nil {
		return nil, err
	}
	total := 0
	for i := range in.Entries {
		total += in.Entries[i].size()
	}
	if total > maxBatchBytes {
		return nil, coded("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatchBytes, total)
	}
	set := q.snapshot()
	at := now()
	out := &sendBatchResult{}
	messages := make([]*outgoing, 0, len(in.Entries))
	for i := range in.Entries {
		m, err := s.prepare(&in.Entries[i], &set, at)
		if err != nil {
			out.failed = append(out.failed, failed(in.Entries[i].ID, err))
			continue
		}
		messages = append(messages, m)
		out.sent = append(out.sent, sentEntry{in.Entries[i].ID, m})
	}
	if err := s.send(ctx, q, messages, at); err != nil {
		return nil, err
	}
	s.carried(total)
	return out, nil
}

// checkBatch checks what holds for every batch: 1 to 10 entries with distinct ids.
func checkBatch(n int, id func(i int) string) error {
	if n == 0 {
		return coded("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if n > maxBatchEntries {
		return coded("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, n)
	}
	for i := range n {
		if !isName(id(i), maxBatchIDLength) {
			return coded("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		for j := range i {
			if id(j) == id(i) {
				return coded("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id %s repeated.", id(i))
			}
		}
	}
	return nil
}

// failedEntry is one entry of a batch that was not done.
type failedEntry struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

func failed(id string, err error) failedEntry {
	var e *awsjson.Error
	if !errors.As(err, &e) {
		return failedEntry{ID: id, Code: "InternalError", Message: err.Error()}
	}
	return failedEntry{ID: id, Code: shortCode(e), Message: e.Message, SenderFault: true}
}
