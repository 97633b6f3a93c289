package ecs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// logs are the tasks' outputs: <task id>.log, and <task id>.log.1 with the part
// that was cut off before.
type logs struct {
	dir   string
	limit int64 // bytes
}

// checkLogsEvery is how often log sizes are looked at while tasks run. Between
// two looks a log may grow past its limit.
const checkLogsEvery = 5 * time.Second

func (l logs) path(id string) string { return filepath.Join(l.dir, id+".log") }

// create opens a new task's log. It is appended to, so that cutting it leaves
// no hole: the next write goes to the new end.
func (l logs) create(id string) (*os.File, error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(l.path(id), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// cut shortens a log that has passed the limit. The task holds the file open,
// so it is copied and truncated rather than renamed; what the task writes
// between the two is lost, as with logrotate's copytruncate.
func (l logs) cut(id string) error {
	info, err := os.Stat(l.path(id))
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() <= l.limit {
		return nil
	}
	if err == nil {
		var kept []byte
		if kept, err = l.end(id, l.limit/2); err == nil {
			err = errors.Join(os.WriteFile(l.path(id)+".1", kept, 0o600), os.Truncate(l.path(id), 0))
		}
	}
	if err != nil {
		return fmt.Errorf("cut log of task %s: %w", id, err)
	}
	return nil
}

// end returns the last n bytes of a log.
func (l logs) end(id string, n int64) ([]byte, error) {
	f, err := os.Open(l.path(id))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from := max(0, size-n)
	return io.ReadAll(io.NewSectionReader(f, from, size-from))
}

// tail returns the last lines of a log, at most n bytes of them, as text for a
// stopped reason; "" when there is nothing to show.
func (l logs) tail(id string, n int64) string {
	raw, err := l.end(id, n)
	if err != nil {
		return ""
	}
	s := strings.ToValidUTF8(string(raw), "")
	if _, after, more := strings.Cut(s, "\n"); more && int64(len(raw)) == n && after != "" {
		s = after // the first line is probably incomplete
	}
	return strings.TrimSpace(strings.Map(printable, s))
}

func printable(r rune) rune {
	if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}

func (l logs) remove(id string) error {
	var errs []error
	for _, p := range []string{l.path(id), l.path(id) + ".1"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
