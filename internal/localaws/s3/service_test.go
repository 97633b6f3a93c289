package s3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

var bucket = aws.String("things")

// setup opens the service in dir and creates the bucket "things" if it is not
// there.
func setup(t *testing.T, dir string) *sdk.Client {
	t.Helper()
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(d, filepath.Join(dir, "objects"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	c := client(t, server.URL)
	if _, err := c.HeadBucket(t.Context(), &sdk.HeadBucketInput{Bucket: bucket}); err != nil {
		if _, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: bucket}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func client(t *testing.T, url string) *sdk.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
		// As config.LoadDefaultConfig sets them: a checksum with every body.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, func(o *sdk.Options) { o.BaseEndpoint, o.UsePathStyle = &url, true })
}

func put(ctx context.Context, c *sdk.Client, key string, body []byte) error {
	_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: bucket, Key: &key, Body: bytes.NewReader(body)})
	return err
}

func get(ctx context.Context, c *sdk.Client, key string) ([]byte, error) {
	o, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestObject(t *testing.T) {
	t.Parallel()
	c := setup(t, t.TempDir())
	body := random(t, 20<<20)
	in := &sdk.PutObjectInput{
		Bucket: bucket, Key: aws.String("in/a b/ü+%.bin"), Body: bytes.NewReader(body),
		ContentType: aws.String("application/msgpack"), Metadata: map[string]string{"job": "j1"},
	}
	if _, err := c.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: in.Key})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body) // the SDK compares the CRC32 that is sent back
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("20 MiB came back changed (%d bytes, %v)", len(got), err)
	}
	if aws.ToString(out.ContentType) != "application/msgpack" || !cmp.Equal(out.Metadata, in.Metadata) || out.ChecksumCRC32 == nil {
		t.Errorf("type %s, metadata %v, crc32 %v", aws.ToString(out.ContentType), out.Metadata, out.ChecksumCRC32)
	}
	head, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: in.Key})
	if err != nil || aws.ToInt64(head.ContentLength) != int64(len(body)) || aws.ToString(head.ETag) != aws.ToString(out.ETag) {
		t.Errorf("head: %v bytes, ETag %v, %v", aws.ToInt64(head.ContentLength), aws.ToString(head.ETag), err)
	}
	part, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: in.Key, Range: aws.String("bytes=4-7")})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(part.Body); err != nil || !bytes.Equal(got, body[4:8]) {
		t.Errorf("range: %v, %v", got, err)
	}
}

func TestOverwriteForgetsTheOldMetadata(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := setup(t, dir)
	in := &sdk.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("old"), Metadata: map[string]string{"old": "yes"}}
	if _, err := c.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), c, "k", []byte("new")); err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: in.Key})
	if err != nil || len(head.Metadata) != 0 {
		t.Errorf("metadata %v, %v", head.Metadata, err)
	}
	if n := countFiles(t, dir); n != 1 {
		t.Errorf("%d files for one object", n)
	}
	if _, err := c.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: bucket, Key: in.Key}); err != nil {
		t.Fatal(err)
	}
	if n := countFiles(t, dir); n != 0 {
		t.Errorf("%d files for no object", n)
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "objects"), func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOnlyOnePutWinsIfNoneMatch(t *testing.T) {
	t.Parallel()
	c := setup(t, t.TempDir())
	var won, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{
				Bucket: bucket, Key: aws.String("once"), Body: strings.NewReader(strconv.Itoa(i)), IfNoneMatch: aws.String("*"),
			})
			switch {
			case err == nil:
				won.Add(1)
			case code(err) == "PreconditionFailed":
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || refused.Load() != 15 {
		t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	c := setup(t, t.TempDir())
	if err := put(t.Context(), c, "there", []byte("x")); err != nil {
		t.Fatal(err)
	}
	key, nowhere := aws.String("there"), aws.String("nowhere")
	cases := []struct {
		name string
		call func(ctx context.Context) error
		want string
	}{
		{"a missing key", func(ctx context.Context) error { _, err := get(ctx, c, "not there"); return err }, "NoSuchKey"},
		{"a missing bucket is not made on the way", func(ctx context.Context) error {
			_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: nowhere, Key: key, Body: strings.NewReader("x")})
			return err
		}, "NoSuchBucket"},
		{"a bucket twice", func(ctx context.Context) error {
			_, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: bucket})
			return err
		}, "BucketAlreadyOwnedByYou"},
		{"a full bucket is kept", func(ctx context.Context) error {
			_, err := c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: bucket})
			return err
		}, "BucketNotEmpty"},
		{"a name that is no bucket name", func(ctx context.Context) error {
			_, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("Not_A_Bucket")})
			return err
		}, "InvalidBucketName"},
		{"a wrong checksum", func(ctx context.Context) error {
			_, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: bucket, Key: aws.String("bad"), Body: strings.NewReader("x"), ChecksumCRC32: aws.String("AAAAAA==")})
			return err
		}, "BadDigest"},
		{"a range behind the end", func(ctx context.Context) error {
			_, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: bucket, Key: key, Range: aws.String("bytes=5-")})
			return err
		}, "InvalidRange"},
		{"tagging would overwrite the object if it were not refused", func(ctx context.Context) error {
			_, err := c.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: bucket, Key: key, Tagging: &types.Tagging{
				TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
			}})
			if got, e := get(ctx, c, "there"); e != nil || string(got) != "x" {
				t.Errorf("the object is now %q, %v", got, e)
			}
			return err
		}, "NotImplemented"},
		{"lifecycle rules", func(ctx context.Context) error {
			_, err := c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: bucket})
			return err
		}, "NotImplemented"},
		{"object lock", func(ctx context.Context) error {
			_, err := c.GetObjectLockConfiguration(ctx, &sdk.GetObjectLockConfigurationInput{Bucket: bucket})
			return err
		}, "NotImplemented"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := code(tc.call(t.Context())); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestErrorsAreTyped(t *testing.T) {
	t.Parallel()
	c := setup(t, t.TempDir())
	var noKey *types.NoSuchKey
	if _, err := get(t.Context(), c, "not there"); !errors.As(err, &noKey) {
		t.Errorf("not typed: %v", err)
	}
	var notFound *types.NotFound
	if _, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: aws.String("no")}); !errors.As(err, &notFound) {
		t.Errorf("not typed: %v", err)
	}
}

func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	endpoint := exec.Command(self)
	endpoint.Env = append(os.Environ(), dirVariable+"="+dir)
	stdout, err := endpoint.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := endpoint.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, strings.TrimSpace(url))
	if _, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	// Four writers overwrite a key each until the endpoint dies; what was
	// confirmed last must be there, or what was under way.
	confirmed := make([]int, 4)
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for w := range confirmed {
		wg.Go(func() {
			for i := 1; ; i++ {
				if err := put(t.Context(), c, fmt.Sprint("key", w), contents(w, i)); err != nil {
					return
				}
				confirmed[w] = i
				if w == 0 && i == 20 {
					close(enough)
				}
			}
		})
	}
	<-enough
	if err := endpoint.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_ = endpoint.Wait() // killed

	again := setup(t, dir)
	for w, i := range confirmed {
		got, err := get(t.Context(), again, fmt.Sprint("key", w))
		if i == 0 && code(err) == "NoSuchKey" {
			continue
		}
		if err != nil || !bytes.Equal(got, contents(w, i)) && !bytes.Equal(got, contents(w, i+1)) {
			t.Errorf("writer %d: after version %d came %.20q (%d bytes), %v", w, i, got, len(got), err)
		}
	}
	if n := countFiles(t, dir); n > len(confirmed) {
		t.Errorf("%d files for %d objects", n, len(confirmed))
	}
}

func contents(writer, version int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d/%d ", writer, version), 20_000)
}
