package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/starburst-go/starburst/internal/awserr"
)

// S3API is the part of S3 that S3Blobs uses; *s3.Client has it.
type S3API interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// S3Blobs keeps blobs as the objects of a bucket.
type S3Blobs struct {
	API    S3API
	Bucket string
}

var (
	_ Blobs = S3Blobs{}
	_ S3API = (*s3.Client)(nil)
)

// Put implements Blobs.
func (b S3Blobs) Put(ctx context.Context, key string, body []byte) error {
	_, err := b.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.Bucket), Key: aws.String(key), Body: bytes.NewReader(body),
		ContentLength: aws.Int64(int64(len(body))), ContentType: aws.String("application/octet-stream"),
	})
	if err != nil {
		return fmt.Errorf("put object s3://%s/%s: %w", b.Bucket, key, err)
	}
	return nil
}

// Get implements Blobs. An object that is too large is refused before it is read.
func (b S3Blobs) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		if awserr.IsNotFound(err) {
			err = errors.Join(ErrNotFound, err)
		}
		return nil, fmt.Errorf("get object s3://%s/%s: %w", b.Bucket, key, err)
	}
	out, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.Bucket), Key: aws.String(key)})
	if err != nil {
		return fail(err)
	}
	defer out.Body.Close()
	size := aws.ToInt64(out.ContentLength)
	if size > limit {
		return fail(&TooLargeError{What: "the object", Size: int(size), Limit: int(limit)})
	}
	var buf bytes.Buffer
	buf.Grow(int(max(size, 0)) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(out.Body, limit+1)); err != nil {
		return fail(err)
	}
	if int64(buf.Len()) > limit {
		return fail(&TooLargeError{What: "the object", Size: buf.Len(), Limit: int(limit)})
	}
	return buf.Bytes(), nil
}

// policy is one of Store.stubborn and Store.patient.
type policy func(ctx context.Context, op string, call func() error) error

func (s *Store) putBlob(ctx context.Context, try policy, key string, b []byte) error {
	return try(ctx, "store "+key, func() error { return s.blobs.Put(ctx, key, b) })
}

// getBlob reads an object and verifies it.
func (s *Store) getBlob(ctx context.Context, key string, sum [32]byte) ([]byte, error) {
	if s.blobs == nil {
		return nil, fmt.Errorf("read %s: no bucket is configured (STARBURST_BUCKET)", key)
	}
	var b []byte
	err := s.patient(ctx, "read "+key, func() (err error) {
		b, err = s.blobs.Get(ctx, key, maxUnpacked)
		return err
	})
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) != sum {
		return nil, &CorruptError{Key: key, Detail: "its SHA-256 differs from the one recorded"}
	}
	return b, nil
}
