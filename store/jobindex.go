package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func (s *Store) indexJob(ctx context.Context, j Job) error {
	it := newItem(indexKey(j.ID, j.Created))
	it.putExp(j.Expires)
	return s.patient(ctx, "list the job", func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
}

// Jobs yields the jobs created at or after since, newest first. Expired jobs are left out.
// It reads one month of the index after the other, so a recent since is cheap.
func (s *Store) Jobs(ctx context.Context, since time.Time) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		// A job may have been created by a machine whose clock is ahead: begin a day later.
		last := s.now().UTC().Add(24 * time.Hour)
		month := time.Date(last.Year(), last.Month(), 1, 0, 0, 0, 0, time.UTC)
		// No table is older than this program; without a bound a zero since would ask for two thousand years.
		if epoch := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC); since.Before(epoch) {
			since = epoch
		}
		for ; !month.AddDate(0, 1, 0).Before(since.UTC()); month = month.AddDate(0, -1, 0) {
			ids, err := s.monthOfJobs(ctx, month, since)
			if err != nil {
				yield(Job{}, err)
				return
			}
			for part := range slices.Chunk(ids, batchGetMax) {
				if !s.yieldJobs(ctx, part, yield) {
					return
				}
			}
		}
	}
}

// listed is an entry of the job index.
type listed struct {
	created string // timeKey
	id      string
}

// monthOfJobs reads a month's index entries, newest first.
func (s *Store) monthOfJobs(ctx context.Context, month, since time.Time) ([]listed, error) {
	var all []listed
	for shard := range indexShards {
		q := query{pk: indexPK(month.Format("200601"), shard), from: timeKey(since), attrs: []string{attrPK, attrSK}}
		for it, err := range s.items(ctx, q) {
			if err != nil {
				return nil, fmt.Errorf("list jobs: %w", err)
			}
			created, id, ok := strings.Cut(it.key().sk, "#")
			if ok {
				all = append(all, listed{created, id})
			}
		}
	}
	slices.SortFunc(all, func(a, b listed) int {
		if c := strings.Compare(b.created, a.created); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return all, nil
}

// yieldJobs reads and yields the jobs of the entries, in their order. An entry
// counts only when the job has the same time of creation: a creation that
// lost a race, or whose process died before META, leaves one behind.
func (s *Store) yieldJobs(ctx context.Context, entries []listed, yield func(Job, error) bool) bool {
	keys := make([]key, 0, len(entries))
	asked := make(map[string]bool, len(entries)) // a batch must not name a key twice
	for _, e := range entries {
		if !asked[e.id] {
			asked[e.id] = true
			keys = append(keys, jobKey(e.id))
		}
	}
	items, err := s.batchGet(ctx, keys, nil, true)
	if err != nil {
		yield(Job{}, fmt.Errorf("list jobs: %w", err))
		return false
	}
	jobs := make(map[string]Job, len(items))
	for _, it := range items {
		if it.expired(s.now()) {
			continue
		}
		j, err := s.decodeJob(ctx, it)
		if err != nil {
			yield(Job{}, fmt.Errorf("list jobs: %w", err))
			return false
		}
		jobs[j.ID] = j
	}
	for _, e := range entries {
		if j, ok := jobs[e.id]; ok && timeKey(j.Created) == e.created && !yield(j, nil) {
			return false
		}
	}
	return true
}
