package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/codec"
)

// RemoveAPI is what RemoveJob needs on top of API; *dynamodb.Client has it.
type RemoveAPI interface {
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
}

var _ RemoveAPI = (*dynamodb.Client)(nil)

// BlobRemover is what RemoveJob needs of a Blobs; S3Blobs has it.
type BlobRemover interface {
	// List returns keys under the prefix, in their order, at most a thousand and only those after the key. None means that there are no more.
	List(ctx context.Context, prefix, after string) (keys []string, err error)
	// Remove deletes the objects, at most a thousand. One that is not there counts as deleted.
	Remove(ctx context.Context, keys []string) error
}

// Holdings count what the table and the bucket hold of a job.
type Holdings struct {
	// Items are the table's: the job itself with its forecast and its entry in the list, results, marks of
	// begun messages, and pointers to workers' ledgers. Results are those of them that are result items.
	Items   int `json:"items"`
	Results int `json:"result_items"`
	// Objects are the bucket's: large arguments, large results, a large plan.
	Objects int `json:"objects"`
}

// Holdings counts what RemoveJob would remove, by reading all of the job's keys.
func (s *Store) Holdings(ctx context.Context, id string) (Holdings, error) {
	return s.eachHolding(ctx, id, func([]key) error { return nil }, func([]string) error { return nil })
}

// RemoveJob deletes the job with all that is of it alone: results, arguments, and the rest of Holdings. The
// ledgers of workers stay: they are of all jobs a worker worked for, and bills are made of them. The job must be
// Done or Cancelled, else the error is a *StateError: workers would go on writing. When the
// call fails half way, calling it again completes it, because the job itself goes last.
func (s *Store) RemoveJob(ctx context.Context, id string) (Holdings, error) {
	j, err := s.Job(ctx, id)
	if err != nil {
		return Holdings{}, err
	}
	if j.State != Done && j.State != Cancelled {
		return Holdings{}, &StateError{Job: id, Have: j.State, Want: Done}
	}
	api, ok := s.api.(RemoveAPI)
	if !ok {
		return Holdings{}, errors.New("remove job: this store's API cannot delete items")
	}
	last := jobKey(id)
	removed, err := s.eachHolding(ctx, id, func(keys []key) error {
		return s.deleteItems(ctx, api, slices.DeleteFunc(slices.Clone(keys), func(k key) bool { return k == last }))
	}, func(keys []string) error {
		remover, _ := s.blobs.(BlobRemover) // eachHolding has it
		return s.patient(ctx, "delete objects of job "+id, func() error { return remover.Remove(ctx, keys) })
	})
	if err == nil {
		err = s.deleteItems(ctx, api, []key{last})
	}
	if err != nil {
		return removed, fmt.Errorf("remove job %q: %w", id, err)
	}
	return removed, nil
}

// partitions are those of the table that hold nothing but the job's.
func (j Job) partitions() []key {
	var all []key
	for shard := range j.Shards {
		pk := resultPK(j.ID, shard)
		all = append(all, key{pk: pk}, key{pk: markerKey(key{pk: pk}).pk})
	}
	return append(all, key{pk: pointerKey(j.ID, "").pk}, key{pk: jobKey(j.ID).pk})
}

// eachHolding passes the keys of all of the job's items and objects on, some at a time, and counts them.
func (s *Store) eachHolding(ctx context.Context, id string, items func([]key) error, objects func([]string) error) (Holdings, error) {
	var n Holdings
	j, err := s.Job(ctx, id)
	if err != nil {
		return n, err
	}
	for _, part := range j.partitions() {
		q := query{pk: part.pk, attrs: []string{attrPK, attrSK}, consistent: true}
		for more := true; more; {
			page, next, err := s.page(ctx, q)
			if err != nil {
				return n, err
			}
			keys := make([]key, len(page))
			for i, it := range page {
				keys[i] = it.key()
			}
			if err := items(keys); err != nil {
				return n, err
			}
			n.Items += len(keys)
			if part.pk[:2] == "R#" {
				n.Results += len(keys)
			}
			q.start, more = next, next != nil
		}
	}
	if err := items([]key{indexKey(j.ID, j.Created)}); err != nil {
		return n, err
	}
	n.Items++
	return n, s.eachObject(ctx, j, &n, objects)
}

func (s *Store) eachObject(ctx context.Context, j Job, n *Holdings, objects func([]string) error) error {
	blobs, ok := s.blobs.(BlobRemover)
	if !ok {
		return nil
	}
	prefixes := []string{codec.ArgsPrefix(j.ID), "in/" + url.PathEscape(j.ID) + "/", "out/" + url.PathEscape(j.ID) + "/"}
	for _, prefix := range slices.Compact(prefixes) {
		for after := ""; ; {
			var keys []string
			err := s.patient(ctx, "list the objects of job "+j.ID, func() (err error) {
				keys, err = blobs.List(ctx, prefix, after)
				return err
			})
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				break
			}
			if err := objects(keys); err != nil {
				return err
			}
			n.Objects += len(keys)
			after = keys[len(keys)-1]
		}
	}
	return nil
}

// deleteMax is the most requests of one BatchWriteItem (DynamoDB API reference).
const deleteMax = 25

// deleteItems deletes the items; one that is not there counts as deleted.
func (s *Store) deleteItems(ctx context.Context, api RemoveAPI, keys []key) error {
	for chunk := range slices.Chunk(keys, deleteMax) {
		requests := make([]types.WriteRequest, len(chunk))
		for i, k := range chunk {
			requests[i] = types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attrs()}}
		}
		for wait := backoffMin; len(requests) > 0; {
			before := len(requests)
			err := s.patient(ctx, "delete items", func() error {
				out, err := api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*s.table: requests}})
				if err == nil {
					requests = out.UnprocessedItems[*s.table]
				}
				return err
			})
			if err != nil {
				return err
			}
			if len(requests) == before { // no progress: throttled
				if !sleep(ctx, wait) {
					return fmt.Errorf("delete items: %w", context.Cause(ctx))
				}
				wait = min(2*wait, backoffMax)
			}
		}
	}
	return nil
}
