package s3

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/johannesboyne/gofakes3"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// backend implements gofakes3.Backend on SQLite rows and files.
//
// gofakes3 hands it no context, so its database calls have none to pass on.
type backend struct {
	db    *db.DB
	files files
}

var _ gofakes3.Backend = (*backend)(nil)

// Keys are BLOBs: they are compared byte by byte, as S3 orders them, and need
// not be valid UTF-8.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS s3_bucket(name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS s3_object(bucket TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, md5 BLOB NOT NULL,
		modified INTEGER NOT NULL, meta TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY(bucket, key)) WITHOUT ROWID`,
}

func openBackend(d *db.DB, dir string) (*backend, error) {
	b := &backend{db: d, files: files{dir}}
	err := b.update(func(tx *db.Tx) error {
		for _, statement := range slices.Concat(schema, uploadSchema) {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("s3: create tables: %w", err)
	}
	used := map[string]bool{}
	err = b.view(func(c *db.Conn) error {
		return each(c, `SELECT file FROM s3_object UNION ALL SELECT file FROM s3_part`, nil, func(rows *db.Rows) error {
			var name string
			err := rows.Scan(&name)
			used[name] = true
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("s3: read objects: %w", err)
	}
	return b, b.files.open(used)
}

func (b *backend) update(write func(tx *db.Tx) error) error {
	return b.db.Update(context.Background(), write)
}

func (b *backend) view(read func(c *db.Conn) error) error {
	return b.db.View(context.Background(), read)
}

// each calls visit for every row.
func each(c *db.Conn, query string, args []any, visit func(*db.Rows) error) (err error) {
	rows, err := c.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ListBuckets implements gofakes3.Backend.
func (b *backend) ListBuckets() (buckets []gofakes3.BucketInfo, err error) {
	err = b.view(func(c *db.Conn) error {
		return each(c, `SELECT name, created FROM s3_bucket ORDER BY name`, nil, func(rows *db.Rows) error {
			var name string
			var created int64
			if err := rows.Scan(&name, &created); err != nil {
				return err
			}
			buckets = append(buckets, gofakes3.BucketInfo{Name: name, CreationDate: gofakes3.NewContentTime(time.UnixMilli(created).UTC())})
			return nil
		})
	})
	return buckets, err
}

func bucketExists(c *db.Conn, name string) (bool, error) {
	var one int
	return c.Row(`SELECT 1 FROM s3_bucket WHERE name = ?`, []any{name}, &one)
}

// needBucket returns S3's error when the bucket does not exist.
func needBucket(c *db.Conn, name string) error {
	exists, err := bucketExists(c, name)
	if err == nil && !exists {
		return gofakes3.BucketNotFound(name)
	}
	return err
}

// BucketExists implements gofakes3.Backend.
func (b *backend) BucketExists(name string) (exists bool, err error) {
	err = b.view(func(c *db.Conn) error {
		exists, err = bucketExists(c, name)
		return err
	})
	return exists, err
}

// CreateBucket implements gofakes3.Backend.
func (b *backend) CreateBucket(name string) error {
	return b.update(func(tx *db.Tx) error {
		exists, err := bucketExists(tx.Conn, name)
		if err != nil {
			return err
		}
		if exists {
			return gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, name)
		}
		_, err = tx.Exec(`INSERT INTO s3_bucket(name, created) VALUES (?, ?)`, name, time.Now().UnixMilli())
		return err
	})
}

// DeleteBucket implements gofakes3.Backend.
func (b *backend) DeleteBucket(name string) error {
	return b.update(func(tx *db.Tx) error {
		if err := needBucket(tx.Conn, name); err != nil {
			return err
		}
		var one int
		full, err := tx.Row(`SELECT 1 FROM s3_object WHERE bucket = ?1 UNION ALL SELECT 1 FROM s3_upload WHERE bucket = ?1 LIMIT 1`, []any{name}, &one)
		if err != nil {
			return err
		}
		if full {
			return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
		}
		_, err = tx.Exec(`DELETE FROM s3_bucket WHERE name = ?`, name)
		return err
	})
}

// ForceDeleteBucket implements gofakes3.Backend. S3 has no such call; only
// MinIO's clients send it.
func (b *backend) ForceDeleteBucket(string) error { return gofakes3.ErrNotImplemented }
