package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// S3RemoveAPI is what removing objects needs on top of S3API; *s3.Client has it.
type S3RemoveAPI interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

var (
	_ BlobRemover = S3Blobs{}
	_ S3RemoveAPI = (*s3.Client)(nil)
)

var errCannotRemove = errors.New("this store's S3 API cannot remove objects")

// List implements BlobRemover.
func (b S3Blobs) List(ctx context.Context, prefix, after string) ([]string, error) {
	api, ok := b.API.(S3RemoveAPI)
	if !ok {
		return nil, errCannotRemove
	}
	in := &s3.ListObjectsV2Input{Bucket: aws.String(b.Bucket), Prefix: aws.String(prefix)}
	if after != "" {
		in.StartAfter = aws.String(after)
	}
	out, err := api.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("list s3://%s/%s: %w", b.Bucket, prefix, err)
	}
	keys := make([]string, len(out.Contents))
	for i, o := range out.Contents {
		keys[i] = aws.ToString(o.Key)
	}
	return keys, nil
}

// Remove implements BlobRemover.
func (b S3Blobs) Remove(ctx context.Context, keys []string) error {
	api, ok := b.API.(S3RemoveAPI)
	if !ok {
		return errCannotRemove
	}
	ids := make([]types.ObjectIdentifier, len(keys))
	for i, k := range keys {
		ids[i].Key = aws.String(k)
	}
	out, err := api.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(b.Bucket), Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
	if err != nil {
		return fmt.Errorf("delete %d objects of s3://%s: %w", len(keys), b.Bucket, err)
	}
	for _, e := range out.Errors {
		return fmt.Errorf("delete s3://%s/%s and %d others: %s: %s", b.Bucket, aws.ToString(e.Key), len(out.Errors)-1, aws.ToString(e.Code), aws.ToString(e.Message))
	}
	return nil
}
