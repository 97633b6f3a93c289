package store_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

// List and Remove make memBlobs a store.BlobRemover.
func (b *memBlobs) List(_ context.Context, prefix, after string) ([]string, error) {
	var keys []string
	for _, k := range b.keys() {
		if strings.HasPrefix(k, prefix) && k > after && len(keys) < 2 {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func (b *memBlobs) Remove(_ context.Context, keys []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		delete(b.m, k)
	}
	return nil
}

// keysOf lists all keys of the table.
func keysOf(t *testing.T, s *store.Store, c *dynamodb.Client) []string {
	t.Helper()
	var keys []string
	pages := dynamodb.NewScanPaginator(c, &dynamodb.ScanInput{TableName: aws.String(s.Table())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			keys = append(keys, str(it["pk"])+" / "+str(it["sk"]))
		}
	}
	slices.Sort(keys)
	return keys
}

// fullJob stores a job with something of everything that can be of it.
func fullJob(t *testing.T, s *store.Store, blobs *memBlobs, id string) store.Job {
	t.Helper()
	j := newJob(t, 60)
	j.ID, j.Plan.Chunk = id, 1
	if err := s.CreateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	for i := range 59 {
		put(t, s, j, resultOf(j, idOf(i), i))
	}
	large := resultOf(j, "59")
	large.Settled = []store.Settled{{Index: 59, Value: noise(200 << 10)}}
	put(t, s, j, large)
	for _, k := range []string{"a", "b", "c"} {
		if err := blobs.Put(t.Context(), "in/"+id+"/"+k, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.AddStart(t.Context(), j, "7", "start")
	err = errors.Join(err, s.PutForecast(t.Context(), j, []byte("{}")), s.PutLedger(t.Context(), store.Ledger{
		Fleet: j.Fleet, Worker: "w-" + id, Seq: 1, Slots: 1, Started: created, Updated: created, Jobs: map[string]store.JobCount{id: {OK: 60}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestRemoveJob(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, c := setup(t, store.WithBlobs(blobs))
	fullJob(t, s, blobs, "stays")
	others, otherObjects := keysOf(t, s, c), blobs.keys()
	j := fullJob(t, s, blobs, "stay") // the beginning of the other's name

	if _, err := s.RemoveJob(t.Context(), j.ID); !isState(err) {
		t.Fatalf("an open job: %v, want a *StateError", err)
	}
	if err := s.Finish(t.Context(), j.ID, store.Cancelled, created); err != nil {
		t.Fatal(err)
	}
	// META, forecast, list entry, 60 results, one mark, one pointer.
	want := store.Holdings{Items: 65, Results: 60, Objects: 4}
	if got, err := s.Holdings(t.Context(), j.ID); err != nil || got != want {
		t.Errorf("Holdings: %+v, %v; want %+v", got, err, want)
	}
	if got, err := s.RemoveJob(t.Context(), j.ID); err != nil || got != want {
		t.Errorf("RemoveJob: %+v, %v; want %+v", got, err, want)
	}
	left := slices.DeleteFunc(keysOf(t, s, c), func(k string) bool { return strings.HasSuffix(k, "w-stay") }) // the worker's ledger
	if diff := cmp.Diff(others, left); diff != "" {
		t.Errorf("items (-of other jobs +left)\n%s", diff)
	}
	if diff := cmp.Diff(otherObjects, blobs.keys()); diff != "" {
		t.Errorf("objects (-of other jobs +left)\n%s", diff)
	}
	if _, err := s.RemoveJob(t.Context(), j.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("again: %v, want ErrNotFound", err)
	}
}

func isState(err error) bool {
	_, is := errors.AsType[*store.StateError](err)
	return is
}

// failingDelete fails the n-th deletion.
type failingDelete struct {
	*dynamodb.Client
	left int
}

func (f *failingDelete) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("the power is off")
	}
	return f.Client.BatchWriteItem(ctx, in, o...)
}

// A removal that breaks off at any point can be repeated: the job itself is there until nothing else is.
func TestRemoveJobAgain(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, c := setup(t, store.WithBlobs(blobs))
	j := fullJob(t, s, blobs, "j")
	if err := s.Finish(t.Context(), j.ID, store.Done, created); err != nil {
		t.Fatal(err)
	}
	for left := range 3 {
		f := &failingDelete{c, left}
		if _, err := store.New(f, s.Table(), store.WithBlobs(blobs)).RemoveJob(t.Context(), j.ID); err == nil {
			t.Fatal("a removal that fails says it has not")
		}
	}
	if _, err := s.RemoveJob(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if left := keysOf(t, s, c); len(left) != 1 || !strings.HasPrefix(left[0], "L#") {
		t.Errorf("left: %v, want the ledger", left)
	}
}

func TestExtendJobMovesForecastAndMarks(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, c := setup(t, store.WithBlobs(blobs))
	j := fullJob(t, s, blobs, "j")
	later := j.Expires.Add(100 * 24 * time.Hour) // later than what is kept for the store's retention
	if err := s.ExtendJob(t.Context(), j.ID, later); err != nil {
		t.Fatal(err)
	}
	out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(s.Table())})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range out.Items {
		pk := str(it["pk"])
		if exp := num(it["exp"]); !strings.HasPrefix(pk, "L#") && exp != later.Unix() {
			t.Errorf("%s / %s expires at %d, want %d", pk, str(it["sk"]), exp, later.Unix())
		}
	}
}

func num(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return -1
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return -1
	}
	return i
}

// halfS3 lists what it has, and refuses to delete one key.
type halfS3 struct {
	store.S3API
	refuses string
	deleted []string
}

func (f *halfS3) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if aws.ToString(in.StartAfter) != "" {
		return &s3.ListObjectsV2Output{}, nil
	}
	return &s3.ListObjectsV2Output{Contents: []s3types.Object{{Key: aws.String(aws.ToString(in.Prefix) + "a")}}}, nil
}

func (f *halfS3) DeleteObjects(_ context.Context, in *s3.DeleteObjectsInput, _ ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	out := &s3.DeleteObjectsOutput{}
	for _, o := range in.Delete.Objects {
		if k := aws.ToString(o.Key); k == f.refuses {
			out.Errors = append(out.Errors, s3types.Error{Key: o.Key, Code: aws.String("AccessDenied"), Message: aws.String("no")})
		} else {
			f.deleted = append(f.deleted, k)
		}
	}
	return out, nil
}

// S3 answers a deletion that it refuses with success and a list.
func TestS3BlobsRemove(t *testing.T) {
	t.Parallel()
	api := &halfS3{refuses: "out/j/2"}
	b := store.S3Blobs{API: api, Bucket: "b"}
	if keys, err := b.List(t.Context(), "in/j/", ""); err != nil || len(keys) != 1 || keys[0] != "in/j/a" {
		t.Errorf("List: %v, %v", keys, err)
	}
	if keys, err := b.List(t.Context(), "in/j/", "in/j/a"); err != nil || len(keys) != 0 {
		t.Errorf("List after the last: %v, %v", keys, err)
	}
	err := b.Remove(t.Context(), []string{"out/j/1", "out/j/2"})
	if err == nil || !strings.Contains(err.Error(), "out/j/2") || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("Remove: %v, want the key that was refused", err)
	}
	if diff := cmp.Diff([]string{"out/j/1"}, api.deleted); diff != "" {
		t.Error(diff)
	}
	readOnly := store.S3Blobs{API: struct{ store.S3API }{}, Bucket: "b"}
	if err := readOnly.Remove(t.Context(), []string{"k"}); err == nil {
		t.Error("an API that cannot remove says it has")
	}
}
