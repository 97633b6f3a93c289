package sqs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLResult struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) createQueue(ctx context.Context, r *awsjson.Request, in *createQueueInput) (*queueURLResult, error) {
	fifo := isFIFO(in.QueueName)
	if !isName(strings.TrimSuffix(in.QueueName, ".fifo"), maxQueueName) || len(in.QueueName) > maxQueueName {
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. The name of a FIFO queue must end with the .fifo suffix.")
	}
	set, err := settings{}.with(in.Attributes, fifo)
	if err != nil {
		return nil, err
	}
	if fifo != (set.given["FifoQueue"] == "true") {
		return nil, invalidParameter("The name of a FIFO queue ends with .fifo, and such a queue is created with the attribute FifoQueue=true.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	result := &queueURLResult{s.urlOf(r, in.QueueName)}
	if q := s.queueNamed(in.QueueName); q != nil {
		return result, q.sameAs(set)
	}
	if err := s.checkRedrive(set, s.arnOf(in.QueueName)); err != nil {
		return nil, err
	}
	q := newQueue(s.ids.next(), s.arnOf(in.QueueName), set, &s.kept)
	q.tags = maps.Clone(in.Tags)
	q.created = now()
	q.modified = q.created
	err = s.update(ctx, func(tx *db.Tx) error {
		// Two creates of one name may have come this far.
		if exists, err := tx.Row(`SELECT 1 FROM sqs_queue WHERE name=?`, []any{in.QueueName}, new(int)); err != nil || exists {
			return err
		}
		if err := writeQueue(tx, q); err != nil {
			return err
		}
		// In the writer, so that the index gets the queue that has the row.
		s.mu.Lock()
		defer s.mu.Unlock()
		s.queues[in.QueueName] = q
		return nil
	})
	if err != nil {
		s.forget(q)
		return nil, fmt.Errorf("create queue %s: %w", in.QueueName, err)
	}
	if made := s.queueNamed(in.QueueName); made != nil && made != q {
		return result, made.sameAs(set)
	}
	return result, nil
}

// sameAs refuses to create a queue again with other attributes.
func (q *queue) sameAs(wanted settings) error {
	if name, differs := q.snapshot().differs(wanted); differs {
		return coded("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", name)
	}
	return nil
}

// checkRedrive checks what a redrive policy says about another queue.
func (s *Service) checkRedrive(set settings, source string) error {
	if set.redrive == nil {
		return nil
	}
	refuse := func(reason string) error {
		return invalidParameter("Value %s for parameter RedrivePolicy is invalid. Reason: %s.", set.given["RedrivePolicy"], reason)
	}
	dead := s.queueByARN(set.redrive.Target)
	if dead == nil {
		return refuse("Dead letter target does not exist")
	}
	if dead.ready.fifo != set.fifo {
		return refuse("Dead-letter queue must be same type of queue as the source")
	}
	if !dead.snapshot().allow.allows(source) {
		return refuse("the RedriveAllowPolicy of the dead-letter queue does not allow this source")
	}
	return nil
}

type getQueueURLInput struct {
	QueueName string
	Owner     string `json:"QueueOwnerAWSAccountId"`
}

func (s *Service) getQueueURL(_ context.Context, r *awsjson.Request, in *getQueueURLInput) (*queueURLResult, error) {
	if in.QueueName == "" {
		return nil, missingParameter("QueueName")
	}
	if s.queueNamed(in.QueueName) == nil || in.Owner != "" && in.Owner != s.opts.Account {
		return nil, queueDoesNotExist()
	}
	return &queueURLResult{s.urlOf(r, in.QueueName)}, nil
}

// queueInput is that of operations which need no more than a queue.
type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) deleteQueue(ctx context.Context, _ *awsjson.Request, in *queueInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	err = s.update(ctx, func(tx *db.Tx) error { return deleteQueue(tx, q.id) })
	if err != nil {
		return nil, fmt.Errorf("delete queue %s: %w", q.arn, err)
	}
	s.forget(q)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deleted = true
	q.clear()
	q.wakeAll()
	return nil, nil
}

// forget takes q out of the map of queues, unless the name is another queue's by now.
func (s *Service) forget(q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[nameOf(q.arn)] == q {
		delete(s.queues, nameOf(q.arn))
	}
}

// clear empties the index. The caller holds mu.
func (q *queue) clear() {
	for _, m := range q.messages {
		q.remove(m)
	}
}

func (s *Service) purgeQueue(ctx context.Context, _ *awsjson.Request, in *queueInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	q.purged = s.ids.next()
	last := q.purged
	q.clear()
	q.mu.Unlock()
	if err := s.update(ctx, func(tx *db.Tx) error { return purgeRows(tx, q.id, last) }); err != nil {
		return nil, fmt.Errorf("purge queue %s: %w", q.arn, err)
	}
	return nil, nil
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames names
}

type attributesResult struct {
	Attributes map[string]string `json:",omitempty"`
}

// computedAttributes are those that can be read and not set.
var computedAttributes = []string{
	"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible",
	"CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
}

func (s *Service) getQueueAttributes(_ context.Context, _ *awsjson.Request, in *getQueueAttributesInput) (*attributesResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	all := false
	for _, name := range in.AttributeNames {
		if name == "All" {
			all = true
		} else if _, ok := queueAttributes[name]; !ok && !slices.Contains(computedAttributes, name) {
			return nil, invalidAttributeName(name)
		}
	}
	q.mu.Lock()
	s.drop(q.advance(now()))
	values := q.attributes()
	q.mu.Unlock()
	if !all {
		maps.DeleteFunc(values, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return &attributesResult{values}, nil
}

// attributes returns every attribute that the queue has. The caller holds mu.
func (q *queue) attributes() map[string]string {
	values := maps.Clone(q.settings.given)
	for name, a := range queueAttributes {
		if values[name] == "" && a.fallback != "" && (!a.fifo || q.ready.fifo) {
			values[name] = a.fallback
		}
	}
	if values["SqsManagedSseEnabled"] == "" {
		values["SqsManagedSseEnabled"] = strconv.FormatBool(values["KmsMasterKeyId"] == "")
	}
	visible, notVisible, delayed := q.counts()
	for i, v := range []int{visible, delayed, notVisible, int(q.created / 1000), int(q.modified / 1000)} {
		values[computedAttributes[i]] = strconv.Itoa(v)
	}
	values["QueueArn"] = q.arn
	return values
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (s *Service) setQueueAttributes(ctx context.Context, _ *awsjson.Request, in *setQueueAttributesInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if len(in.Attributes) == 0 {
		return nil, missingParameter("Attributes")
	}
	if _, ok := in.Attributes["FifoQueue"]; ok {
		return nil, invalidAttributeName("FifoQueue")
	}
	if _, ok := in.Attributes["RedrivePolicy"]; ok {
		// Before the change: two queues are never locked at once.
		set, err := q.snapshot().with(in.Attributes, q.ready.fifo)
		if err != nil {
			return nil, err
		}
		if err := s.checkRedrive(set, q.arn); err != nil {
			return nil, err
		}
	}
	return nil, s.change(ctx, q, func() error {
		set, err := q.settings.with(in.Attributes, q.ready.fifo)
		if err != nil {
			return err
		}
		q.settings = set
		q.nextExpiry = 0 // the retention may be shorter now
		return nil
	})
}

// change applies a change to a queue's description and stores it.
func (s *Service) change(ctx context.Context, q *queue, apply func() error) error {
	q.mu.Lock()
	err := apply()
	if err == nil {
		q.modified = now()
	}
	q.mu.Unlock()
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx *db.Tx) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.deleted {
			return queueDoesNotExist()
		}
		return writeQueue(tx, q)
	})
}
