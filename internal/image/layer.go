package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// layer is a list of files that becomes a compressed archive when somebody asks for it.
type layer struct {
	what    string // for people, and part of the image: nothing of this machine
	entries []entry

	once   sync.Once // guards what follows
	packed []byte
	digest v1.Hash
	diffID v1.Hash
	err    error
}

var _ v1.Layer = (*layer)(nil)

func newLayer(what string, entries []entry) *layer {
	return &layer{what: what, entries: withParents(entries)}
}

// pack writes the archive, once.
func (l *layer) pack() error {
	l.once.Do(func() {
		var out bytes.Buffer
		plain, packed := sha256.New(), sha256.New()
		if l.err = l.write(&out, plain, packed); l.err != nil {
			l.err = fmt.Errorf("pack the layer of %s: %w", l.what, l.err)
			return
		}
		l.packed, l.diffID, l.digest = out.Bytes(), hashOf(plain), hashOf(packed)
	})
	return l.err
}

func (l *layer) write(out io.Writer, plain, packed hash.Hash) error {
	if len(l.entries) == 0 {
		return errEmptyLayer
	}
	zip := gzip.NewWriter(io.MultiWriter(out, packed))
	archive := tar.NewWriter(io.MultiWriter(zip, plain))
	for i := range l.entries {
		if err := l.entries[i].writeTo(archive); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}

func hashOf(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// writeTo writes the entry with nothing in it that differs between machines: no
// owner's name, no time, no size of a device.
func (e *entry) writeTo(w *tar.Writer) error {
	h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	switch {
	case e.mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.name+"/"
		if e.mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
	case e.mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.size
	}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	r, err := e.open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // it was only read
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), r); err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	if !bytes.Equal(sum.Sum(nil), e.sum[:]) {
		return fmt.Errorf("%s has changed while the image was being built: try again", e.from)
	}
	return nil
}

// Digest returns the hash of the compressed archive.
func (l *layer) Digest() (v1.Hash, error) {
	err := l.pack()
	return l.digest, err
}

// DiffID returns the hash of the archive.
func (l *layer) DiffID() (v1.Hash, error) {
	err := l.pack()
	return l.diffID, err
}

// Compressed returns the compressed archive.
func (l *layer) Compressed() (io.ReadCloser, error) {
	err := l.pack()
	return io.NopCloser(bytes.NewReader(l.packed)), err
}

// Uncompressed returns the archive.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	if err := l.pack(); err != nil {
		return nil, err
	}
	return gzip.NewReader(bytes.NewReader(l.packed))
}

// Size returns the number of compressed bytes.
func (l *layer) Size() (int64, error) {
	err := l.pack()
	return int64(len(l.packed)), err
}

// MediaType returns that of OCI's gzipped layers.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
