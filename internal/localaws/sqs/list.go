package sqs

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

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
