package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

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
