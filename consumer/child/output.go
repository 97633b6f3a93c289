package child

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// maxLine is where a line that a child prints is cut, in bytes.
const maxLine = 64 << 10

// output turns what a child prints into lines of the log. A first word of "E!", "W!",
// "I!" or "D!" sets a line's level.
type output struct {
	log    *slog.Logger
	stream string
	task   func() (job, index any) // what runs: its job, or the id of a task without one, and its index; nil when nothing does

	mu   sync.Mutex // protects rest
	rest []byte
}

// Write never fails: a child must not be stopped by what it prints.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		o.line(append(o.rest, p[:i]...))
		o.rest = o.rest[:0]
		p = p[i+1:]
	}
	o.rest = append(o.rest, p...)
	if len(o.rest) > maxLine {
		whole := len(o.rest) / maxLine * maxLine
		o.line(o.rest[:whole])
		o.rest = append(o.rest[:0], o.rest[whole:]...)
	}
	return n, nil
}

// flush logs what was printed without a line end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		o.line(o.rest)
		o.rest = nil
	}
}

func (o *output) line(b []byte) {
	for len(b) > maxLine {
		o.line(b[:maxLine])
		b = b[maxLine:]
	}
	level, b := levelOf(bytes.TrimRight(b, "\r"))
	job, task := o.task()
	o.log.Log(context.Background(), level, string(bytes.ToValidUTF8(b, []byte("?"))), "stream", o.stream, "task", task, "job", job)
}

func levelOf(b []byte) (slog.Level, []byte) {
	if len(b) >= 3 && b[1] == '!' && b[2] == ' ' {
		switch b[0] {
		case 'E':
			return slog.LevelError, b[3:]
		case 'W':
			return slog.LevelWarn, b[3:]
		case 'I':
			return slog.LevelInfo, b[3:]
		case 'D':
			return slog.LevelDebug, b[3:]
		}
	}
	return slog.LevelInfo, b
}

// levels of log frames; anything else is info.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
