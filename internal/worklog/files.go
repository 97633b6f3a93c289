package worklog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files are the logs of the local endpoint's workers.
type Files struct {
	// Dir holds <worker>.log, and <worker>.log.1 with what was cut off before. Required. One that is not there is empty.
	Dir string
}

// maxFiles is how many files are read at the same time: each needs a descriptor. More are those of workers long gone.
const maxFiles = 200

// Late implements Source: a line is in its file when it is written, but two files are not read at the same moment.
func (f Files) Late() time.Duration { return time.Second }

// Lines implements Source.
func (f Files) Lines(ctx context.Context, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		logs, err := f.find(q)
		if err != nil {
			yield(Line{}, err)
			return
		}
		defer func() {
			for _, l := range logs {
				l.close()
			}
		}()
		for ctx.Err() == nil {
			first := oldest(logs)
			if first == nil {
				return
			}
			if q.wants(first.line) && !yield(first.line, nil) {
				return
			}
			if err := first.next(); err != nil {
				yield(Line{}, err)
				return
			}
		}
		yield(Line{}, context.Cause(ctx))
	}
}

// find opens the files of the workers asked for, the newest when there are too many, each at its first line.
func (f Files) find(q Query) (logs []*logFile, err error) {
	entries, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the workers' logs: %w", err)
	}
	type found struct {
		name, worker string
		changed      time.Time
	}
	var files []found
	for _, e := range entries {
		worker, part, isLog := strings.Cut(e.Name(), ".log")
		info, err := e.Info()
		if !isLog || part != "" && part != ".1" || err != nil || !info.Mode().IsRegular() { // err: it was removed meanwhile
			continue
		}
		if (q.names() == nil || slices.Contains(q.names(), worker)) && !info.ModTime().Before(q.From) {
			files = append(files, found{e.Name(), worker, info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b found) int { return b.changed.Compare(a.changed) })
	for _, file := range files[:min(len(files), maxFiles)] {
		l, err := openLog(filepath.Join(f.Dir, file.name), file.worker)
		if err != nil {
			for _, l := range logs {
				l.close()
			}
			return nil, err
		}
		logs = append(logs, l)
	}
	return logs, nil
}

// oldest is the file whose next line is the oldest; nil when all are at their end.
func oldest(logs []*logFile) (first *logFile) {
	for _, l := range logs {
		if !l.over && (first == nil || l.line.At.Before(first.line.At)) {
			first = l
		}
	}
	return first
}

// logFile is a file at one of its lines.
type logFile struct {
	f      *os.File
	r      *bufio.Reader
	id     string // of the file, whatever its name
	worker string
	offset int64
	line   Line
	over   bool
}

func openLog(path, worker string) (*logFile, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &logFile{over: true}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of worker %s: %w", worker, err)
	}
	l := &logFile{f: f, r: bufio.NewReaderSize(f, maxLine), id: filepath.Base(path), worker: worker}
	if info, err := f.Stat(); err == nil {
		l.line.At = info.ModTime() // of first lines that do not say when they were written
	}
	return l, l.next()
}

func (l *logFile) close() {
	if l.f != nil {
		_ = l.f.Close() // only read
	}
}

// next reads on to the next line. A last one without an end is one that is being written: it is read the next time.
func (l *logFile) next() error {
	text, err := l.r.ReadSlice('\n')
	at := l.offset
	l.offset += int64(len(text))
	for errors.Is(err, bufio.ErrBufferFull) { // longer than any line is shown
		var more []byte
		text = slices.Clone(text)
		more, err = l.r.ReadSlice('\n')
		l.offset += int64(len(more))
	}
	if errors.Is(err, io.EOF) {
		l.over = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log of worker %s: %w", l.worker, err)
	}
	before := l.line.At
	l.line = Parse(string(text))
	if l.line.At.IsZero() {
		l.line.At = before
	}
	// With its time: a file that was cut begins anew.
	l.line.ID, l.line.Worker = fmt.Sprintf("%s:%d:%d", l.id, at, l.line.At.UnixNano()), l.worker
	return nil
}
