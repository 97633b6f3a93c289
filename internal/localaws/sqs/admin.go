package sqs

import (
	"context"
	"encoding/base64"
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

type listQueuesInput struct {
	QueueNamePrefix string
	QueueURL        string `json:"QueueUrl"` // of ListDeadLetterSourceQueues
	MaxResults      *int64
	NextToken       string
}

type listQueuesResult struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:",omitempty"`
}

// page cuts the names that a list operation returns: those after its token, at
// most MaxResults. There is a next token only if MaxResults was given.
func (in *listQueuesInput) page(names []string) (page []string, next string, err error) {
	limit, err := within("MaxResults", in.MaxResults, 1, maxListed, maxListed)
	if err != nil {
		return nil, "", err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, "", invalidParameter("Invalid or expired next token.")
	}
	slices.Sort(names)
	if in.NextToken != "" {
		i, found := slices.BinarySearch(names, string(after))
		if found {
			i++
		}
		names = names[i:]
	}
	if int64(len(names)) <= limit {
		return names, "", nil
	}
	names = names[:limit]
	if in.MaxResults != nil {
		next = base64.RawURLEncoding.EncodeToString([]byte(names[limit-1]))
	}
	return names, next, nil
}

// urls lists the queues that match.
func (s *Service) urls(r *awsjson.Request, in *listQueuesInput, match func(name string, q *queue) bool) (urls []string, next string, err error) {
	var names []string
	s.mu.RLock()
	for name, q := range s.queues {
		if match(name, q) {
			names = append(names, name)
		}
	}
	s.mu.RUnlock()
	names, next, err = in.page(names)
	for _, name := range names {
		urls = append(urls, s.urlOf(r, name))
	}
	return urls, next, err
}

func (s *Service) listQueues(_ context.Context, r *awsjson.Request, in *listQueuesInput) (*listQueuesResult, error) {
	urls, next, err := s.urls(r, in, func(name string, _ *queue) bool { return strings.HasPrefix(name, in.QueueNamePrefix) })
	return &listQueuesResult{urls, next}, err
}

// deadLetterSourcesResult spells its field as the API does.
type deadLetterSourcesResult struct {
	QueueURLs []string `json:"queueUrls"`
	NextToken string   `json:",omitempty"`
}

func (s *Service) listDeadLetterSourceQueues(_ context.Context, r *awsjson.Request, in *listQueuesInput) (*deadLetterSourcesResult, error) {
	dead, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	urls, next, err := s.urls(r, in, func(_ string, q *queue) bool {
		p := q.snapshot().redrive
		return p != nil && p.Target == dead.arn
	})
	return &deadLetterSourcesResult{append([]string{}, urls...), next}, err
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

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalidParameter("Too many tags: a queue can have %d, not %d.", maxTags, len(tags))
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalidParameter("The tag %q is invalid: a key has 1 to 128 characters and does not start with aws:, a value has at most 256.", key)
		}
	}
	return nil
}

type tagQueueInput struct {
	QueueURL string `json:"QueueUrl"`
	Tags     map[string]string
	TagKeys  []string
}

func (s *Service) tagQueue(ctx context.Context, _ *awsjson.Request, in *tagQueueInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, missingParameter("Tags")
	}
	return nil, s.change(ctx, q, func() error {
		tags := maps.Clone(q.tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, in.Tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		q.tags = tags
		return nil
	})
}

func (s *Service) untagQueue(ctx context.Context, _ *awsjson.Request, in *tagQueueInput) (*none, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if len(in.TagKeys) == 0 {
		return nil, missingParameter("TagKeys")
	}
	return nil, s.change(ctx, q, func() error {
		q.tags = maps.Clone(q.tags)
		maps.DeleteFunc(q.tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
}

type tagsResult struct {
	Tags map[string]string `json:",omitempty"`
}

func (s *Service) listQueueTags(_ context.Context, _ *awsjson.Request, in *queueInput) (*tagsResult, error) {
	q, err := s.queueAt(in.QueueURL)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return &tagsResult{q.tags}, nil // replaced by changes, never changed
}

type permissionInput struct {
	QueueURL      string   `json:"QueueUrl"`
	Label         string   `json:"Label"`
	AWSAccountIDs []string `json:"AWSAccountIds"`
	Actions       []string `json:"Actions"`
}

// addPermission checks its input. There is one account and nobody is refused, so
// that there is nothing to grant.
func (s *Service) addPermission(_ context.Context, _ *awsjson.Request, in *permissionInput) (*none, error) {
	if _, err := s.queueAt(in.QueueURL); err != nil {
		return nil, err
	}
	switch {
	case !isName(in.Label, maxBatchIDLength):
		return nil, invalidParameter("Value %s for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.", in.Label)
	case len(in.AWSAccountIDs) == 0:
		return nil, missingParameter("AWSAccountIds")
	case len(in.Actions) == 0:
		return nil, missingParameter("Actions")
	case len(in.Actions) > 7: // "a maximum of seven actions per statement", API reference
		return nil, coded("OverLimit", "OverLimit", "%d actions were found, maximum allowed is 7.", len(in.Actions))
	}
	for _, a := range in.Actions {
		if a == "*" {
			continue
		}
		if _, known := s.operations()[a]; !known {
			return nil, invalidParameter("Value SQS:%s for parameter ActionName is invalid. Reason: it is not an action of SQS.", a)
		}
	}
	return nil, nil
}

func (s *Service) removePermission(_ context.Context, _ *awsjson.Request, in *permissionInput) (*none, error) {
	if _, err := s.queueAt(in.QueueURL); err != nil {
		return nil, err
	}
	if !isName(in.Label, maxBatchIDLength) {
		return nil, invalidParameter("Value %s for parameter Label is invalid. Reason: can't find label.", in.Label)
	}
	return nil, nil
}
