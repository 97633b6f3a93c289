package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// Spool copies r, which can be read only once, to a temporary file and returns
// the source that reads it there; name is what errors call it ("standard input"), and
// an empty format means FormatOf(name).
// Close removes the file. Where the system allows it, the file has no name from the
// start, so that not even a killed process leaves it behind.
func Spool(ctx context.Context, r io.Reader, name string, format Format) (*File, error) {
	if format == "" {
		format = FormatOf(name)
	}
	if err := format.check(name); err != nil {
		return nil, err
	}
	spool, err := os.CreateTemp("", "starburst-input-*")
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", name, err)
	}
	removed := os.Remove(spool.Name()) == nil
	remove := func() error {
		err := spool.Close()
		if errors.Is(err, fs.ErrClosed) {
			return nil
		}
		if !removed {
			err = errors.Join(err, os.Remove(spool.Name()))
		}
		return err
	}
	if _, err := io.Copy(spool, contextReader{ctx, r}); err != nil {
		return nil, errors.Join(fmt.Errorf("spool %s to %s: %w", name, os.TempDir(), err), remove())
	}
	return &File{
		name: name, format: format, close: remove,
		open: func() (io.ReadCloser, error) {
			// Each reader has its own position in the one open file.
			return io.NopCloser(io.NewSectionReader(spool, 0, math.MaxInt64)), nil
		},
	}, nil
}

// contextReader ends a copy when the context does, as soon as the read under way returns.
type contextReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no room for it
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
