package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// Format is how a file holds arguments.
type Format string

// The formats. None of them is read into memory; no line or record is longer than MaxLine.
const (
	// JSONL is one JSON value a line; blank lines are skipped.
	JSONL Format = "jsonl"
	// CSV has a header line; each further record becomes a map of column to number or string.
	CSV Format = "csv"
	// Lines takes each line that is not blank as a string.
	Lines Format = "lines"
)

// FormatOf returns the format that a file's name suggests, JSONL when it suggests none.
func FormatOf(name string) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return CSV
	case ".txt", ".list":
		return Lines
	}
	return JSONL
}

func (f Format) read(name string, r io.Reader) iter.Seq2[msgpack.RawMessage, error] {
	switch f {
	case JSONL:
		return jsonl(name, r)
	case CSV:
		return csvRows(name, r)
	case Lines:
		return linesOf(name, r)
	}
	return fails(f.check(name))
}

func (f Format) check(name string) error {
	switch f {
	case JSONL, CSV, Lines:
		return nil
	}
	return &InputError{Source: name, Err: fmt.Errorf("unknown input format %q; there are %s, %s and %s", string(f), JSONL, CSV, Lines)}
}

// File is a source that reads a file anew each time. Close it at the end.
type File struct {
	name   string
	format Format
	open   func() (io.ReadCloser, error)
	close  func() error
}

// OpenFile returns the source of the arguments in the file at path; an empty
// format means FormatOf(path). What can be read only once (a named pipe, <(command))
// is spooled first. An error is an *InputError, except that of a spool that cannot be written.
func OpenFile(ctx context.Context, path string, format Format) (*File, error) {
	if format == "" {
		format = FormatOf(path)
	}
	if err := format.check(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &InputError{Source: path, Err: cause(err)}
	}
	defer func() { _ = f.Close() }() // only looked at
	is, err := f.Stat()
	switch {
	case err != nil:
		return nil, &InputError{Source: path, Err: cause(err)}
	case is.IsDir():
		return nil, &InputError{Source: path, Err: errors.New("is a directory")}
	case !is.Mode().IsRegular():
		return Spool(ctx, f, path, format)
	}
	return &File{
		name: path, format: format,
		open:  func() (io.ReadCloser, error) { return os.Open(path) },
		close: func() error { return nil },
	}, nil
}

// cause takes the path out of an error that names it already.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// Args implements Source.
func (f *File) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		r, err := f.open()
		if err != nil {
			yield(nil, &InputError{Source: f.name, Err: cause(err)})
			return
		}
		defer r.Close()
		f.format.read(f.name, r)(yield)
	}
}

// String returns the file's name.
func (f *File) String() string { return f.name }

// Close removes the spool of a file that could be read only once. It may be called more than once.
func (f *File) Close() error { return f.close() }
