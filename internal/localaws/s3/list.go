package s3

import (
	"context"
	"strings"
	"time"

	"github.com/johannesboyne/gofakes3"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// ListBucket implements gofakes3.Backend: keys in byte order; those that hold
// the delimiter after the prefix are rolled up into common prefixes.
func (b *backend) ListBucket(bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	l := lister{bucket: bucket, out: gofakes3.NewObjectList(), most: page.MaxKeys}
	if prefix != nil {
		l.prefix, l.delimiter = prefix.Prefix, prefix.Delimiter
	}
	from := l.prefix
	if page.HasMarker && page.Marker >= from {
		from = page.Marker + "\x00" // the next key after it
		if behind := successor(page.Marker); behind != "" && l.common(page.Marker) == page.Marker {
			from = behind // a rolled up prefix: all its keys were listed with it
		}
	}
	err := b.db.Snapshot(context.Background(), func(c *db.Conn) error {
		if err := needBucket(c, bucket); err != nil || l.most == 0 {
			return err
		}
		for more := true; more; {
			var err error
			if from, more, err = l.run(c, from); err != nil {
				return err
			}
		}
		return nil
	})
	if !l.out.IsTruncated {
		l.out.NextMarker = ""
	}
	return l.out, err
}

type lister struct {
	bucket, prefix, delimiter string
	most, count               int64
	out                       *gofakes3.ObjectList
}

// run lists from a key on, up to the end or the next common prefix; there it
// asks to be run again with the first key behind that prefix, however many keys
// it has.
func (l *lister) run(c *db.Conn, from string) (next string, again bool, err error) {
	query, args := `SELECT key, size, md5, modified FROM s3_object WHERE bucket = ? AND key >= ?`, []any{l.bucket, []byte(from)}
	if end := successor(l.prefix); end != "" {
		query, args = query+` AND key < ?`, append(args, []byte(end))
	}
	err = each(c, query+` ORDER BY key LIMIT ?`, append(args, l.most-l.count+1), func(rows *db.Rows) error {
		var key, md5 []byte
		var size, modified int64
		if again || l.out.IsTruncated {
			return nil
		}
		if err := rows.Scan(&key, &size, &md5, &modified); err != nil {
			return err
		}
		if l.count == l.most {
			l.out.IsTruncated = true
			return nil
		}
		l.count++
		if common := l.common(string(key)); common != "" {
			l.out.AddPrefix(common)
			next = successor(common)
			again = next != ""
			l.out.NextMarker = common
			return nil
		}
		l.out.NextMarker = string(key)
		l.out.Add(&gofakes3.Content{
			Key: string(key), Size: size, ETag: gofakes3.FormatETag(md5), StorageClass: gofakes3.StorageStandard,
			LastModified: gofakes3.NewContentTime(time.UnixMilli(modified).UTC()),
		})
		return nil
	})
	return next, again, err
}

// common returns the common prefix that a key is rolled up into, or "".
func (l *lister) common(key string) string {
	if l.delimiter == "" || !strings.HasPrefix(key, l.prefix) {
		return ""
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(l.prefix)+i+len(l.delimiter)]
}

// successor returns the least string greater than all that begin with s; "" if
// there is none.
func successor(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0xff {
			return s[:i] + string([]byte{s[i] + 1})
		}
	}
	return ""
}
