package s3

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/johannesboyne/gofakes3"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// object is a row of s3_object.
type object struct {
	size     int64
	md5      []byte
	modified int64 // Unix milliseconds
	meta     map[string]string
	file     string
}

func findObject(c *db.Conn, bucket, key string) (o object, found bool, err error) {
	var meta string
	found, err = c.Row(`SELECT size, md5, modified, meta, file FROM s3_object WHERE bucket = ? AND key = ?`,
		[]any{bucket, []byte(key)}, &o.size, &o.md5, &o.modified, &meta, &o.file)
	if found && err == nil {
		err = json.Unmarshal([]byte(meta), &o.meta)
	}
	return o, found, err
}

func (b *backend) find(bucket, key string) (o object, err error) {
	err = b.view(func(c *db.Conn) error {
		if err := needBucket(c, bucket); err != nil {
			return err
		}
		var found bool
		if o, found, err = findObject(c, bucket, key); err == nil && !found {
			return gofakes3.KeyNotFound(key)
		}
		return err
	})
	return o, err
}

// HeadObject implements gofakes3.Backend.
func (b *backend) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	o, err := b.find(bucket, key)
	if err != nil {
		return nil, err
	}
	return &gofakes3.Object{Name: key, Metadata: o.meta, Size: o.size, Hash: o.md5, Contents: io.NopCloser(strings.NewReader(""))}, nil
}

// GetObject implements gofakes3.Backend.
func (b *backend) GetObject(bucket, key string, want *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	for {
		o, err := b.find(bucket, key)
		if err != nil {
			return nil, err
		}
		part, err := want.Range(o.size)
		if err != nil {
			return nil, err
		}
		file, err := os.Open(b.files.path(o.file))
		if errors.Is(err, os.ErrNotExist) {
			// Replaced or deleted since the row was read, unless it is still named.
			if again, err := b.find(bucket, key); err != nil || again.file != o.file {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		contents := struct {
			io.Reader
			io.Closer
		}{file, file}
		if part != nil {
			contents.Reader = io.NewSectionReader(file, part.Start, part.Length)
			for name := range o.meta { // a checksum is the whole object's
				if strings.HasPrefix(name, checksumPrefix) {
					delete(o.meta, name)
				}
			}
		}
		return &gofakes3.Object{Name: key, Metadata: o.meta, Size: o.size, Hash: o.md5, Range: part, Contents: contents}, nil
	}
}

// PutObject implements gofakes3.Backend.
func (b *backend) PutObject(bucket, key string, meta map[string]string, input io.Reader, size int64, conditions *gofakes3.PutConditions) (out gofakes3.PutObjectResult, err error) {
	c, err := b.files.write(input)
	if err != nil {
		return out, err
	}
	replaced := ""
	if err = checkContent(c, meta, size); err == nil {
		replaced, err = b.name(bucket, key, c, meta, conditions)
	}
	if err != nil {
		replaced = c.name
	}
	// gofakes3 looks at the error's type itself, so it must not be wrapped.
	return out, cmp.Or(err, b.files.remove(replaced))
}

func checkContent(c content, meta map[string]string, size int64) error {
	if c.size != size {
		return gofakes3.ErrorMessagef(gofakes3.ErrIncompleteBody, "The body has %d bytes; %d were announced.", c.size, size)
	}
	if sum := meta[checksumPrefix+"Crc32"]; sum != "" && sum != c.crc32 {
		return gofakes3.ErrorMessage(gofakes3.ErrBadDigest, "The CRC32 you specified did not match the calculated checksum.")
	}
	return nil
}

// name makes a file an object, if the conditions hold, and returns the file
// that it replaces.
func (b *backend) name(bucket, key string, c content, meta map[string]string, conditions *gofakes3.PutConditions) (replaced string, err error) {
	kept, err := json.Marshal(keptMeta(meta))
	if err != nil {
		return "", err
	}
	err = b.update(func(tx *db.Tx) error {
		if err := needBucket(tx.Conn, bucket); err != nil {
			return err
		}
		old, found, err := findObject(tx.Conn, bucket, key)
		if err != nil {
			return err
		}
		if conditions != nil {
			if err := gofakes3.CheckPutConditions(conditions, &gofakes3.ConditionalObjectInfo{Exists: found, Hash: old.md5}); err != nil {
				return err
			}
		}
		replaced = old.file
		_, err = tx.Exec(`INSERT OR REPLACE INTO s3_object(bucket, key, size, md5, modified, meta, file) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			bucket, []byte(key), c.size, c.md5, time.Now().UnixMilli(), string(kept), c.name)
		return err
	})
	return replaced, err
}

const checksumPrefix = "X-Amz-Checksum-"

// keptMeta is what GET and HEAD return. gofakes3 offers every X-Amz header of
// the request, the signature's among them.
func keptMeta(meta map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range meta {
		switch {
		case strings.HasPrefix(name, "X-Amz-Meta-"), strings.HasPrefix(name, "Content-"), name == "Last-Modified":
			kept[name] = value
		case strings.HasPrefix(name, checksumPrefix) && name != checksumPrefix+"Mode" && name != checksumPrefix+"Algorithm":
			kept[name] = value
		}
	}
	return kept
}

// DeleteObject implements gofakes3.Backend. Deleting what does not exist is no
// error.
func (b *backend) DeleteObject(bucket, key string) (out gofakes3.ObjectDeleteResult, err error) {
	var old object
	err = b.update(func(tx *db.Tx) error {
		if err := needBucket(tx.Conn, bucket); err != nil {
			return err
		}
		if old, _, err = findObject(tx.Conn, bucket, key); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM s3_object WHERE bucket = ? AND key = ?`, bucket, []byte(key))
		return err
	})
	if err != nil {
		return out, err
	}
	return out, b.files.remove(old.file)
}

// DeleteMulti implements gofakes3.Backend.
func (b *backend) DeleteMulti(bucket string, keys ...string) (out gofakes3.MultiDeleteResult, err error) {
	const most = 1000 // API reference, DeleteObjects
	if len(keys) > most {
		return out, gofakes3.ErrMalformedXML
	}
	for _, key := range keys {
		if _, err := b.DeleteObject(bucket, key); err != nil {
			out.Error = append(out.Error, gofakes3.ErrorResultFromError(err))
			continue
		}
		out.Deleted = append(out.Deleted, gofakes3.ObjectID{Key: key})
	}
	return out, nil
}

// CopyObject implements gofakes3.Backend.
func (b *backend) CopyObject(srcBucket, srcKey, dstBucket, dstKey string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObject(b, srcBucket, srcKey, dstBucket, dstKey, meta)
}
