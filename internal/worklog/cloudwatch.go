package worklog

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/awserr"
)

// CloudWatch are the logs that ECS's awslogs driver has sent to CloudWatch Logs.
type CloudWatch struct {
	// Ask and Group are required.
	Ask   *awscall.Caller
	Group string
	// Prefix is what the names of workers' streams begin with, <awslogs-stream-prefix>/<container>/; the worker's name, the
	// id of its task, follows.
	Prefix string
}

// maxStreams is the most streams that one call names (CloudWatch Logs API reference, FilterLogEvents).
const maxStreams = 100

// Late implements Source: the driver sends what it has every few seconds, and CloudWatch Logs shows it some seconds later.
func (c CloudWatch) Late() time.Duration { return 30 * time.Second }

// filterLogEvents is the request, in the API's own words.
type filterLogEvents struct {
	Group  string   `json:"logGroupName"`
	Names  []string `json:"logStreamNames,omitempty"`
	Prefix string   `json:"logStreamNamePrefix,omitempty"`
	From   int64    `json:"startTime,omitempty"`
	// To is inclusive.
	To    int64  `json:"endTime,omitempty"`
	Token string `json:"nextToken,omitempty"`
}

// Lines implements Source. An answer has at most 1 MB; pages follow each other until there is none.
func (c CloudWatch) Lines(ctx context.Context, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		workers := q.names()
		if workers != nil && len(workers) == 0 {
			return
		}
		in := filterLogEvents{Group: c.Group, Prefix: c.Prefix}
		if !q.From.IsZero() {
			in.From = q.From.UnixMilli()
		}
		if !q.To.IsZero() {
			in.To = q.To.UnixMilli()
		}
		if n := len(workers); n > 0 && n <= maxStreams { // of more, all are read: then they come by time
			in.Prefix = ""
			for _, w := range workers {
				in.Names = append(in.Names, c.Prefix+w)
			}
		}
		c.pages(ctx, in, q, yield)
	}
}

// noStream reports whether it is a stream that does not exist, not the group.
func noStream(err error) bool {
	return awserr.IsNotFound(err) && strings.Contains(err.Error(), "log stream")
}

// pages yields the lines of a request.
func (c CloudWatch) pages(ctx context.Context, in filterLogEvents, q Query, yield func(Line, error) bool) {
	for {
		var out struct {
			Events []struct {
				ID      string `json:"eventId"`
				Stream  string `json:"logStreamName"`
				At      int64  `json:"timestamp"`
				Message string `json:"message"`
			} `json:"events"`
			Next string `json:"nextToken"`
		}
		_, err := c.Ask.JSON(ctx, awscall.Logs, "FilterLogEvents", in, &out)
		if noStream(err) && in.Names != nil {
			// A worker that has printed nothing has no stream, and one such name fails the whole request: read all.
			in.Names, in.Prefix = nil, c.Prefix
			continue
		}
		if err != nil {
			yield(Line{}, fmt.Errorf("read log group %s: %w", c.Group, err))
			return
		}
		for _, e := range out.Events {
			l := Parse(e.Message)
			l.ID, l.Worker = e.ID, strings.TrimPrefix(e.Stream, c.Prefix)
			if l.At.IsZero() {
				l.At = time.UnixMilli(e.At).UTC()
			}
			if q.wants(l) && !yield(l, nil) {
				return
			}
		}
		if out.Next == "" || out.Next == in.Token { // the same token would be asked for again and again
			return
		}
		in.Token = out.Next
	}
}
