package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

// noise is an incompressible msgpack binary of n bytes, n < 16 MiB.
func noise(n int) []byte {
	v := []byte{0xc6, 0, byte(n >> 16), byte(n >> 8), byte(n)}
	rnd := rand.NewChaCha8([32]byte{7})
	b := make([]byte, n)
	_, _ = rnd.Read(b)
	return append(v, b...)
}

func TestLargeResultGoesToTheBucketFirst(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, _ := setup(t, store.WithBlobs(blobs))
	j := storeJob(t, s, 10, 10, 1)
	r := resultOf(j, "0", span(0, 10)...)
	r.Settled[3].Value = noise(1 << 20)
	put(t, s, j, r)
	if d := cmp.Diff([]string{"out/" + j.ID + "/0/" + r.Token}, blobs.keys()); d != "" {
		t.Fatalf("objects (-want +got):\n%s", d)
	}
	got, ok, err := s.Result(t.Context(), j, "0")
	if err != nil || !ok || !bytes.Equal(got.Settled[3].Value, r.Settled[3].Value) || len(got.Settled) != 10 {
		t.Errorf("result read back: %v, %v, %d tasks", ok, err, len(got.Settled))
	}
	all, err := collect(s.Results(t.Context(), j, store.ReadOptions{}))
	if err != nil || len(all) != 10 || !bytes.Equal(all[3].Value, r.Settled[3].Value) { // cmp takes seconds for a megabyte
		t.Errorf("results: %d tasks, %v", len(all), err)
	}
	if c, err := s.Recount(t.Context(), j); err != nil || c.OK != 10 {
		t.Errorf("recount = %+v, %v; want 10 ok without the object", c, err)
	}
}

func TestLargeCompressibleResultStaysInTheItem(t *testing.T) {
	t.Parallel()
	blobs := newMemBlobs()
	s, _ := setup(t, store.WithBlobs(blobs))
	j := storeJob(t, s, 1, 1, 1)
	r := resultOf(j, "0", 0)
	r.Settled[0].Value = append([]byte{0xc6, 0, 0x10, 0, 0}, make([]byte, 1<<20)...)
	put(t, s, j, r)
	if len(blobs.keys()) != 0 {
		t.Errorf("objects %v, want none", blobs.keys())
	}
}

func TestWithoutABucketItemsHoldWhatFits(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j := storeJob(t, s, 2, 1, 1)
	r := resultOf(j, "0", 0)
	r.Settled[0].Value = noise(300 << 10)
	put(t, s, j, r)
	r = resultOf(j, "1", 1)
	r.Settled[0].Value = noise(500 << 10)
	_, err := s.PutResult(t.Context(), j, r)
	if tooLarge, ok := errors.AsType[*store.TooLargeError](err); !ok || tooLarge.Limit == 0 {
		t.Errorf("err = %v, want a TooLargeError", err)
	}
}

func TestPointersAreNotTrusted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		spoil func(blobs *memBlobs, key string) (newKey string)
		want  string
	}{
		{"the object was exchanged", func(b *memBlobs, k string) string { b.m[k] = []byte("other bytes"); return k }, "SHA-256"},
		{"the object is gone", func(b *memBlobs, k string) string { delete(b.m, k); return k }, "not found"},
		{"the pointer leads to another job's", func(*memBlobs, string) string { return "out/secret/0/t" }, "may point to"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			blobs := newMemBlobs()
			s, c := setup(t, store.WithBlobs(blobs))
			j := storeJob(t, s, 1, 1, 1)
			r := resultOf(j, "0", 0)
			r.Settled[0].Value = noise(100 << 10)
			put(t, s, j, r)
			key := tc.spoil(blobs, blobs.keys()[0])
			_, err := c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
				TableName: aws.String(s.Table()), UpdateExpression: aws.String("SET s3 = :k"),
				Key: map[string]types.AttributeValue{
					"pk": &types.AttributeValueMemberS{Value: "R#" + j.ID + "#0"}, "sk": &types.AttributeValueMemberS{Value: "0000000000"},
				},
				ExpressionAttributeValues: map[string]types.AttributeValue{":k": &types.AttributeValueMemberS{Value: key}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := collect(s.Results(t.Context(), j, store.ReadOptions{})); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err = %v, want it to say %q", err, tc.want)
			}
		})
	}
}

// slowBlobs takes 40 ms for each object, as S3 does, and counts how many are asked for at once.
type slowBlobs struct {
	*memBlobs
	now, most int
}

func (b *slowBlobs) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	select {
	case <-time.After(40 * time.Millisecond):
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.now--
	b.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return b.memBlobs.Get(ctx, key, limit)
}

func TestObjectsAreFetchedAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		blobs := &slowBlobs{memBlobs: newMemBlobs()}
		s := store.New(newMemTable(100), "t", store.WithBlobs(blobs))
		j := newJob(t, 64)
		j.Plan.Chunk = 1
		big := noise(80 << 10)
		for i := range j.N {
			r := resultOf(j, idOf(i), i)
			r.Settled[0].Value = big
			put(t, s, j, r)
		}
		started := time.Now()
		got, err := collect(s.Results(t.Context(), j, store.ReadOptions{}))
		if took := time.Since(started); err != nil || len(got) != 64 || took > 400*time.Millisecond || blobs.most > 8 {
			t.Errorf("%d tasks in %v, %d objects at once, %v; want 64 in 320 ms, 8 at once", len(got), took, blobs.most, err)
		}
		for r, err := range s.Results(t.Context(), j, store.ReadOptions{}) { // a reader that stops early
			if err != nil {
				t.Fatal(err)
			}
			if r.Index == 3 {
				break
			}
		}
		if blobs.now != 0 {
			t.Errorf("%d fetches were left behind", blobs.now)
		}
	})
}

// fakeS3 answers each GetObject with the same body; it says that it has size bytes, -1 for not saying.
type fakeS3 struct {
	body io.Reader
	size int64
	read int
}

func (f *fakeS3) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return &s3.PutObjectOutput{}, nil
}

func (f *fakeS3) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{Body: f, ContentLength: aws.Int64(f.size)}, nil
}

func (f *fakeS3) Read(p []byte) (int, error) {
	n, err := f.body.Read(p)
	f.read += n
	return n, err
}

func (f *fakeS3) Close() error { return nil }

func TestNoMoreOfAnObjectIsReadThanItMayHave(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		bytes        int
		says         int64
		wantRead     int // at most
		wantTooLarge bool
	}{
		{"as large as it may be", 1000, 1000, 1000, false},
		{"one that says that it is larger", 1 << 20, 1 << 20, 0, true},
		{"one that does not say so", 1 << 20, -1, 1001, true},
		{"one that lies", 1 << 20, 10, 1001, true},
		{"a small one", 10, 10, 10, false},
	} {
		api := &fakeS3{body: bytes.NewReader(make([]byte, tc.bytes)), size: tc.says}
		b, err := store.S3Blobs{API: api, Bucket: "b"}.Get(t.Context(), "k", 1000)
		if _, tooLarge := errors.AsType[*store.TooLargeError](err); tooLarge != tc.wantTooLarge || api.read > tc.wantRead {
			t.Errorf("%s: %d bytes read, %v", tc.name, api.read, err)
		}
		if !tc.wantTooLarge && len(b) != tc.bytes {
			t.Errorf("%s: %d bytes returned", tc.name, len(b))
		}
	}
}
