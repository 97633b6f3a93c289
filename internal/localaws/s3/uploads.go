package s3

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/johannesboyne/gofakes3"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// Uploads in parts: each part is a file like an object's. gofakes3's own
// implementation would hold them in memory.

var _ gofakes3.MultipartBackend = (*backend)(nil)

var uploadSchema = []string{
	`CREATE TABLE IF NOT EXISTS s3_upload(id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, meta TEXT NOT NULL,
		started INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS s3_part(upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, md5 BLOB NOT NULL,
		modified INTEGER NOT NULL, file TEXT NOT NULL, PRIMARY KEY(upload, number)) WITHOUT ROWID`,
}

type part struct {
	number         int
	size, modified int64
	md5            []byte
	file           string
}

func (p part) etag() string { return gofakes3.FormatETag(p.md5) }

// CreateMultipartUpload implements gofakes3.MultipartBackend.
func (b *backend) CreateMultipartUpload(bucket, key string, meta map[string]string) (gofakes3.UploadID, error) {
	kept, err := json.Marshal(keptMeta(meta))
	if err != nil {
		return "", err
	}
	var id [16]byte
	rand.Read(id[:])
	name := hex.EncodeToString(id[:])
	return gofakes3.UploadID(name), b.update(func(tx *db.Tx) error {
		if err := needBucket(tx.Conn, bucket); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO s3_upload(id, bucket, key, meta, started) VALUES (?, ?, ?, ?, ?)`,
			name, bucket, []byte(key), string(kept), time.Now().UnixMilli())
		return err
	})
}

// findUpload returns an upload's metadata, or S3's error when there is none.
func findUpload(c *db.Conn, bucket, key string, id gofakes3.UploadID) (meta map[string]string, err error) {
	var raw string
	found, err := c.Row(`SELECT meta FROM s3_upload WHERE id = ? AND bucket = ? AND key = ?`, []any{string(id), bucket, []byte(key)}, &raw)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, gofakes3.ErrNoSuchUpload
	}
	return meta, json.Unmarshal([]byte(raw), &meta)
}

func parts(c *db.Conn, id gofakes3.UploadID) (all []part, err error) {
	err = each(c, `SELECT number, size, md5, modified, file FROM s3_part WHERE upload = ? ORDER BY number`, []any{string(id)}, func(rows *db.Rows) error {
		var p part
		err := rows.Scan(&p.number, &p.size, &p.md5, &p.modified, &p.file)
		all = append(all, p)
		return err
	})
	return all, err
}

// UploadPart implements gofakes3.MultipartBackend.
func (b *backend) UploadPart(bucket, key string, id gofakes3.UploadID, number int, size int64, input io.Reader) (string, error) {
	c, err := b.files.write(input)
	if err != nil {
		return "", err
	}
	replaced := ""
	if err = checkContent(c, nil, size); err == nil {
		err = b.update(func(tx *db.Tx) error {
			if _, err := findUpload(tx.Conn, bucket, key, id); err != nil {
				return err
			}
			if _, err := tx.Row(`SELECT file FROM s3_part WHERE upload = ? AND number = ?`, []any{string(id), number}, &replaced); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT OR REPLACE INTO s3_part(upload, number, size, md5, modified, file) VALUES (?, ?, ?, ?, ?, ?)`,
				string(id), number, c.size, c.md5, time.Now().UnixMilli(), c.name)
			return err
		})
	}
	if err != nil {
		replaced = c.name
	}
	return gofakes3.FormatETag(c.md5), cmp.Or(err, b.files.remove(replaced))
}

// ListParts implements gofakes3.MultipartBackend.
func (b *backend) ListParts(bucket, key string, id gofakes3.UploadID, marker int, limit int64) (*gofakes3.ListMultipartUploadPartsResult, error) {
	out := &gofakes3.ListMultipartUploadPartsResult{
		Bucket: bucket, Key: key, UploadID: id, PartNumberMarker: marker, MaxParts: limit, StorageClass: gofakes3.StorageStandard,
	}
	err := b.view(func(c *db.Conn) error {
		if _, err := findUpload(c, bucket, key, id); err != nil {
			return err
		}
		all, err := parts(c, id)
		for _, p := range all {
			if p.number <= marker {
				continue
			}
			if int64(len(out.Parts)) == limit {
				out.IsTruncated = true
				break
			}
			out.NextPartNumberMarker = p.number
			out.Parts = append(out.Parts, gofakes3.ListMultipartUploadPartItem{
				PartNumber: p.number, Size: p.size, ETag: p.etag(), LastModified: gofakes3.NewContentTime(time.UnixMilli(p.modified).UTC()),
			})
		}
		return err
	})
	return out, err
}

// ListMultipartUploads implements gofakes3.MultipartBackend. It has one page:
// uploads under way are few.
func (b *backend) ListMultipartUploads(bucket string, _ *gofakes3.UploadListMarker, prefix gofakes3.Prefix, limit int64) (*gofakes3.ListMultipartUploadsResult, error) {
	out := &gofakes3.ListMultipartUploadsResult{Bucket: bucket, Prefix: prefix.Prefix, MaxUploads: limit}
	err := b.view(func(c *db.Conn) error {
		return each(c, `SELECT key, id, started FROM s3_upload WHERE bucket = ? ORDER BY key, id`, []any{bucket}, func(rows *db.Rows) error {
			var key, id string
			var started int64
			if err := rows.Scan(&key, &id, &started); err != nil {
				return err
			}
			if strings.HasPrefix(key, prefix.Prefix) {
				out.Uploads = append(out.Uploads, gofakes3.ListMultipartUploadItem{
					Key: key, UploadID: gofakes3.UploadID(id), StorageClass: gofakes3.StorageStandard,
					Initiated: gofakes3.NewContentTime(time.UnixMilli(started).UTC()),
				})
			}
			return nil
		})
	})
	return out, err
}

// AbortMultipartUpload implements gofakes3.MultipartBackend.
func (b *backend) AbortMultipartUpload(bucket, key string, id gofakes3.UploadID) error {
	var all []part
	err := b.update(func(tx *db.Tx) error {
		_, err := findUpload(tx.Conn, bucket, key, id)
		if err == nil {
			all, err = parts(tx.Conn, id)
		}
		if err == nil {
			err = forgetUpload(tx, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return b.removeParts(all)
}

func forgetUpload(tx *db.Tx, id gofakes3.UploadID) error {
	_, err := tx.Exec(`DELETE FROM s3_part WHERE upload = ?`, string(id))
	if err == nil {
		_, err = tx.Exec(`DELETE FROM s3_upload WHERE id = ?`, string(id))
	}
	return err
}

func (b *backend) removeParts(all []part) (err error) {
	for _, p := range all {
		err = cmp.Or(err, b.files.remove(p.file))
	}
	return err
}

// CompleteMultipartUpload implements gofakes3.MultipartBackend. The parts are
// copied into one file. Its ETag is the MD5 of the whole, not of the parts'
// digests as on AWS. There is no least size of a part.
func (b *backend) CompleteMultipartUpload(bucket, key string, id gofakes3.UploadID, in *gofakes3.CompleteMultipartUploadRequest) (version gofakes3.VersionID, etag string, err error) {
	var meta map[string]string
	var all []part
	err = b.view(func(c *db.Conn) error {
		if meta, err = findUpload(c, bucket, key, id); err != nil {
			return err
		}
		all, err = parts(c, id)
		return err
	})
	if err != nil {
		return "", "", err
	}
	chosen, err := choose(all, in.Parts)
	if err != nil {
		return "", "", err
	}
	whole := &concatenation{files: b.files, parts: chosen}
	defer func() { _ = whole.Close() }() // read only
	c, err := b.files.write(whole)
	if err != nil {
		return "", "", err
	}
	delete(meta, checksumPrefix+"Type") // the checksums of the parts are not kept
	replaced, err := b.name(bucket, key, c, meta, nil)
	if err != nil {
		return "", "", cmp.Or(err, b.files.remove(c.name))
	}
	if err := b.files.remove(replaced); err != nil {
		return "", "", err
	}
	// The object exists. Killed here, the upload is still listed and may be aborted.
	if err := b.update(func(tx *db.Tx) error { return forgetUpload(tx, id) }); err != nil {
		return "", "", err
	}
	return "", gofakes3.FormatETag(c.md5), b.removeParts(all)
}

// choose returns the parts that a completion names.
func choose(all []part, named []gofakes3.CompletedPart) (chosen []part, err error) {
	last := 0
	for _, n := range named {
		if n.PartNumber <= last {
			return nil, gofakes3.ErrInvalidPartOrder
		}
		last = n.PartNumber
		i := slices.IndexFunc(all, func(p part) bool { return p.number == n.PartNumber })
		if i < 0 || strings.Trim(n.ETag, `"`) != strings.Trim(all[i].etag(), `"`) {
			return nil, gofakes3.ErrInvalidPart
		}
		chosen = append(chosen, all[i])
	}
	if len(chosen) == 0 {
		return nil, gofakes3.ErrMalformedXML
	}
	return chosen, nil
}

// concatenation reads parts one after the other.
type concatenation struct {
	files files
	parts []part
	open  *os.File
}

// Read implements io.Reader.
func (c *concatenation) Read(p []byte) (int, error) {
	for {
		if c.open == nil {
			if len(c.parts) == 0 {
				return 0, io.EOF
			}
			file, err := os.Open(c.files.path(c.parts[0].file))
			if err != nil {
				return 0, err
			}
			c.open, c.parts = file, c.parts[1:]
		}
		n, err := c.open.Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if err := c.Close(); err != nil {
			return 0, err
		}
	}
}

// Close implements io.Closer.
func (c *concatenation) Close() error {
	if c.open == nil {
		return nil
	}
	file := c.open
	c.open = nil
	return file.Close()
}
