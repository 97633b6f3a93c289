package s3

import (
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestUploadInParts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := setup(t, dir)
	body, key := random(t, 12<<20), aws.String("large")
	begin := func() *string {
		t.Helper()
		up, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: bucket, Key: key, Metadata: map[string]string{"a": "b"}})
		if err != nil {
			t.Fatal(err)
		}
		return up.UploadId
	}
	upload := func(id *string, number int32, b []byte) types.CompletedPart {
		t.Helper()
		out, err := c.UploadPart(t.Context(), &sdk.UploadPartInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: &number, Body: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		return types.CompletedPart{PartNumber: &number, ETag: out.ETag}
	}
	id := begin()
	upload(id, 2, []byte("a first try"))
	done := []types.CompletedPart{upload(id, 1, body[:5<<20]), upload(id, 2, body[5<<20:10<<20]), upload(id, 3, body[10<<20:])}
	list, err := c.ListParts(t.Context(), &sdk.ListPartsInput{Bucket: bucket, Key: key, UploadId: id})
	if err != nil || len(list.Parts) != 3 {
		t.Errorf("%d parts, %v", len(list.Parts), err)
	}
	complete := func(parts []types.CompletedPart) error {
		_, err := c.CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{
			Bucket: bucket, Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		return err
	}
	if got := code(complete([]types.CompletedPart{done[1], done[0]})); got != "InvalidPartOrder" {
		t.Errorf("parts in another order: %s", got)
	}
	if got := code(complete([]types.CompletedPart{{PartNumber: aws.Int32(1), ETag: done[1].ETag}})); got != "InvalidPart" {
		t.Errorf("a part by another's ETag: %s", got)
	}
	if err := complete(done); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t.Context(), c, *key); err != nil || !bytes.Equal(got, body) {
		t.Errorf("it came back changed (%d bytes, %v)", len(got), err)
	}
	if got := code(complete(done)); got != "NoSuchUpload" {
		t.Errorf("completed twice: %s", got)
	}

	id = begin()
	upload(id, 1, []byte("never mind"))
	ups, err := c.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: bucket})
	if err != nil || len(ups.Uploads) != 1 || *ups.Uploads[0].UploadId != *id {
		t.Errorf("uploads under way: %v, %v", ups.Uploads, err)
	}
	if _, err := c.AbortMultipartUpload(t.Context(), &sdk.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: id}); err != nil {
		t.Error(err)
	}
	if n := countFiles(t, dir); n != 1 {
		t.Errorf("%d files for one object", n)
	}
}
