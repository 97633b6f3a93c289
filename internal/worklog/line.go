package worklog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLine is where a line is cut, in bytes: CloudWatch Logs keeps at most 256 KB of an event, more than a person reads.
const maxLine = 64 << 10

// Line is one that a worker has written.
type Line struct {
	// ID tells it from every other line of the source.
	ID string `json:"-"`
	// At is when it was written.
	At time.Time `json:"at"`
	// Worker is its writer's name, the id of its ECS task.
	Worker string `json:"worker"`
	// Level is DEBUG, INFO, WARN or ERROR; empty when the line does not say.
	Level string `json:"level,omitempty"`
	// Message is what it says: of a line that is no log record, all of it.
	Message string `json:"message"`
	// Job and Task are whose work it is about, where it says so.
	Job  string `json:"job,omitempty"`
	Task *int   `json:"task,omitempty"`
	// Fields are the record's others, in their order.
	Fields []Field `json:"fields,omitempty"`
}

// Field is a key of a log record with its value.
type Field struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Parse reads a line. Whatever it is, it is not an error: what is no record is a message.
func Parse(text string) Line {
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	text = strings.TrimRight(strings.ToValidUTF8(text, "?"), "\r\n")
	fields, ok := parseJSON(text)
	if !ok {
		fields, ok = parseText(text)
	}
	if !ok {
		return Line{Message: text}
	}
	var l Line
	for _, f := range fields {
		l.take(f)
	}
	return l
}

// take sorts a field of a record in.
func (l *Line) take(f Field) {
	switch f.Key {
	case "time":
		if at, err := time.Parse(time.RFC3339Nano, f.Value); err == nil {
			l.At = at
			return
		}
	case "level":
		l.Level = f.Value
		return
	case "msg":
		l.Message = f.Value
		return
	case "job":
		if f.Value != "<nil>" && f.Value != "null" {
			l.Job = f.Value
		}
		return
	case "task":
		if n, err := strconv.Atoi(f.Value); err == nil {
			l.Task = &n
		}
		return
	case "worker":
		if l.Worker == "" {
			l.Worker = f.Value
			return
		}
	}
	l.Fields = append(l.Fields, f)
}

// isRecord reports whether the fields are those that slog begins a record with.
func isRecord(fields []Field) bool {
	has := func(key string) bool { return slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key }) }
	return has("time") && has("msg")
}

// parseJSON reads a record of slog's JSON handler.
func parseJSON(text string) ([]Field, bool) {
	if !strings.HasPrefix(text, "{") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	var fields []Field
	for d.More() {
		key, err := d.Token()
		name, isName := key.(string)
		if err != nil || !isName {
			return nil, false
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, false
		}
		value := string(raw)
		var s string
		if json.Unmarshal(raw, &s) == nil && value != "null" {
			value = s
		}
		fields = append(fields, Field{name, value})
	}
	return fields, isRecord(fields)
}

// parseText reads a record of slog's text handler: key=value, either quoted as in Go when it has to be.
func parseText(text string) ([]Field, bool) {
	if !strings.HasPrefix(text, "time=") {
		return nil, false
	}
	var fields []Field
	for rest := text; rest != ""; {
		var f Field
		var ok bool
		if f.Key, rest, ok = word(rest, "="); !ok || !strings.HasPrefix(rest, "=") {
			return nil, false
		}
		if f.Value, rest, ok = word(rest[1:], " "); !ok {
			return nil, false
		}
		rest = strings.TrimPrefix(rest, " ")
		fields = append(fields, f)
	}
	return fields, isRecord(fields)
}

// word takes a word, quoted or up to the end mark, off the beginning.
func word(s, end string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.Index(s, end)
		if i < 0 {
			return s, "", true
		}
		return s[:i], s[i:], true
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err == nil
}

// String is the line for people, without time and worker.
func (l Line) String() string {
	var b strings.Builder
	b.WriteString(l.Message)
	if l.Job != "" {
		fmt.Fprintf(&b, " job=%s", l.Job)
	}
	if l.Task != nil {
		fmt.Fprintf(&b, " task=%d", *l.Task)
	}
	for _, f := range l.Fields {
		value := f.Value
		if value == "" || strings.ContainsAny(value, " \t\n\"=") {
			value = strconv.Quote(value)
		}
		fmt.Fprintf(&b, " %s=%s", f.Key, value)
	}
	return b.String()
}
