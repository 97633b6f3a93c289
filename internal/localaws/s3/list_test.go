package s3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

func TestListPages(t *testing.T) {
	t.Parallel()
	c := setup(t, t.TempDir())
	want := make([]string, 0, 25)
	for i := range 25 {
		key := fmt.Sprintf("out/job/%04d", i)
		want = append(want, key)
		if err := put(t.Context(), c, key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	pages := sdk.NewListObjectsV2Paginator(c, &sdk.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("out/"), MaxKeys: aws.Int32(10)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// The listing law: whatever the page size, the pages together are the sorted
// keys with the prefix, and the common prefixes once each, in one order.
func TestListLaw(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.TempDir() + "/state.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	b, err := openBackend(d, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprint("bucket", n)
		if err := b.CreateBucket(name); err != nil {
			t.Fatal(err)
		}
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab/\x{10ffff}]{1,5}`), 0, 12, rapid.ID).Draw(t, "keys")
		for _, k := range keys {
			if _, err := b.PutObject(name, k, nil, strings.NewReader(""), 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		prefix := rapid.StringMatching(`[ab/]{0,2}`).Draw(t, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "b"}).Draw(t, "delimiter")
		size := rapid.Int64Range(1, 5).Draw(t, "page size")

		var want []string
		slices.Sort(keys)
		for _, k := range keys {
			rest, ok := strings.CutPrefix(k, prefix)
			if !ok {
				continue
			}
			if before, _, has := strings.Cut(rest, delimiter); delimiter != "" && has {
				k = prefix + before + delimiter + " (prefix)"
			}
			if len(want) == 0 || want[len(want)-1] != k {
				want = append(want, k)
			}
		}
		if diff := cmp.Diff(want, list(t, b, name, prefix, delimiter, size)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func list(t *rapid.T, b *backend, bucket, prefix, delimiter string, size int64) (got []string) {
	p := gofakes3.NewPrefix(&prefix, &delimiter)
	page := gofakes3.ListBucketPage{MaxKeys: size}
	for {
		out, err := b.ListBucket(bucket, &p, page)
		if err != nil {
			t.Fatal(err)
		}
		these := make([]string, 0, len(out.Contents)+len(out.CommonPrefixes))
		for _, c := range out.Contents {
			these = append(these, c.Key)
		}
		for _, c := range out.CommonPrefixes {
			these = append(these, c.Prefix+" (prefix)")
		}
		slices.Sort(these) // S3 returns the two kinds apart
		if int64(len(these)) > size {
			t.Fatalf("a page of %d has %d entries", size, len(these))
		}
		got = append(got, these...)
		if !out.IsTruncated {
			return got
		}
		if len(these) == 0 {
			t.Fatal("an empty page that is not the last")
		}
		page.HasMarker, page.Marker = true, out.NextMarker
	}
}
