package s3

import (
	"cmp"
	"crypto/md5" //nolint:gosec // an ETag is the MD5, as S3 has it
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// files are the objects' contents, one file each, never changed: a new version
// of an object is a new file. So a reader keeps what it has opened, and no
// rename is needed: a name counts when a committed row has it.
type files struct{ dir string }

// path spreads the files over 256 directories, each of which is there from its first file to the next open without one.
func (f files) path(name string) string { return filepath.Join(f.dir, name[:2], name) }

// open creates the root and removes the files that no row names, and directories that are empty then: most states have no
// object, and looking into 256 directories for none took a third of the endpoint's start.
func (f files) open(used map[string]bool) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	dirs, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue // not ours
		}
		if err := f.clean(filepath.Join(f.dir, d.Name()), used); err != nil {
			return err
		}
	}
	return nil
}

// clean removes what is not used from one directory, and the directory with the last file.
func (f files) clean(dir string, used map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	left := 0
	for _, e := range entries {
		if used[e.Name()] {
			left++
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("s3: remove an incomplete object: %w", err)
		}
	}
	if left > 0 {
		return nil
	}
	if err := os.Remove(dir); err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	return nil
}

// create creates the file of a new name, and its directory if need be.
func (f files) create(name string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	file, err := os.OpenFile(f.path(name), flags, 0o600)
	if !errors.Is(err, os.ErrNotExist) {
		return file, err
	}
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(f.path(name), flags, 0o600)
}

// content is what write found.
type content struct {
	name  string
	size  int64
	md5   []byte
	crc32 string // as S3 writes it
}

// write copies r to a new file. Not synced: it survives the process, which is
// what the database promises too.
func (f files) write(r io.Reader) (c content, err error) {
	var id [16]byte
	rand.Read(id[:])
	c.name = hex.EncodeToString(id[:])
	file, err := f.create(c.name)
	if err != nil {
		return c, err
	}
	digest, crc := md5.New(), crc32.NewIEEE() //nolint:gosec // an ETag
	c.size, err = io.Copy(io.MultiWriter(file, digest, crc), r)
	// r's errors are S3's, and known by their type: none is wrapped.
	if err = cmp.Or(err, file.Close()); err != nil {
		return c, cmp.Or(err, f.remove(c.name))
	}
	c.md5, c.crc32 = digest.Sum(nil), checksum(crc)
	return c, nil
}

// remove removes a file that no row names any more; "" is none.
func (f files) remove(name string) error {
	if name == "" {
		return nil
	}
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
